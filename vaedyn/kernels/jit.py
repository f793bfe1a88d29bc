"""The one way kernels are compiled and kept on disk.

numba's own cache looks only at the file a function stands in, so an edited or
upgraded callee in another file would go unnoticed. Here the cache folder is
named after the contents of all kernel files together: any change starts a new
one, and an installation nobody can write to works like any other.
"""

import functools
import hashlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import config

OPTIONS: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
LEAF: Any = {**OPTIONS, "_nrt": False}

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for this version's machine code in the user's cache.

    Raises
    ------
    RuntimeError
        When the user has no home.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches").expanduser()
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or "~").expanduser()
    else:
        base = Path("~/.cache").expanduser()
    return base / "vaedyn" / f"kernels-{digest.hexdigest()[:16]}"


def kernel(function: Callable, **options) -> Callable:
    """Compile `function` with numba on first call, without the GIL, cached on disk.

    ``a * b + c`` may become one instruction. A folder named by ``NUMBA_CACHE_DIR``
    takes precedence. Where nothing can be written, the kernel is compiled anew in
    every process instead of failing.
    """
    options = {**OPTIONS, **options}
    chosen: str = getattr(config, "CACHE_DIR")  # noqa: B009
    try:
        folder = chosen or str(cache_folder())
        setattr(config, "CACHE_DIR", folder)  # noqa: B010
        compiled = numba.njit(function, cache=True, **options)
        # numba itself turns to a folder beside the source, where edited callees go unnoticed
        if Path(compiled.stats.cache_path or "").is_relative_to(folder):
            return _outspoken(compiled)
    except (RuntimeError, OSError):
        pass
    finally:
        setattr(config, "CACHE_DIR", chosen)  # noqa: B010
    return _outspoken(numba.njit(function, **options))


def _outspoken(compiled: Callable) -> Callable:
    """Let a kernel say that it is compiled, also again where its machine code is damaged."""
    cache = compiled._cache  # pyright: ignore[reportFunctionMemberAccess]
    load = cache.load_overload

    def load_overload(signature, context):
        found = None
        try:
            found = load(signature, context)
        except Exception as error:  # whatever unpickling garbage may raise
            log.warning("cached machine code is damaged (%s), compiling again", error)
            for path in cached_files(compiled):
                path.unlink(missing_ok=True)
        if found is None:
            _announce()
        return found

    cache.load_overload = load_overload
    return compiled


@functools.cache
def _announce() -> None:
    """Log, once in a process, that kernels are about to be compiled."""
    log.info("compiling; this happens once and can take half a minute")


def cached_files(compiled: Callable) -> list[Path]:
    """Return the files of a kernel's machine code."""
    code = compiled.py_func  # pyright: ignore[reportFunctionMemberAccess]
    folder = compiled.stats.cache_path  # pyright: ignore[reportFunctionMemberAccess]
    start = f"{code.__module__.rpartition('.')[2]}.{code.__qualname__}-"
    return [path for path in Path(folder or "/nowhere").glob("*") if path.name.startswith(start)]


def leaf(function: Callable, **options) -> Callable:
    """Compile a kernel that other kernels call and that makes no array.

    It does without numba's reference counts, which would cost more than its work.
    """
    return kernel(function, **{**LEAF, **options})


def reordered(function: Callable) -> Callable:
    """Compile a leaf whose sums may be reordered, which is what lets them use SIMD registers.

    NaN and infinity keep their meaning.
    """
    return leaf(function, fastmath={"contract", "reassoc", "nsz"})
