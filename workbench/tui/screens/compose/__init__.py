"""Compose: build a model layer by layer and see every shape before anything runs."""
