"""Words about which columns of a table were read."""

from collections.abc import Sequence
from itertools import pairwise

from .chosen import Column

MOST_NAMED = 5


def shown(columns: Sequence[Column]) -> str:
    """Return the numbers of columns, runs of them as ranges, as --columns takes them."""
    numbers = [column.number for column in columns]
    starts = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(numbers)) if b != a + 1)]
    ends = [*(start - 1 for start in starts[1:]), len(numbers) - 1]
    # a range is never taken for a name
    return ",".join(f"{numbers[a]}-{numbers[b]}" for a, b in zip(starts, ends, strict=True))


def named(columns: Sequence[Column]) -> str:
    """Return the first names of columns, or nothing where they have none."""
    names = [str(column)[:30] for column in columns[:MOST_NAMED]]
    if not any(column.name for column in columns):
        return ""
    return ", ".join(names) + ", ..." * (len(columns) > MOST_NAMED)


def left_out(labels: Sequence[Column]) -> list[str]:
    """Return in words how many columns were left out for what they hold, if any."""
    out = [column for column in labels if column.why]
    if not out:
        return []
    some = [f"{column} ({column.why})" for column in out[:MOST_NAMED]]
    some += ["..."] * (len(out) > MOST_NAMED)
    count, it = ("1 column", "it") if len(out) == 1 else (f"{len(out)} columns", "them")
    return [f"{count} left out, not numbers: {', '.join(some)}; columns are counted without {it}"]
