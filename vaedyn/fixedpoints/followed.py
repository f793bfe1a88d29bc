"""Branches of fixed points as a result: what is kept of each, and which one attracts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..model.results import OrderParameters
from .stationary_spread import stationary_stds
from .varied import with_value

MARGINAL = 1e-8  # growth rates, per tau, closer to zero decide nothing


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Branches(OrderParameters):
    """Branches of fixed points, one after the other; the leading axis is (points,).

    Attributes
    ----------
    varied : (points,)
        The value of the varied constant, ascending along each branch.
    branch : (points,)
        Which branch a point belongs to, counted from 0.
    growth : (points,)
        Largest real part of the eigenvalues, per unit of time; rotations among
        equal signals are left out.
    name : str
        The constant that varies.
    types : list of str
        What the latents live on, for each branch.
    events : list of dict
        ``at``: where something happens on branch number ``branch``; ``kind``:
        ``fold`` (it turns back), ``end`` (it joins a simpler one), ``escape``
        (to infinity), ``lost`` (in rounding errors) or ``stability`` (it turns
        stable, or unstable). The others say which bifurcation that is, None where it is none
        or not known: ``bifurcation`` is ``fold``, ``pitchfork``, ``transcritical``, ``hopf`` or
        ``degenerate``, where the coefficient vanishes; ``side`` is ``supercritical`` or
        ``subcritical``; ``coefficient`` is that of the normal form, per unit of time (but
        of a Hopf bifurcation the first Lyapunov coefficient); ``frequency`` is the angular
        frequency of a Hopf bifurcation, per unit of time; ``multiplicity`` says how many
        eigenvalues, or pairs of them, cross together; ``meets`` has the numbers of the
        branches that meet this one. Where none does, though one should, ``why`` says why. See the
        theory page.
    """

    varied: np.ndarray
    branch: np.ndarray
    growth: np.ndarray

    @property
    def name(self) -> str:
        return self.info["name"]

    @property
    def types(self) -> list[str]:
        return self.info["types"]

    @property
    def stable(self) -> np.ndarray:
        """Whether `growth` is negative, and not just marginally so (points,)."""
        p = self.params
        rate = self.varied / (1 - p.momentum) if self.name == "lr" else p.rate
        return self.growth < -MARGINAL * rate

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.info["events"]

    @cached_property
    def std(self) -> dict[str, np.ndarray]:
        """Standard deviations of single runs around stable points, as of `FixedPoints.std`."""
        models = [with_value(self.params, self.name, x) for x in self.varied.tolist()]
        return stationary_stds(models, self.states, self.stable)

    @property
    def bifurcations(self) -> list[dict[str, Any]]:
        """Bifurcations by rising value, each once for all branches that meet there.

        They are `events` with ``branches``, the numbers of all that meet, in place of
        ``branch``, ``kind`` and ``meets``. What some branches have apart, as the coefficient of
        their own direction, is that of the first event, which is the one of a change of stability
        where there is one.
        """
        close = 1e-6 * float(np.ptp(self.varied))
        found: list[dict[str, Any]] = []
        named = [event for event in self.events if event.get("bifurcation")]
        for event in sorted(named, key=lambda event: event["kind"] != "stability"):
            at, touched = event["at"], {event["branch"], *event["meets"]}
            same = (
                each for each in found
                if abs(each["at"] - at) < close and touched & each["branches"]
                and event["bifurcation"] == each["bifurcation"]
            )  # fmt: skip
            known = next(same, None)
            if known is None:
                aside = ("branch", "kind", "meets", "why")
                known = {name: value for name, value in event.items() if name not in aside}
                known["branches"] = set()
                found.append(known)
            known["branches"] |= touched
        found.sort(key=lambda each: each["at"])
        return [{**each, "branches": sorted(each["branches"])} for each in found]


def attractor(result: Branches) -> np.ndarray:
    """Return the indices of stable points by rising value of the varied constant, (stable points,).

    Where several are stable, the one of lowest loss, weight decay included, stands.
    """
    stable = np.flatnonzero(result.stable)
    x = result.varied[stable]
    beta = x if result.name == "beta" else result.params.beta
    lam = x if result.name == "lam" else result.params.lam
    size = np.trace(result.Q + result.E, axis1=1, axis2=2)[stable]
    loss = result.distortion[stable] + beta * result.kl[stable] + 0.5 * lam * size
    order = np.lexsort((loss, x))
    first = np.diff(x[order], prepend=-np.inf) > 0
    return stable[order][first]
