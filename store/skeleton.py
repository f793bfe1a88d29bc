"""The parts of a record's file that are alike among many records: built once, read in few calls.

Making and labelling datasets takes most of the time of writing a small record. All
records whose variables have the same names, dimensions, shapes, types and attributes
share that part of the file, so it is made once, in memory, and copied. h5py's objects
would then take most of the time that is left, hence its low-level functions.
"""

import math
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5f, h5g, h5p, h5s, h5t  # pyright: ignore[reportAttributeAccessIssue]

Notes = tuple[tuple[str, str], ...]
Layout = tuple[tuple[str, tuple[str, ...], tuple[int, ...], str, Notes], ...]
"""Name, dimensions, shape, type and attributes of every variable."""

Place = tuple[str, tuple[str, ...], tuple[int, ...], str, Notes, int | None]
"""The same of one variable, and where in the file its numbers begin, if there are any."""

FAULTS = (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError)
"""What HDF5 and h5py raise when a file is damaged."""

SCALE_NOTES = {b"CLASS", b"NAME", b"DIMENSION_LIST", b"REFERENCE_LIST"}  # HDF5's own
INDEX = b"index"  # marks the coordinates that only count
TEXT = h5py.string_dtype()
WRITABLE = 1  # HDF5 calls it H5LT_FILE_IMAGE_OPEN_RW
SHORT = 24  # bytes of a text that could stand elsewhere in a file, too


@lru_cache(maxsize=64)
def skeleton(layout: Layout, block: int, *, room: bool) -> tuple[bytes, dict[str, int]]:
    """Return an HDF5 file without its `block` of leading bytes, all variables still empty.

    With `room` it has place for their values, and the offsets of these are returned, too.

    Raises
    ------
    ValueError
        When shapes do not fit the dimensions.
    """
    own = f"skeleton of {threading.get_ident()}"  # HDF5 opens no name twice at a time
    with h5py.File(
        own, "w", driver="core", backing_store=False, track_order=True, userblock_size=block
    ) as file:
        datasets, offsets = {}, {}
        for name, _, shape, kind, notes in layout:
            values = np.zeros(shape, kind) if room else None
            datasets[name] = file.create_dataset(name, shape, kind, values, track_times=False)
            datasets[name].attrs.update(notes)
            offsets[name] = (datasets[name].id.get_offset() or block) - block
        for dim, size in _sizes(layout).items():
            if dim not in datasets:
                scale = file.create_dataset(dim, data=np.arange(size), track_times=False)
                scale.attrs[INDEX] = "1"
                datasets[dim] = scale
            datasets[dim].make_scale(dim)
        for name, dims, *_ in layout:
            if dims != (name,):
                for axis, dim in enumerate(dims):
                    datasets[name].dims[axis].attach_scale(datasets[dim])
        file.flush()
        return file.id.get_file_image(), offsets


def _sizes(layout: Layout) -> dict[str, int]:
    """Return the length of every dimension."""
    sizes: dict[str, int] = {}
    for name, dims, shape, *_ in layout:
        if len(dims) != len(shape):
            raise ValueError(f"{name} has shape {shape} but dimensions {dims}")
        for dim, size in zip(dims, shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise ValueError(f"dimension {dim} is {sizes[dim]} long, but {size} in {name}")
    return sizes


@lru_cache(maxsize=1)
def _access() -> h5p.PropFAID:
    """Return how files are opened: without locks, since they are private until renamed."""
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    access.set_file_locking(False, True)
    return access


def filled(
    layout: Layout, block: int, arrays: dict[str, np.ndarray], attributes: dict[str, str]
) -> bytes:
    """Return the bytes of a file, without its `block` of leading ones, made in memory.

    Files whose attributes are as long are alike but for these and for the numbers, and
    are made without HDF5 but for the first.
    """
    texts = {name: text.encode() for name, text in attributes.items()}
    alike = tuple((name, text if len(text) < SHORT else len(text)) for name, text in texts.items())
    found = _alike(layout, block, alike)
    if found:
        frame, places = bytearray(found[0]), found[1]
        for name, at in places.items():
            frame[at : at + len(texts[name])] = texts[name]
    else:
        image = _annotated(block, skeleton(layout, block, room=True)[0], attributes)
        frame = without_numbers(image, _spans(layout, block))
    pieces: list[Any] = []
    done = taken = 0
    for name, offset, size in _spans(layout, block):
        taken, past = offset - done, taken
        pieces += memoryview(frame)[past:taken], arrays[name].tobytes()
        done += size
    return b"".join([*pieces, memoryview(frame)[taken:]])


@lru_cache(maxsize=64)
def _spans(layout: Layout, block: int) -> list[tuple[str, int, int]]:
    """Return names, offsets and lengths in bytes of the numbers in a file, in their order."""
    offsets = skeleton(layout, block, room=True)[1]
    sizes = {name: math.prod(shape) * np.dtype(kind).itemsize for name, _, shape, kind, _ in layout}
    spans = [(name, offsets[name], size) for name, size in sizes.items() if size]
    return sorted(spans, key=lambda span: span[1])


def without_numbers(image: bytes, spans: Iterable[tuple[Any, int, int]]) -> bytes:
    """Return a file but for `spans`, each with its offset and length, in their order."""
    view, end, pieces = memoryview(image), 0, []
    for _, offset, size in spans:
        pieces.append(view[end:offset])
        end = offset + size
    return b"".join([*pieces, view[end:]])


@lru_cache(maxsize=512)
def _alike(
    layout: Layout, block: int, alike: tuple[tuple[str, bytes | int], ...]
) -> tuple[bytes, dict[str, int]] | None:
    """Return a file without its numbers, with attributes of given texts or lengths.

    With it comes where those of given lengths stand in what is returned. None where that
    cannot be found out.
    """
    marks = {
        name: chr(ord("A") + i) * of for i, (name, of) in enumerate(alike) if isinstance(of, int)
    }
    given = {name: of.decode() for name, of in alike if isinstance(of, bytes)}
    attributes = {name: given.get(name) or marks.get(name, "") for name, _ in alike}
    image = _annotated(block, skeleton(layout, block, room=True)[0], attributes)
    frame = without_numbers(image, _spans(layout, block))
    texts = {name: mark.encode() for name, mark in marks.items()}
    if any(frame.count(text) != 1 for text in texts.values()):
        return None
    return frame, {name: frame.index(text) for name, text in texts.items()}


def _annotated(block: int, empty: bytes, attributes: dict[str, str]) -> bytes:
    """Return a file, without its `block` of leading bytes, with these attributes in addition."""
    file = h5f.open_file_image(bytes(block) + empty, flags=WRITABLE)
    try:
        _annotate(file, attributes)
        h5f.flush(file)
        return file.get_file_image()
    finally:
        file.close()


def fill(path: bytes, arrays: dict[str, np.ndarray], attributes: dict[str, str]) -> None:
    """Put the arrays, and the root group's attributes, into a file that is a skeleton so far."""
    file = h5f.open(path, h5f.ACC_RDWR, fapl=_access())
    try:
        for name, array in arrays.items():
            h5d.open(file, name.encode()).write(h5s.ALL, h5s.ALL, np.ascontiguousarray(array))
        _annotate(file, attributes)
    finally:
        file.close()


def _annotate(file: h5f.FileID, attributes: dict[str, str]) -> None:
    root = h5g.open(file, b"/")
    stored, given = h5t.py_create(TEXT, logical=True), h5t.py_create(TEXT)
    scalar = h5s.create(h5s.SCALAR)
    for name, text in attributes.items():
        attribute = h5a.create(root, name.encode(), stored, scalar)
        attribute.write(np.array(text, dtype=TEXT), mtype=given)


def places_of(image: bytes) -> tuple[list[Place], dict[str, str]]:
    """Return where HDF5 finds the variables of a file that is given by its bytes.

    Their numbers are left alone, and so is the memory that they would take.

    Returns
    -------
    places : list of Place
    attributes : dict
        Those of the root group.

    Raises
    ------
    FAULTS
        When it is damaged, or no variable that a record holds.
    """
    # HDF5 sees a copy in memory: no lock, and no quarrel with others who have it open
    file = h5f.open_file_image(image)
    try:
        root = h5g.open(file, b"/")
        datasets = {name: h5d.open(file, name) for name in root}
        names = {dataset: name.decode() for name, dataset in datasets.items()}
        places: list[Place] = []
        for dataset, name in names.items():
            listed = _attribute_names(dataset)
            if INDEX in listed:
                continue
            if h5ds.is_scale(dataset):
                dims = (name,)
            else:
                dims = tuple(names[_scale(dataset, axis)] for axis in range(dataset.rank))
            notes = {key.decode(): _text(dataset, key) for key in listed if key not in SCALE_NOTES}
            shape, kind, offset = dataset.shape, dataset.dtype, dataset.get_offset()
            if kind.kind not in "iuf" or (offset is None and math.prod(shape)):
                raise ValueError(f"{name} does not hold numbers in one piece")
            places.append((name, dims, shape, kind.str, tuple(notes.items()), offset))
        return places, {key.decode(): _text(root, key) for key in _attribute_names(root)}
    finally:
        file.close()


def _attribute_names(place: Any) -> list[bytes]:
    found: list[bytes] = []
    h5a.iterate(place, lambda name, *_: found.append(name))
    return found


def _scale(dataset: h5d.DatasetID, axis: int) -> h5d.DatasetID:
    """Return the coordinate of an axis."""
    found: list[h5d.DatasetID] = []
    h5ds.iterate(dataset, axis, found.append, 0)
    return found[0]


def _text(place: Any, name: bytes) -> str:
    value: Any = np.empty((), TEXT)
    h5a.open(place, name).read(value)
    return value.item().decode()
