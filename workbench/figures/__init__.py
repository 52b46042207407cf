"""Figures for reports: the curves of runs, drawn with Matplotlib, which is known here alone."""
