"""What can go wrong, as exceptions; each is also a builtin one."""

from collections.abc import Iterable
from typing import Any


class VaedynError(Exception):
    """Base class of all errors that vaedyn raises on purpose."""


class ParameterError(VaedynError, ValueError):
    """A parameter has a value the model does not allow.

    Parameters
    ----------
    name : str
        The parameter, as it is called in Python (`t_max`; on the command line ``--t-max``).
    reason : str
        What was expected and what was found.
    """

    def __init__(self, name: str, reason: str):
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        # by default pickle hands the one message on to __init__
        return type(self), (self.name, self.reason)


class DivergenceError(VaedynError, ArithmeticError):
    """The dynamics left the range of finite numbers or of positive variances.

    Attributes
    ----------
    reached : tuple of arrays, or None
        Times (times,) and states (times, values) before that, where the ODE was integrated.
    """

    reached: Any = None


class OutputError(VaedynError, OSError):
    """A file cannot be written."""


class ConvergenceError(VaedynError, RuntimeError):
    """An iteration ended before it reached its tolerance."""


class WorkerError(VaedynError, RuntimeError):
    """Worker processes die again and again."""


class ClusterError(VaedynError, ConnectionError):
    """A cluster cannot be reached, or has lost its workers."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is nearly, if there is one."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), names, n=1, cutoff=0.65)
    return names[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the known word that `word` is nearly, or nothing."""
    close = nearest(word, known)
    return f" (did you mean {close}?)" if close else ""
