"""One module or folder a screen; its stylesheet of the same name lies in `layouts/`."""
