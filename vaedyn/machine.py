"""The machine that vaedyn runs on."""

import os
from contextlib import suppress
from pathlib import Path


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> float:
    """Return how many bytes may be taken without harm, inf where that is not known."""
    known = [float("inf")]
    with suppress(OSError, ValueError, IndexError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable"))
        known.append(1024 * float(line.split()[1]))
    with suppress(OSError, ValueError):  # of a container
        group = Path("/sys/fs/cgroup")
        most, now = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        known.append(float(most) - float(now))
    return min(known)
