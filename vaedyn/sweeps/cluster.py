"""Batches of points on a Dask cluster; its workers write into the same store."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from importlib.util import find_spec
from typing import Any

from ..errors import ClusterError, ParameterError
from .points import Job, Outcome, Task, compute

log = logging.getLogger(__name__)
PATIENCE = 10.0  # seconds to find the scheduler
FAREWELL = 2.0  # seconds to take leave of it


class Cluster:
    """A pool of the workers that a Dask scheduler has.

    Parameters
    ----------
    job : Job
        Its store must be one that all workers reach, by an absolute path.
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    ParameterError
        When the package `distributed` is not installed, or the address is none.
    ClusterError
        When there is no scheduler.
    """

    def __init__(self, job: Job, address: str):
        check_address(address)
        import distributed
        from distributed.comm.core import CommClosedError

        self._job = job
        self._killed = distributed.KilledWorker
        self._gone = (CommClosedError, CancelledError, ConnectionError, TimeoutError)
        # what goes wrong is raised; it need not be logged with its traceback as well
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            self._client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise ClusterError(f"no scheduler answers at {address}") from error
        if not self._threads():
            log.warning("no workers at %s yet: waiting for them", address)
        self._finished = distributed.as_completed(loop=self._client.loop)
        self._batches: dict[Any, Sequence[Task]] = {}

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """Say in one line that the scheduler has gone, in whatever way that shows."""
        try:
            yield
        except self._gone as error:
            if isinstance(error, ClusterError):
                raise
            raise ClusterError("the connection to the scheduler was lost") from error

    def _threads(self) -> list[str]:
        """Return the address of its worker for every thread there is."""
        found: Any = self._client.ncores()
        return [address for address, count in found.items() for _ in range(count)]

    @property
    def slots(self) -> int:
        """How many batches to hand out at once: two for every thread of a worker."""
        with self._connected():
            return max(1, 2 * len(self._threads()))

    def submit(self, batch: Sequence[Task]) -> None:
        """Hand out a batch."""
        with self._connected():
            future = self._client.submit(timed, self._job, batch, pure=False)
            self._batches[future.key] = batch
            self._finished.add(future)

    def result(self) -> tuple[Sequence[Task], tuple[list[Outcome], float]]:
        """Wait for a batch to be finished, and return it with what came of it.

        Raises
        ------
        ClusterError
            When workers die over a batch again and again, or the scheduler has gone.
        """
        with self._connected():
            future: Any = next(self._finished)
            try:
                answer = future.result()
            except self._killed as error:
                text = "workers of the cluster died over the same points repeatedly (memory?)"
                raise ClusterError(text) from error
            except ImportError as error:
                raise ClusterError(f"workers of the cluster lack a package: {error}") from error
        return self._batches.pop(future.key), answer

    def close(self) -> None:
        """Withdraw unfinished work, and leave the cluster as it is."""
        with contextlib.suppress(Exception):  # the scheduler may have gone
            if self._client.status == "running":
                self._client.cancel(list(self._finished.futures), force=True)
            self._client.close(timeout=FAREWELL)


def check_address(address: str) -> None:
    """Make sure that a scheduler can have this address.

    Raises
    ------
    ParameterError
        When it cannot, or the package `distributed` is not installed.
    """
    if not find_spec("distributed"):
        raise ParameterError(
            "scheduler", "needs the package distributed: pip install 'vaedyn[cluster]'"
        )
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address)
    except ValueError as error:
        raise ParameterError("scheduler", f"{address!r} is no address: {error}") from error


def timed(job: Job, batch: Sequence[Task]) -> tuple[list[Outcome], float]:
    """Compute a batch, and return with it the seconds that it took."""
    options = {"jobs": 1} if job.command == "simulate" else {}
    began = time.perf_counter()
    return compute(job, batch, **options), time.perf_counter() - began
