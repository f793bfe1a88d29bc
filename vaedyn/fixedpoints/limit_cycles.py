"""How limit cycles appear, grow and lose stability when one constant is varied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import IN_TIME, Fields, Params
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.results import OrderParameters
from ..model.state import observables, unpack
from .branches import branches, in_range
from .follow_cycle import LOST, Followed, follow, from_hopf
from .limit_cycle import attracting, repeats
from .newton import eigenvalues, jacobian, newton, symmetric
from .shooting import Cycle, Shooting
from .varied import ratios, vary, with_value

TURNING = 1e-6  # imaginary part, per tau, of eigenvalues that are a pair
TRIED = (0.5, 0.25, 0.75)  # of the range, where the long course of the ODE is looked at
SAME = 0.01  # relative difference of the period up to which two cycles are the same


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LimitCycles(OrderParameters):
    """Branches of limit cycles, one after the other; the leading axis is (points,).

    The order parameters, and the observables that these have, are those of one state on each
    cycle.

    Attributes
    ----------
    varied : (points,)
        The value of the varied constant, which may turn back along a branch.
    branch : (points,)
        Which branch a point belongs to, counted from 0.
    period : (points,)
        In units of t, that is in steps/N.
    amplitude : (points,)
        Half of the range of the order parameter of the widest range.
    eps_g_min, eps_g_max, eps_g_mean, kl_mean : (points,)
        Of the generalisation error and the KL divergence over a period.
    multipliers_re, multipliers_im : (points, modes)
        Floquet multipliers by falling size without the trivial ones, which are nan at the end.
    trivial : (points,)
        Distance of the trivial multipliers from 1.
    name : str
        The constant that varies.
    repeats : list of int
        For each branch, see `LimitCycle`.
    events : list of dict
        ``at``: where something happens on branch number ``branch``; ``point``: the point at or
        before it; ``kind``: ``hopf`` (the branch begins or ends there at a fixed point), ``fold``
        (of cycles), ``branch point`` (a multiplier 1 without a fold), ``period doubling``,
        ``Neimark-Sacker``; and what else ends it: ``homoclinic`` (the period grows without
        bound, as the cycle passes ever closer by a saddle, and `at` is that of the last cycle),
        ``divergence``, ``edge`` (of the range), or ``lost``, with ``why``: no further cycle is
        found, it goes on after 80 points, or a multiplier is above 1e6, which single shooting
        cannot bear.
    without : list of dict
        Hopf points from which no cycle is followed: ``at``, ``frequency`` and ``why``.
    """

    varied: np.ndarray
    branch: np.ndarray
    period: np.ndarray
    amplitude: np.ndarray
    eps_g_min: np.ndarray
    eps_g_max: np.ndarray
    eps_g_mean: np.ndarray
    kl_mean: np.ndarray
    multipliers_re: np.ndarray
    multipliers_im: np.ndarray
    trivial: np.ndarray

    @property
    def name(self) -> str:
        return self.info["name"]

    @property
    def repeats(self) -> list[int]:
        return self.info["repeats"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.info["events"]

    @property
    def without(self) -> list[dict[str, Any]]:
        return self.info["without"]

    @property
    def stable(self) -> np.ndarray:
        """Whether all multipliers are inside the unit circle (points,)."""
        sizes = np.abs(self.multipliers_re + 1j * self.multipliers_im)
        return np.nanmax(sizes, axis=1, initial=0.0) < 1


class Hopf(NamedTuple):
    """A Hopf point on a branch of fixed points: where, its state, and the frequency."""

    x: float
    state: np.ndarray
    direction: np.ndarray
    frequency: float


@shows("limit cycles", "points")
def limit_cycles(
    params: Params | None = None,
    name: str = "lr",
    low: float = 0.05,
    high: float = 3.0,
    *,
    groups: int = 2,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> LimitCycles:
    """Follow limit cycles while one constant is varied, through folds, by pseudo-arclength.

    They are followed from each Hopf point at which a fixed point turns stable or unstable,
    see `vaedyn.branches`, and from the cycles that the ODE ends on from a gaussian start, which
    are looked for at three values in the range.

    Parameters
    ----------
    params, name, low, high, groups
        See `vaedyn.branches`.
    store : ResultStore, optional
        Where to look for the result and for the branches, and to keep both.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)``, in points at the most.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        See `vaedyn.branches`.
    """
    params = params_of(limit_cycles, params, changes, derived=STEPS)
    low, high = in_range(params, name, low, high)

    def compute() -> Computed:
        without: list[dict[str, Any]] = []
        found = list(_all(params, name, low, high, groups, store, progress, without))
        return _joined(params, name, found, without).to_kept("point")

    strongest = params.strengths.max() if name == "rho" else 1
    constants = {**params.to_dict(), "rho": (params.strengths / strongest).tolist()}
    aside = IN_TIME | ({name} - {"rho"})
    record = {key: value for key, value in constants.items() if key not in aside}
    if name == "lr" and isinstance(params.lr, tuple):
        record["lr"] = ratios(params)
    record |= {"varied": name, "from": low, "to": high, "groups": int(groups)}
    record["numerics"] = NUMERICS["cycles"]
    return LimitCycles.from_kept(params, kept(store, "cycles", record, compute))


def _all(
    params: Params,
    name: str,
    low: float,
    high: float,
    groups: int,
    store: Store | None,
    progress: Progress | None,
    without: list[dict[str, Any]],
) -> Iterator[Followed]:
    """Yield all branches of cycles, each once; Hopf points without one are added to `without`."""
    shooting = Shooting(lambda x: vary(params, name, x), low, high)
    found: list[Followed] = []
    for hopf in hopf_points(params, name, low, high, groups, store):
        if not any(_ends_at(each, hopf) for each in found):
            one = from_hopf(shooting, *hopf, progress=progress)
            if isinstance(one, str):
                without.append({"at": hopf.x, "frequency": hopf.frequency, "why": one})
                continue
            found.append(one)
            yield one
    for share in TRIED:
        x = low + share * (high - low)
        try:
            cycle = attracting(with_value(params, name, x))
        except (ConvergenceError, DivergenceError):
            continue
        if not any(_passes(each, x, cycle.period) for each in found):
            found.append(follow(shooting, cycle._replace(x=x), progress))
            yield found[-1]


def hopf_points(
    params: Params, name: str, low: float, high: float, groups: int, store: Store | None
) -> Iterator[Hopf]:
    """Yield the Hopf points at which fixed points change stability, by rising value."""
    along = branches(params, name, low, high, groups=groups, store=store)
    for event in sorted(along.events, key=lambda event: event["at"]):
        if event["kind"] != "stability":
            continue
        x = event["at"]
        model = vary(params, name, x)
        chosen = along.branch == event["branch"]
        states = along.states[chosen]
        guess = [np.interp(x, along.varied[chosen], column) for column in states.T]
        state = newton(model, np.array(guess))
        rate = eigenvalues(model, state)[0]
        if abs(rate.imag) > TURNING * model.lr:
            values, vectors = np.linalg.eig(jacobian(model, state))
            mode = vectors[:, np.abs(values * model.lr - rate).argmin()]
            # turned such that its two halves are orthogonal, the larger one first
            mode = mode * np.exp(-0.5j * np.angle((mode**2).sum()))
            spread, _ = symmetric(model.latent, model.signal)
            yield Hopf(x, state, spread @ np.real(mode), abs(rate.imag))


def _ends_at(found: Followed, hopf: Hopf) -> bool:
    """Return whether a branch ends at a Hopf point, of the same frequency."""
    span = max(c.x for c in found.cycles) - min(c.x for c in found.cycles)
    return any(
        kind == "hopf"
        and abs(at - hopf.x) < 1e-2 * span
        and abs(found.cycles[n].period * hopf.frequency / (2 * np.pi) - 1) < 0.1
        for kind, at, n in found.events
    )


def _passes(found: Followed, x: float, period: float) -> bool:
    """Return whether a branch has a cycle of such a period at `x`."""
    for a, b in zip(found.cycles[:-1], found.cycles[1:], strict=True):
        if min(a.x, b.x) <= x <= max(a.x, b.x) and a.x != b.x:
            there = a.period + (b.period - a.period) * (x - a.x) / (b.x - a.x)
            if abs(there / period - 1) < SAME + 0.5 * abs(b.period / a.period - 1):
                return True
    return False


def _joined(
    params: Params, name: str, found: list[Followed], without: Sequence[dict[str, Any]] = ()
) -> LimitCycles:
    """Return all branches as one result."""
    cycles = [cycle for each in found for cycle in each.cycles]
    branch = np.repeat(np.arange(len(found)), [len(each.cycles) for each in found])
    rows = [_row(params, name, cycle) for cycle in cycles]
    first = np.concatenate([[0], np.cumsum([len(each.cycles) for each in found])])
    events = [
        {"branch": n, "kind": kind, "at": at, "point": int(first[n] + i)}
        | ({"why": each.why[at]} if kind == LOST and at in each.why else {})
        for n, each in enumerate(found)
        for kind, at, i in each.events
    ]
    parts = [repeats(vary(params, name, c.x), c.states) for c in (f.widest for f in found)]
    model = vary(params, name, 1.0)
    width = symmetric(model.latent, model.signal)[0].shape[1]
    empty = _row(params, name, None)
    columns: dict[str, Any] = {key: np.array([row[key] for row in rows]) for key in empty}
    if not rows:
        columns = {key: np.empty((0, *np.shape(value))) for key, value in empty.items()}
    modes = np.array([cycle.multipliers for cycle in cycles]).reshape(len(cycles), width)
    return LimitCycles(
        params=params,
        **columns,
        branch=branch,
        varied=np.array([cycle.x for cycle in cycles]),
        period=np.array([cycle.period for cycle in cycles]),
        amplitude=np.array([cycle.amplitude for cycle in cycles]),
        multipliers_re=np.real(modes),
        multipliers_im=np.imag(modes),
        trivial=np.array([cycle.trivial for cycle in cycles]),
        info={"name": name, "events": events, "repeats": parts, "without": list(without)},
    )


def _row(params: Params, name: str, cycle: Cycle | None) -> dict[str, Any]:
    """Return order parameters and observables of a cycle; without one, of the shapes only."""
    model = vary(params, name, cycle.x if cycle else 1.0)
    size = 2 * model.latent * model.signal + 3 * model.latent**2 + model.latent
    parts = unpack(cycle.states if cycle else np.ones((1, size)), model.latent, model.signal)
    seen = observables(parts, model.rho, model.eta)
    eps_g = seen["eps_g"]
    row = {key: value[0] for key, value in {**parts, **seen}.items()}
    row |= {"eps_g_min": eps_g.min(), "eps_g_max": eps_g.max(), "eps_g_mean": eps_g.mean()}
    return row | {"kl_mean": seen["kl"].mean()}
