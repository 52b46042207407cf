"""Models: the paper's nine and the user's own, how each looks, and how good it is."""
