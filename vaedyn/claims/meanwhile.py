"""What another process compiles meanwhile, where numba can use only one core of this one."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..kernels.jit import cached_files
from ..machine import cores

START = "import pickle, sys; sys.path[:] = pickle.loads(bytes.fromhex(sys.argv[1])); "


@contextmanager
def compiled_meanwhile(kernels: tuple[Any, ...], code: str) -> Iterator[Callable[[], object]]:
    """Let another process compile kernels, and yield a function that waits for it.

    It finds their machine code on disk. There is no other process where one of them has machine
    code already, where none can be kept, and on one core. It ends with the context.

    Parameters
    ----------
    kernels : tuple of compiled functions
    code : str
        Lines of Python that use them; whatever they do, nothing is printed.
    """
    fresh = all(kernel.stats.cache_path and not cached_files(kernel) for kernel in kernels)
    if not fresh or cores() == 1:
        yield lambda: None
        return
    process = subprocess.Popen(
        [sys.executable, "-c", START + code, pickle.dumps(sys.path).hex()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # a group of its own, so that Ctrl-C reaches this process alone
        process_group=0 if os.name == "posix" else None,
    )
    try:
        yield process.wait
    finally:
        process.kill()
        process.wait()
