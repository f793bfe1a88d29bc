"""Compiled inner loops: arrays in, arrays out, nothing of the rest of the package.

One file per family, each calling only compiled functions of its own file:
numba's on-disk cache does not notice an edit in another one.
"""
