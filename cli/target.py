"""Where a user's file may be written."""

from pathlib import Path

import click

from vaedyn.files import obstacle

from ..store.record import NAME


def target(path: Path, option: str) -> Path:
    """Return `path`, after checking that a file can be written there.

    Raises
    ------
    click.BadParameter
        When it cannot, or when a stored result has that name; it names `option`.
    """
    why = obstacle(path)
    if not why and NAME.fullmatch(path.resolve().name):
        why = f"{str(path)!r} is the name of a stored result, which never changes"
    if why:
        raise click.BadParameter(why, param_hint=option)
    return path
