"""Inside: what a model makes of one image, layer by layer."""
