"""The one way kernels are compiled and kept on disk.

numba's own cache looks only at the file a function stands in, so an edited or
upgraded callee in another file would go unnoticed. Here the cache folder is
named after the contents of all kernel files together: any change starts a new
one, and an installation nobody can write to works like any other.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numba
from numba.core import config


def cache_folder() -> Path:
    """Return the folder for this version's machine code in the user's cache."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    if "XDG_CACHE_HOME" in os.environ:
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches").expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "~")).expanduser()
    else:
        base = Path("~/.cache").expanduser()
    return base / "vaedyn" / f"kernels-{digest.hexdigest()[:16]}"


FOLDER = str(cache_folder())
log = logging.getLogger(__name__)


def kernel(function: Callable, **options) -> Callable:
    """Compile `function` with numba on first call, without the GIL, cached on disk.

    A folder named by ``NUMBA_CACHE_DIR`` takes precedence. Where nothing can be
    written, the kernel is compiled anew in every process instead of failing.
    """
    options = {"nogil": True, "error_model": "numpy", **options}
    chosen: str = getattr(config, "CACHE_DIR")  # noqa: B009
    try:
        setattr(config, "CACHE_DIR", chosen or FOLDER)  # noqa: B010
        return numba.njit(function, cache=True, **options)
    except (RuntimeError, OSError):
        return numba.njit(function, **options)
    finally:
        setattr(config, "CACHE_DIR", chosen)  # noqa: B010


def fused(function: Callable) -> Callable:
    """Compile a kernel that may contract ``a * b + c`` into one instruction."""
    return kernel(function, fastmath={"contract"})


def reordered(function: Callable) -> Callable:
    """Compile a kernel whose sums may be reordered, which is what lets them use SIMD registers.

    NaN and infinity keep their meaning.
    """
    return kernel(function, fastmath={"contract", "reassoc", "nsz"})


def announce(*functions: Callable) -> None:
    """Log, at level INFO, that kernels are about to be compiled, if they are."""
    for function in functions:
        code = function.py_func  # pyright: ignore[reportFunctionMemberAccess]
        folder = function.stats.cache_path  # pyright: ignore[reportFunctionMemberAccess]
        module = code.__module__.rpartition(".")[2]
        if not folder or not any(Path(folder).glob(f"{module}.{code.__name__}-*.nbi")):
            log.info("compiling; this happens once and takes some seconds")
            return
