"""What can go wrong, as exceptions; each is also a builtin one."""


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
    """The dynamics left the range of finite numbers or of positive variances."""


class OutputError(VaedynError, OSError):
    """A file cannot be written."""


class ConvergenceError(VaedynError, RuntimeError):
    """An iteration ended before it reached its tolerance."""


class WorkerError(VaedynError, RuntimeError):
    """Worker processes die again and again."""


class ClusterError(VaedynError, ConnectionError):
    """A cluster cannot be reached, or has lost its workers."""
