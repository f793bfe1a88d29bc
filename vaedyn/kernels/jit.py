"""The one way kernels are compiled and kept on disk.

numba's own cache looks only at the file a function stands in, so an edited or
upgraded callee in another file would go unnoticed. Here the cache folder is
named after the contents of all kernel files together: any change starts a new
one, and an installation nobody can write to works like any other.
"""

import functools
import gc
import hashlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numba
from numba.core import config, sigutils
from numba.core.caching import IndexDataCacheFile

OPTIONS: Any = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
    "no_cfunc_wrapper": True,  # C calls none of them
}
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
    folder = "the user's home"
    try:
        folder = chosen or str(cache_folder())
        setattr(config, "CACHE_DIR", folder)  # noqa: B010
        compiled = numba.njit(function, cache=True, **options)
        # numba itself turns to a folder beside the source, where edited callees go unnoticed
        if Path(compiled.stats.cache_path or "").is_relative_to(folder):
            return _undisturbed(_sealed(compiled))
    except (RuntimeError, OSError):
        pass
    finally:
        setattr(config, "CACHE_DIR", chosen)  # noqa: B010
    return _undisturbed(_unkept(numba.njit(function, **options), folder))


def _undisturbed(compiled: Callable) -> Callable:
    """Let nobody look for garbage while a kernel is compiled, of which there is little."""
    made: Callable = compiled.compile  # pyright: ignore[reportFunctionMemberAccess]

    def undisturbed(signature: Any) -> Any:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return made(signature)
        finally:
            if enabled:
                gc.enable()

    compiled.compile = undisturbed  # pyright: ignore[reportFunctionMemberAccess]
    return compiled


class DamagedCodeError(Exception):
    """A file of machine code is not as it was written."""


class _Sealed(IndexDataCacheFile):
    """numba's files with a digest of their bytes at the end, which its unpickler does not read.

    In the file itself, so that both come from one writer even where several write.
    Machine code of which a bit has changed may do anything, and is not to be loaded.
    """

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[Any]:
        content = BytesIO()
        yield content
        body = content.getvalue()
        with super()._open_for_write(filepath) as file:
            file.write(body + hashlib.sha256(body).digest())

    def _load_index(self) -> Any:
        with suppress(FileNotFoundError):  # nothing is kept yet
            _verify(self._index_path)
        return super()._load_index()

    def _load_data(self, name: str) -> Any:
        _verify(self._data_path(name))
        return super()._load_data(name)


def _verify(path: str) -> None:
    content = Path(path).read_bytes()
    length = hashlib.sha256().digest_size
    if hashlib.sha256(content[:-length]).digest() != content[-length:]:
        raise DamagedCodeError(f"the digest of {Path(path).name} does not fit")


def _sealed(compiled: Callable) -> Callable:
    """Let a kernel verify what is kept of it, and do without where that fails."""
    cache = compiled._cache  # pyright: ignore[reportFunctionMemberAccess]
    files = cache._cache_file
    base = files._index_name.removesuffix(".nbi")
    cache._cache_file = _Sealed(files._cache_path, base, files._source_stamp)
    load, save = cache.load_overload, cache.save_overload

    def load_overload(signature: Any, context: Any) -> Any:
        found = None
        try:
            found = load(signature, context)
            arguments = sigutils.normalize_signature(signature)[0]
            if found is not None and tuple(found.signature.args) != tuple(arguments):
                raise DamagedCodeError("it is for other arguments")  # two processes wrote at once
        except Exception as error:  # whatever unpickling garbage may raise
            found = None
            log.warning("cached machine code is damaged (%s), compiling again", error)
            for path in cached_files(compiled):
                with suppress(OSError):
                    path.unlink()
        if found is None:
            _announce()
        return found

    def save_overload(signature: Any, data: Any) -> None:
        try:
            save(signature, data)
        except (OSError, DamagedCodeError) as error:
            _tell_unkept(files._cache_path, getattr(error, "strerror", None) or str(error))

    cache.load_overload, cache.save_overload = load_overload, save_overload
    return compiled


def _unkept(compiled: Callable, folder: str) -> Callable:
    """Let a kernel that no folder takes say so when it is compiled."""
    cache = compiled._cache  # pyright: ignore[reportFunctionMemberAccess]

    def load_overload(*_: object) -> None:
        _announce()
        _tell_unkept(folder, "not writable")

    cache.load_overload = load_overload
    return compiled


@functools.cache
def _announce() -> None:
    """Log, once in a process, that kernels are about to be compiled."""
    log.info("compiling; this happens once and can take half a minute")


@functools.cache
def _tell_unkept(folder: str, why: str) -> None:
    """Log, once in a process, that all this is in vain for the next one."""
    log.info("machine code cannot be kept in %s (%s): every command compiles anew", folder, why)


def cached_files(compiled: Callable) -> list[Path]:
    """Return the files of a kernel's machine code."""
    code = compiled.py_func  # pyright: ignore[reportFunctionMemberAccess]
    folder = compiled.stats.cache_path  # pyright: ignore[reportFunctionMemberAccess]
    start = f"{code.__module__.rpartition('.')[2]}.{code.__qualname__}-"
    return [path for path in Path(folder or "/nowhere").glob("*") if path.name.startswith(start)]


def leaf(function: Callable, **options) -> Any:
    """Compile a kernel that other kernels call and that makes no array.

    It does without numba's reference counts, which would cost more than its work.
    """
    return kernel(function, **{**LEAF, **options})


def strict(function: Callable) -> Callable:
    """Compile a leaf that makes the same bits wherever it is used: no operations are merged."""
    return leaf(function, fastmath=False)


def strict_kernel(function: Callable) -> Callable:
    """Compile a kernel like a leaf by `strict`."""
    return kernel(function, fastmath=False)


def part(function: Callable) -> Callable:
    """Make `function` part of those that call it, which are compiled as if they had its lines."""
    return leaf(function, inline="always")


def reordered(function: Callable, **options) -> Callable:
    """Compile a leaf whose sums may be reordered, which is what lets them use SIMD registers.

    NaN and infinity keep their meaning.
    """
    return leaf(function, fastmath={"contract", "reassoc", "nsz"}, **options)


def inlined(function: Callable) -> Callable:
    """Compile a leaf into its callers, where its work is less than that of calling it."""
    return reordered(function, forceinline=True)
