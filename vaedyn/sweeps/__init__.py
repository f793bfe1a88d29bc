"""Grids of models, computed on many cores or on a cluster."""
