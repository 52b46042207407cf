"""The screens. They stand on the same headless core as the commands and never import Keras."""
