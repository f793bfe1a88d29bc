"""Compiled inner loops: arrays in, arrays out, nothing of the rest of the package.

One file per family. `constants` has what all of them take of the model, and is plain Python;
`jit` says how the others are compiled and kept.
"""
