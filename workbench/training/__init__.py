"""Training: data sets, models, the loop and the worker. The one package that imports Keras."""
