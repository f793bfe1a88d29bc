"""The same table in files of many formats, as other programs write them."""

import gzip
from importlib.util import find_spec

import h5py
import numpy as np
import pandas
import xarray
from scipy import io, sparse


def text(separator, ending="\n"):
    def write(path, array):
        lines = [separator.join(map(repr, row)) for row in np.asarray(array, float).tolist()]
        names = separator.join(f"c{k}" for k in range(array.shape[1]))
        content = (ending.join([names, *lines]) + ending).encode()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)

    return write


def words(path, array):
    """Write a table with a column of words in front, and one in between."""
    frame = pandas.DataFrame(array, columns=[f"c{k}" for k in range(array.shape[1])])
    frame.insert(0, "who", [f"row {k}" for k in range(len(frame))])
    frame.insert(2, "kind", ["red", "green"] * (len(frame) // 2) + ["red"] * (len(frame) % 2))
    frame.to_csv(path, index=False, float_format="%.17g")


def anndata(kind):
    def write(path, array):
        strings = h5py.string_dtype()
        with h5py.File(path, "w") as file:
            if kind == "dense":
                file["X"] = array
            else:
                packed = getattr(sparse, f"{kind}_matrix")(array)
                group = file.create_group("X")
                group.attrs.update({"encoding-type": f"{kind}_matrix", "shape": packed.shape})
                for name in ("data", "indices", "indptr"):
                    group[name] = getattr(packed, name)
            file.create_group("var").attrs["_index"] = "gene"
            names = [f"gene {k}" for k in range(array.shape[1])]
            file["var"].create_dataset("gene", data=names, dtype=strings)
            file.create_group("obsm")["X_pca"] = array[:, :2]

    return write


def matlab_7_3(path, array):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["x"] = array.T
        file["x"].attrs["MATLAB_class"] = np.bytes_("double")
        file["label"] = np.ones((1, len(array)))
        file["label"].attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


def netcdf(**how):
    def write(path, array):
        found = xarray.Dataset({"x": (("time", "site"), array)})
        found.assign_coords(time=np.arange(len(array))).to_netcdf(path, **how)

    return write


def hdf5(path, array):
    with h5py.File(path, "w") as file:
        file["run/x"] = array


def parquet(path, array):
    names = [f"c{k}" for k in range(array.shape[1])]
    frame = pandas.DataFrame(array, columns=names).assign(word="w")
    frame.to_parquet(path, index=False, row_group_size=50)


WRITERS = {
    "x.npy": np.save,
    "x.npz": lambda path, array: np.savez_compressed(path, x=array),
    "images.npy": lambda path, array: np.save(path, array[:, None, :]),
    "x.h5": hdf5,
    "x.csv": text(","),
    "x.tsv": text("\t"),
    "x.txt": text(" ", "\r\n"),
    "x.csv.gz": text(";"),
    "words.csv": words,
    "dense.h5ad": anndata("dense"),
    "csr.h5ad": anndata("csr"),
    "csc.h5ad": anndata("csc"),
    "five.mat": lambda path, array: io.savemat(path, {"x": array, "label": np.ones(len(array))}),
    "small.mat": lambda path, array: io.savemat(path, {"x": array}, do_compression=True),
    "sparse.mat": lambda path, array: io.savemat(path, {"x": sparse.csc_matrix(array)}),
    "seven.mat": matlab_7_3,
    "classic.nc": netcdf(format="NETCDF3_CLASSIC", engine="scipy"),
    "four.nc": netcdf(engine="h5netcdf"),
}
if find_spec("pyarrow"):
    WRITERS["x.parquet"] = parquet
