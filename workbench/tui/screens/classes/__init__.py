"""Classes: results class by class, and whether a model's confidence can be trusted."""
