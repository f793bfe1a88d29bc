"""Arrays of MATLAB: which one is the table, and where the samples are."""

import numpy as np

from .arrays import MOST_AXES
from .lines import TableError


def samples_first(place: str, shape: tuple[int, ...]) -> None:
    """Refuse arrays whose samples are probably along the last axis, as is usual in MATLAB.

    Raises
    ------
    TableError
    """
    if len(shape) > 2 and shape[-1] > shape[0]:
        order = f"[{len(shape)} {' '.join(str(k + 1) for k in range(len(shape) - 1))}]"
        raise TableError(
            f"{place} has shape {shape}: samples must be along the first axis: permute(x, {order}) "
            "if they are along the last one"
        )


def matrices(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return which arrays can be the table, where numbers and vectors have two axes, too."""
    large = [
        key for key, shape in shapes.items()
        if 2 <= len(shape) <= MOST_AXES and shape[0] > 1 and np.prod(shape[1:]) > 1
    ]  # fmt: skip
    if not large:
        return [key for key, shape in shapes.items() if len(shape) == 2 and max(shape) > 1]
    rows, *others = shapes[large[0]]
    vectors = [
        key for key, shape in shapes.items()
        if len(shape) == 2 and min(shape) == 1 and max(shape) == rows > 1
    ]  # fmt: skip
    # as many numbers per sample beside it as in it: these may be the columns
    return large + vectors if len(large) == 1 and len(vectors) >= int(np.prod(others)) else large
