"""Tables of single cells in the files of AnnData: cells are rows, genes are columns."""

from pathlib import Path
from typing import Any

import h5py

from .arrays import Content
from .chosen import Column
from .hdf5 import open_hdf5


def open_h5ad(path: Path, name: str) -> Content:
    """Return a table in an .h5ad file: without a name, X."""
    content = open_hdf5(path, name or "/X")
    with h5py.File(path, "r") as file:
        names = _names(file)
    if content.name.startswith(("/X", "/layers/")) and len(names) == content.columns:
        labels = [Column(k + 1, name) for k, name in enumerate(names)]
        content = content._replace(labels=labels)
    return content


def _names(file: h5py.File) -> list[str]:
    """Return the names of genes, or none where they are kept in another way."""
    try:
        genes: Any = file["var"]
        if isinstance(genes, h5py.Dataset):  # as it was written until 2019
            values = genes["index" if "index" in (genes.dtype.names or ()) else "_index"]
        else:
            values = genes[genes.attrs.get("_index", "_index")][:]
        return [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values]
    except (KeyError, ValueError, TypeError, AttributeError, OSError):
        return []
