"""eps_g, or the loss, at any times, of which no step is made twice."""

from typing import Any

import numpy as np

from ..learning.solve import Marks
from ..learning.theory import integrate
from ..model.params import Params
from ..model.records import Progress
from ..model.schedule import Schedule
from ..model.state import count, pack
from .criterion import EPS_G, of_states


class ErrorInTime:
    """eps_g, or the loss, along the ODE from the start of `params`.

    The numbers are those of an integration from the start to the last of the times that are
    asked for, whatever was asked before.

    Attributes
    ----------
    state : (values,)
        That at the last time that was asked for.
    """

    def __init__(
        self,
        params: Params,
        schedule: Schedule,
        criterion: str = EPS_G,
        *,
        rtol: float,
        atol: float,
        progress: Progress | None = None,
    ):
        self.params, self.schedule, self.criterion = params, schedule, criterion
        self.settings: dict[str, Any] = {"rtol": rtol, "atol": atol, "progress": progress}
        self.start = pack(**params.overlaps())
        self.state = self.start
        self._marks = Marks()
        self._times, self._values = np.empty(0), np.empty(0)  # between steps that stay

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return eps_g, or the loss, (times,) at ascending times, the first time from 0 on."""
        lacking = np.flatnonzero(~np.isin(times, self._times))
        stays = self._marks.before(np.inf, float(times[-1])).time if self._marks else 0.0
        first = int(np.searchsorted(times, stays, "right"))
        first = min(first, int(lacking[0])) if len(lacking) else first
        first = min(first, len(times) - 1)
        known = self._values[np.searchsorted(self._times, times[:first])]
        values = np.concatenate([known, self._integrated(times[first:])])
        self._keep(times, values)
        return values

    def _integrated(self, times: np.ndarray) -> np.ndarray:
        """Return the values at `times`, which it goes on to from the last mark before them."""
        size = count(self.params.latent, self.params.signal)

        def read(y: np.ndarray) -> np.ndarray:
            if len(y):
                self.state = y[-1, :size].copy()
            return of_states(self.params, y[:, :size], self.criterion)

        # what no mark precedes begins at the start
        ahead = not self._marks or self._marks.before(times[0], times[-1]) is self._marks[0]
        ahead = ahead and times[0] > 0
        wanted = np.concatenate([[0.0], times]) if ahead else times
        found = integrate(
            self.params, self.start, wanted, self.schedule, read=read, marks=self._marks,
            **self.settings,
        )[0]  # fmt: skip
        return found[1:] if ahead else found

    def _keep(self, times: np.ndarray, values: np.ndarray) -> None:
        """Keep the values before the steps that depend on where the integration ended."""
        stays = times <= self._marks.before(np.inf, float(times[-1])).time
        places = np.concatenate([self._times, times[stays]])
        self._times, which = np.unique(places, return_index=True)
        self._values = np.concatenate([self._values, values[stays]])[which]
