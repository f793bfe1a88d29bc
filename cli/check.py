"""`vaedyn check`."""

import logging
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path

import click
import numpy as np

from vaedyn.claims.selfcheck import QUESTIONS, Check, Question, selfcheck
from vaedyn.machine import cores
from vaedyn.model.params import Params

from ..store import ResultStore, key_of
from .options import OUTPUT_OPTIONS, Command, add
from .output import plain, print_json
from .session import Session
from .signals import Stopped
from .streams import rule

PACKAGES = ("vaedyn", "numpy", "numba", "scipy", "h5py")
KEY = "45a55d7905ef"  # of `vaedyn theory` as it is, which must stay the same for ever
SHOWN = 12  # digits of a key


@contextmanager
def _store() -> Iterator[ResultStore]:
    """Yield a silent store in a temporary folder."""
    log = logging.getLogger("vaedyn.store")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory(prefix="vaedyn-check-") as folder:
            yield ResultStore(Path(folder))
    finally:
        log.setLevel(before)


def _computed() -> tuple[dict, dict]:
    values = np.concatenate([np.random.default_rng(0).standard_normal(999), [np.nan]])
    return {"x": (("i",), values, {})}, {}


def _round_trip() -> float:
    """Return how many numbers differ after a round trip."""
    values = _computed()[0]["x"][1]
    with _store() as store:
        store.load_or_run("check", {"a": 1}, _computed)
        again = store.load_or_run("check", {"a": 1}, _computed)
        if not again.reused:
            return float(len(values))
        return float((again.x.view(np.int64) != values.view(np.int64)).sum())


def _damaged() -> float:
    """Return how many of three damaged files are noticed: a bit of a number, a label, an end."""
    noticed = 0
    number = _computed()[0]["x"][1][500].tobytes()
    with _store() as store:
        path = store.load_or_run("check", {"a": 1}, _computed).path
        whole = path.read_bytes()
        flipped = bytes([number[0] ^ 1]) + number[1:]
        relabelled = whole.replace(b'{"a": 1}', b'{"a": 2}', 1)
        for damaged in (whole.replace(number, flipped), relabelled, whole[:-100]):
            path.write_bytes(damaged)
            noticed += not store.load_or_run("check", {"a": 1}, _computed).reused
    return float(noticed)


def _key() -> str:
    record = {**Params().to_dict(), "rtol": 1e-8, "atol": 1e-10, "numerics": 2}
    return key_of("theory", record)[:SHOWN]


STORE_QUESTIONS = (
    Question("store, numbers not read back", _round_trip, 0.0),
    Question("store, damaged files noticed", _damaged, 3.0),
    Question("store, key of vaedyn theory", _key, KEY),
)
NAME = max(len(question.name) for question in (*QUESTIONS, *STORE_QUESTIONS))
COLUMNS = f"{{:<{NAME}}}   {{:>14}}   {{:>14}}   {{:>6}}   {{:>9}}   {{}}"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.10g}" if np.isfinite(value) else "-"


def _line(check: Check) -> str:
    expected, within = _number(check.expected), f"{check.tolerance:g}"
    if check.is_bound:
        expected, within = f"at most {check.tolerance:g}", ""
    deviation = f"{check.deviation:.2g}" if np.isfinite(check.deviation) else "-"
    verdict = "ok" if check.passed else f"FAIL {check.note}".rstrip()
    cells = _number(check.found), expected, within, "" if check.is_bound else deviation
    return COLUMNS.format(check.name, *cells, verdict.replace("\n", " "))


def _versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def _machine() -> dict[str, str | int | None]:
    """Return the platform, the cores that may be used, and where machine code is kept."""
    from vaedyn.kernels import rk45

    folder = rk45.integrate.stats.cache_path
    return {"platform": platform.platform(), "cores": cores(), "kernels": folder}


@click.command("check", cls=Command, examples=["vaedyn check", "vaedyn check --json"])
@add(OUTPUT_OPTIONS)
def command(session: Session) -> None:
    """Prove that this installation computes what it should; exit 1 if it does not.

    Fixed points and thresholds are compared with closed forms, the ODE with
    numbers of high precision, the engines of SGD with each other and with the ODE;
    then seeds and the store. All of it is deterministic. The store is tried in a
    temporary folder; your own results are neither read nor changed.
    """
    versions, machine = _versions(), _machine()
    if not session.as_json:
        click.echo(", ".join(f"{name} {version}" for name, version in versions.items()))
        click.echo(f"{machine['platform']}, cores: {machine['cores']}")
        click.echo(f"machine code in {machine['kernels'] or 'memory only'}\n")
        header = COLUMNS.format("check", "found", "expected", "within", "deviation", "")
        click.echo(f"{header.rstrip()}\n{rule(len(header) + 1)}")
    checks = []
    for check in selfcheck(STORE_QUESTIONS):
        if Stopped.by is not None:  # what the signal broke looks like a failure
            raise Stopped
        checks.append(check)
        if not session.as_json:
            click.echo(_line(check))
    failed = sum(not check.passed for check in checks)
    if session.as_json:
        listed = [
            {**{name: plain(value) for name, value in check._asdict().items()},
             "passed": bool(check.passed)}
            for check in checks
        ]  # fmt: skip
        data = {"command": "check", "checks": listed, "passed": not failed}
        print_json({**data, "versions": versions, "machine": machine})
    else:
        click.echo(f"\n{len(checks) - failed} of {len(checks)} checks passed")
    if failed:
        raise click.exceptions.Exit(1)
