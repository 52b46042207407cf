"""Tables written out: markdown, CSV, JSON, LaTeX, the terminal."""
