"""Tables of numbers in users' files: text, NumPy, HDF5 and netCDF."""
