"""What a model is: layers, shapes, parameters, settings and presets. Knows no Keras."""
