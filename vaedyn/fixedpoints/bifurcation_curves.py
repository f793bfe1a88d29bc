"""Curves over two constants at which fixed points appear, change stability or reach a value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np

from ..errors import ParameterError, did_you_mean
from ..model.asked import STEPS, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, integer, real
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Source, Store, Variables, kept, variable
from ..model.results import Brief
from .box import Axis, Box, box_of, record_of
from .conditions import Condition, Hopf
from .continued import distance, followed
from .largest_lr import LargestLr
from .pair_starts import pair_cells
from .starts import LINES, Cell, Scan, solved
from .traced import Attracts, Traced, attracts, kind_of, traced

BIFURCATIONS = ("fold", "loss", "hopf", "escape")
ALL = (*BIFURCATIONS, "maxwell", "active")
QUANTITIES = ("eps_g", "kl", "relaxation_time", "max_lr")  # of the state that attracts
ON_CURVE = 0.15  # distance from a curve, in its steps, at which a start belongs to it


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BifurcationCurves(Brief):
    """Curves over two constants, one after the other, those that attractors meet first.

    Attributes
    ----------
    params : Params
        The constants that are not varied.
    x_name, y_name : str
    x, y : (points,)
    curve : (points,) int
        Which curve a point belongs to, counted from 0.
    attracting : (points,) bool
        Whether the state is stable but for what is critical there; on other parts of a
        curve, saddles change.
    kinds : list of str
        Of each curve: ``fold``, ``loss`` (of stability, by a real eigenvalue), ``hopf``,
        ``escape`` (of a latent on noise to infinity), ``maxwell`` (two stable states have the
        same loss), ``active`` (a sampled latent without a signal has 0.01 nats), or a
        quantity with its value.
    labels : list of str
        Which latents each is about, such as ``two on signal 1 and noise``; signals count from the
        strongest. For ``max_lr`` the kind of bifurcation at that learning rate comes first.
    ends : list of (str, str)
        What each curve starts and ends with: an ``edge`` of the range, a point of
        codimension two, ``end`` (the state joins a simpler one), ``escape`` (to infinity), or
        ``lost`` (in rounding errors); a ``closed`` curve has no ends.
    special : list of dict
        Points of codimension two on curve number ``curve``, at ``x`` and ``y``: ``kind`` is
        ``cusp``, ``tricritical``, ``Bogdanov-Takens``, ``zero-Hopf`` or ``generalized Hopf``
        (Bautin), where `lyapunov` changes its sign.
    lyapunov : (points,)
        First Lyapunov coefficient of Hopf bifurcations, as that of `Branches.events`:
        supercritical where it is negative; nan on other curves.
    info : dict
        ``scanned``, the number of points at which starts were looked for.
    """

    params: Params
    x_name: str
    y_name: str
    x: np.ndarray
    y: np.ndarray
    curve: np.ndarray
    attracting: np.ndarray
    lyapunov: np.ndarray
    kinds: list[str]
    labels: list[str]
    ends: list[tuple[str, str]]
    special: list[dict[str, Any]]
    info: dict[str, Any] = field(default_factory=dict)
    source: Source | None = None


@shows("curves", "starts")
def bifurcation_curves(
    params: Params | None = None,
    x: Axis = ("beta", 0.05, 3.0),
    y: Axis = ("eta", 0.1, 2.0),
    *,
    follow: str | Sequence[str] = "all",
    lines: int = LINES,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> BifurcationCurves:
    """Follow bifurcations of fixed points over two constants, through points of codimension two.

    The states are those of `vaedyn.phase_diagram`: each latent lives alone, on the strongest
    signals, on noise, or has collapsed, or two live together, mixed over two directions or on one.
    A curve is a small system of equations, in the Q of the latents whose block of the Jacobian
    becomes singular, and is followed by pseudo-arclength. It is found where it crosses one of a
    few lines through the box: a closed curve between all of them is missed. States with pairs are
    looked for where no other is stable, and only folds, losses of stability and Hopf bifurcations
    of those that attract are followed.

    Parameters
    ----------
    params : Params, optional
        All other constants; where learning starts does not matter.
    x, y : (str, float, float) or (str, float, float, "log")
        Name and range of a constant: beta, eta, lam, lr (of the decoder; others keep their ratio
        to it), batch (as a real number), or rho, which scales all signals so that the
        strongest has the value. Ranges over more than a factor of 1000 are
        followed in the logarithm.
    follow : str or list of str
        ``fold``, ``loss``, ``hopf``, ``escape``, ``maxwell``, ``active``, ``all`` of these, or
        a quantity of the state that attracts with a value: ``eps_g=0.1``, ``kl=0.5``,
        ``relaxation_time=1000``, or ``max_lr=0.8``: the state that attracts at the learning
        rate of the model is stable up to this one, see `vaedyn.thresholds`.
    lines : int
        How many lines are looked along in each direction, the edges included.
    store : ResultStore, optional
        Where to look for the result, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)``, in starts.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When an axis or a condition is not as described.
    """
    params = params_of(bifurcation_curves, params, changes, derived=STEPS)
    box = box_of(params, x, y)
    wanted = _conditions(follow)
    if integer("lines", lines, 2) > 100:
        raise ParameterError("lines", f"must be at most 100, got {lines}")

    def compute() -> Computed:
        with np.errstate(all="ignore"):  # of states that are not there, which are nan
            try:
                return _computed(box, wanted, int(lines), progress)
            except np.linalg.LinAlgError:
                raise ParameterError(
                    "x", "numbers overflow in these ranges: narrow x or y"
                ) from None

    for value in _limits(wanted):
        LargestLr.of(box, value)
    record = record_of(box) | {"follow": wanted, "lines": int(lines)}
    record["numerics"] = NUMERICS["curves"]
    return _opened(box, kept(store, "curves", record, compute))


def _conditions(follow: str | Sequence[str]) -> list[str]:
    """Return what is to be followed, each once and in one form, after checking it."""
    given = [follow] if isinstance(follow, str) else list(follow)
    found: dict[str, None] = {}
    for each in given:
        word, equals, value = str(each).partition("=")
        word = word.strip()
        if not equals and word in (*ALL, "all"):
            found |= dict.fromkeys(ALL if word == "all" else (word,))
            continue
        if word in QUANTITIES and not equals:
            raise ParameterError("follow", f"expected a value of {word}, such as {word}=0.5")
        if word not in QUANTITIES:
            known = ", ".join([*ALL, "all", *(f"{name}=VALUE" for name in QUANTITIES)])
            question = did_you_mean(word, (*ALL, "all", *QUANTITIES))
            raise ParameterError("follow", f"expected {known}, got {each!r}{question}")
        try:
            number = real("follow", float(value))
        except ParameterError as error:
            raise ParameterError("follow", f"{word} {error.reason}") from None
        except ValueError:
            raise ParameterError("follow", f"{word} must be a number, got {value!r}") from None
        found[f"{word}={number!r}"] = None
    if not found:
        raise ParameterError("follow", "expected what to follow, got nothing")
    named = [each for each in ALL if each in found]
    return [*named, *sorted(each for each in found if each not in ALL)]


def _cells(scan: Scan, wanted: list[str]) -> Iterator[Cell]:
    """Yield all cells in which curves may be."""
    yield from scan.blocks(tuple(name for name in wanted if name in BIFURCATIONS))
    for name in wanted:
        if name == "escape":
            yield from scan.escapes()
        elif name == "maxwell":
            yield from scan.equal_loss()
        elif name == "active":
            yield from scan.awake()
        elif "=" in name:
            word, _, value = name.partition("=")
            if word == "relaxation_time":
                yield from scan.blocks(("loss", "hopf"), 1 / float(value))
            else:
                yield from scan.level(word, float(value))


def _limits(wanted: list[str]) -> list[float]:
    """Return the largest learning rates that are followed."""
    parts = (name.partition("=") for name in wanted)
    return [float(value) for word, _, value in parts if word == "max_lr"]


def _computed(box: Box, wanted: list[str], lines: int, progress: Progress | None) -> Computed:
    limits = _limits(wanted)
    rest = [name for name in wanted if not name.startswith("max_lr=")]
    found, scanned = _followed(box, rest, lines, progress) if rest else ([], 0)
    for value in limits:
        limit = LargestLr.of(box, value)
        own, more = _followed(
            limit.box, list(BIFURCATIONS), lines, progress, attracts=limit.attracts, pairs=False
        )
        name = f"max_lr={value!r}"
        found += [each._replace(kind=name, label=f"{each.kind}, {each.label}") for each in own]
        scanned += more
    found = [each for each in found if _shown(each)]
    order = [*ALL, *(name for name in wanted if name not in ALL)]
    found.sort(key=lambda each: (not each.attracting.any(), order.index(each.kind)))
    return _kept(box, found, scanned)


def _followed(
    box: Box,
    wanted: list[str],
    lines: int,
    progress: Progress | None,
    *,
    attracts: Attracts = attracts,
    pairs: bool = True,
) -> tuple[list[Traced], int]:
    """Return all curves, of pairs, too, or not, and at how many points starts were looked for."""
    scan = Scan(box, lines)
    cells = [*_cells(scan, wanted), *(pair_cells(scan, wanted) if pairs else ())]
    known: list[tuple[Condition, np.ndarray]] = []
    found: list[Traced] = []

    def follow_from(condition: Condition, start: np.ndarray) -> None:
        """Follow the curve through a point, and others from what is on it."""
        if _on_one(condition, start, known):
            return
        line = followed(condition, start)
        known.append((condition, line.points))
        if len(line.points) > 1:
            found.append(traced(condition, line, attracts))
            for name, at in found[-1].special:
                for other, seed in condition.others_at(name, at):
                    if other.name in wanted:
                        follow_from(other, seed)

    for n, cell in enumerate(cells):
        start = solved(cell)
        if progress:
            progress(n + 1, len(cells))
        if start is not None:
            follow_from(cell.condition, start)
    return found, scan.points


def _on_one(
    condition: Condition, start: np.ndarray, known: list[tuple[Condition, np.ndarray]]
) -> bool:
    """Return whether a start is on a curve that is known, of the same latents."""
    return any(
        type(other) is type(condition)
        and kind_of(other) == kind_of(condition)
        and other.concerned == condition.concerned
        and distance(start, points) < ON_CURVE
        for other, points in known
    )


def _shown(curve: Traced) -> bool:
    """Return whether a curve is one: of attractors where it is about these only."""
    return curve.kind in BIFURCATIONS or bool(curve.attracting.any())


def _kept(box: Box, found: list[Traced], scanned: int) -> Computed:
    """Return curves as a store keeps them."""
    at = np.concatenate([np.zeros((0, 2)), *(box.values(each.points[:, -2:]) for each in found)])
    flags = np.concatenate([np.zeros(0, bool), *(each.attracting for each in found)])
    number = np.repeat(np.arange(len(found)), [len(each.points) for each in found])
    sides = [np.zeros(0)]
    for each in found:
        of, side = each.condition, np.full(len(each.points), np.nan)
        if isinstance(of, Hopf) and not of.shift:
            side = of.lyapunov(each.points)[:, 0]
        sides.append(side)
    special = []
    for n, each in enumerate(found):
        for kind, point in each.special:
            x, y = box.values(point[None, -2:])[0].tolist()
            special.append({"curve": n, "kind": kind, "x": x, "y": y})
    variables: Variables = {
        "x": variable(box.names[0], at[:, 0], ("point",)),
        "y": variable(box.names[1], at[:, 1], ("point",)),
        "curve": variable("number of the curve", number.astype(np.int32), ("point",)),
        "attracting": variable("whether the state attracts", flags.astype(np.int8), ("point",)),
        "lyapunov": variable("first Lyapunov coefficient", np.concatenate(sides), ("point",)),
    }
    info = {
        "kinds": [each.kind for each in found],
        "labels": [each.label for each in found],
        "ends": [list(each.ends) for each in found],
        "special": special,
        "scanned": scanned,
    }
    return variables, info


def _opened(box: Box, found: Any) -> BifurcationCurves:
    arrays, info = found.arrays, dict(found.info)
    lists = {name: info.pop(name) for name in ("kinds", "labels", "special")}
    return BifurcationCurves(
        params=box.params,
        x_name=box.names[0],
        y_name=box.names[1],
        x=arrays["x"],
        y=arrays["y"],
        curve=arrays["curve"],
        attracting=arrays["attracting"].astype(bool),
        lyapunov=arrays["lyapunov"],
        ends=[(first, last) for first, last in info.pop("ends")],
        **lists,
        info=info,
        source=found.source,
    )
