"""The origin of a record."""

import contextlib
import platform
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any

PACKAGES = (__name__.partition(".")[0], "numpy", "numba", "h5py")


def provenance(seconds: float) -> dict[str, Any]:
    """Return when, how long, where and with which versions a result was computed."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return {"created": created, "seconds": seconds, **_surroundings()}


@cache
def _surroundings() -> dict[str, Any]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {"versions": versions, "machine": f"{platform.system()} {platform.machine()}"}
