"""Which runs of an ensemble are simulated side by side, and which one after the other."""

from itertools import pairwise

FEWEST = 4  # runs that are worth being simulated side by side


def groups(first: int, runs: int, workers: int, together: bool) -> list[range]:
    """Cut runs ``first, ..., runs - 1`` into groups, in order, for so many threads.

    The last thread is to finish as soon as can be, and else as little as possible is to be done
    in all. Where runs cannot go `together`, each is a group.
    """
    from ..kernels.lanes import TOGETHER

    wanted = runs - first

    def effort(size: int) -> tuple[int, bool, int]:
        full, rest = divmod(wanted, size)
        time = -(-full // workers) * _cost(size) + (_cost(rest) if full % workers == 0 else 0)
        # with as much time, runs one by one spare users that another kernel is compiled
        return time, size > 1, full * _cost(size) + _cost(rest)

    size = min([1, *range(FEWEST, TOGETHER + 1)], key=effort) if together else 1
    rest = runs - wanted % size
    single = 1 if runs - rest < FEWEST else size
    return [
        range(*pair)
        for pair in pairwise([*range(first, rest, size), *range(rest, runs, single), runs])
    ]


def _cost(runs: int) -> int:
    """Return how long a thread takes for runs, about, as measured; alone, one takes 1.

    Side by side, normals are drawn for half of the lanes or for all.
    """
    from ..kernels.lanes import HALF

    return runs if runs < FEWEST else 3 if runs <= HALF else 4
