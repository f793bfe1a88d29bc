"""`python -m tests.compiling`: how long each kernel takes to compile, and who needs it first.

An empty cache, one process, and its CPU time: what is compiled already is not compiled again.
"""

import os
import tempfile
import time
from typing import NamedTuple

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # before any kernel looks for its folder

from numba.core import event

import vaedyn

SMALL = vaedyn.Params(dim=50, t_max=5, points=3)
TWO = SMALL.replace(latent=2, signal=2)
RATES = {"lr": (0.01, 0.02, 0.03)}
FIRST = {
    "theory": lambda: vaedyn.theory(SMALL),
    "theory --anneal": lambda: vaedyn.theory(SMALL, anneal="linear:2"),
    "theory --latent 2": lambda: vaedyn.theory(TWO),
    "theory, three rates": lambda: vaedyn.theory(TWO, **RATES),
    "theory --noise": lambda: vaedyn.theory(TWO, noise="1.2*0.5,0.8*0.5"),
    "theory --optimiser adam": lambda: vaedyn.theory(TWO, optimiser="adam", batch=8),
    "fixedpoints": lambda: vaedyn.fixed_points(SMALL),
    "fixedpoints --latent 2": lambda: vaedyn.fixed_points(TWO),
    "plot phase-diagram": lambda: vaedyn.phase_diagram(
        TWO, ("beta", [1.19, 2.0]), ("lr", [1.07, 1.6]), rho=(3, 1)
    ),
    "bands": lambda: vaedyn.bands(SMALL),
    "bands, three rates": lambda: vaedyn.bands(TWO, **RATES),
    "simulate": lambda: vaedyn.simulate(SMALL, runs=1),
    "simulate --engine vector": lambda: vaedyn.simulate(SMALL, runs=1, engine="vector"),
}


class Compiled(NamedTuple):
    """A kernel with the leaves that no kernel before it had needed: CPU seconds, and how many."""

    needed_by: str
    name: str
    seconds: float
    leaves: int


class _Listener(event.Listener):
    """Notes kernels, not the functions that these call."""

    def __init__(self) -> None:
        self.found: list[Compiled] = []
        self.needed_by, self.depth, self.leaves, self.began = "", 0, 0, 0.0

    def on_start(self, event: event.Event) -> None:
        """Note when a kernel begins."""
        if not self.depth:
            self.began, self.leaves = time.process_time(), 0
        self.depth += 1

    def on_end(self, event: event.Event) -> None:
        """Keep a kernel that is done."""
        self.depth -= 1
        if self.depth:
            self.leaves += 1
            return
        code = event.data["dispatcher"].py_func
        name = f"{code.__module__.rpartition('.')[2]}.{code.__qualname__}"
        seconds = time.process_time() - self.began
        self.found.append(Compiled(self.needed_by, name, seconds, self.leaves))


def measured() -> list[Compiled]:
    """Use everything once, and return what was compiled for it."""
    listener = _Listener()
    event.register("numba:compile", listener)
    for listener.needed_by, use in FIRST.items():
        use()
    event.unregister("numba:compile", listener)
    return listener.found


def main() -> None:
    """Print a table."""
    found = measured()
    print("| kernel | first needed by | leaves | CPU seconds |\n| --- | --- | --- | --- |")
    for each in found:
        print(f"| `{each.name}` | {each.needed_by} | {each.leaves} | {each.seconds:.2f} |")
    print(f"| all | | | {sum(each.seconds for each in found):.1f} |")
    for needed_by in FIRST:
        total = sum(each.seconds for each in found if each.needed_by == needed_by)
        print(f"{needed_by}: {total:.2f}")


if __name__ == "__main__":
    main()
