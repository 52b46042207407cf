"""The image data sets: which there are, what is in a file, and its arrays. Knows no Keras."""
