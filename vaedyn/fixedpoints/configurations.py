"""All fixed points that units can make: which latents live on which directions."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from math import factorial, prod

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..model.quantities import ACTIVE
from ..model.state import observables, pack, unpack
from .groups import Unit, Units, assemble, closed_form
from .single import ALIVE

MOST = 5000  # fixed points listed at most
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


class TooManyError(ParameterError):
    """There are too many fixed points to be listed."""


Configuration = tuple[Unit, ...]
"""Units that take up all latents and all signals, the living ones first."""


def spare(model: Constants) -> Unit:
    """Return a latent without a signal: collapsed, or where it is sampled on a little noise."""
    return Unit(1, (), 1) if model.sampled else Unit(1)


def kinds(model: Constants, groups: int) -> list[Unit]:
    """Return all kinds of living units with at most `groups` latents.

    Sampled latents that share a signal have some noise, too.
    """
    if groups == 0:
        return [spare(model)] if model.sampled else []
    strengths = sorted(set(model.rho.tolist()), reverse=True)
    found = [*(Unit(1, (rho,)) for rho in strengths), Unit(1, (), 1)]
    if groups >= 2:
        found += [] if model.sampled else [Unit(2, (rho,)) for rho in strengths]
        found += [Unit(2, pair) for pair in combinations(strengths, 2)]
        found += [Unit(2, (rho,), 1) for rho in strengths]
        found += [] if model.sampled else [Unit(2, (), 1)]
    return found


def configurations(units: Units, groups: int) -> list[Configuration]:
    """Return one fixed point of each class that signs, permutations and rotations make.

    Raises
    ------
    ParameterError
        When there are more than MOST.
    """
    model = units.model
    choices = [
        unit
        for kind in kinds(model, groups)
        if kind.latents <= model.latent
        for unit in units.branches(kind)
    ]
    found = []
    for chosen in choose(choices, model.latent, Counter(model.rho.tolist())):
        if model.sampled and sum(unit.latents for unit in chosen) < model.latent:
            continue
        found.append(completed(model, chosen))
        if len(found) > MOST:
            fewer = "lower groups" if groups else "lower latent or signal"
            raise TooManyError("groups", f"there are more than {MOST} fixed points: {fewer}")
    return found


def completed(model: Constants, living: Sequence[Unit]) -> Configuration:
    """Return living units with the latents that are left spare, and signals unlearned."""
    left = Counter(model.rho.tolist()) - Counter(rho for unit in living for rho in unit.strengths)
    others = model.latent - sum(unit.latents for unit in living)
    unlearned = [Unit(0, (rho,)) for rho in sorted(left.elements(), reverse=True)]
    return (*living, *[spare(model)] * others, *unlearned)


def neighbours(units: Units, y: np.ndarray | None, groups: int) -> list[Configuration]:
    """Return the configuration of the state `y`, and those in which one or two latents differ.

    A latent of it collapses, fits noise or learns a signal that is free, or two make a
    pair. Collapse of all is listed as well, and alone where `y` has entangled latents.
    """
    model = units.model
    living = None if y is None else _alone(model, y)
    kept: dict[Configuration, None] = {}
    if living is not None:
        free = Counter(model.rho.tolist()) - Counter(
            rho for unit in living for rho in unit.strengths
        )
        unused = model.latent - len(living)
        others: list[list[Unit]] = [[], [Unit(1, (), 1)], *([Unit(1, (rho,))] for rho in free)]
        changes = [[*living]]
        changes += [[*living, *other] for other in others if unused]
        for i, unit in enumerate(living):
            rest = living[:i] + living[i + 1 :]
            changes += [rest + other for other in others]
            changes += [
                [*rest[:j], *rest[j + 1 :], _merged(unit, rest[j])]
                for j in range(i, len(rest))
                if groups == 2
            ]
        for chosen in changes:
            whole = completed(model, sorted(chosen, reverse=True))
            if all(units.state(unit) is not None for unit in whole):
                kept[whole] = None
    if units.state(spare(model)) is not None:
        kept[completed(model, [])] = None
    return list(kept)


def _alone(model: Constants, y: np.ndarray) -> list[Unit] | None:
    """Return the living latents of a state, each alone on a direction; None if any are not."""
    parts = unpack(y, model.latent, model.signal)
    size = np.diag(parts["Q"])
    if np.abs(parts["Q"] - np.diag(size)).max(initial=0) > 1e-6 * max(size.max(), ALIVE):
        return None
    found = []
    for m, Q in zip(parts["m"], size, strict=True):
        power = {rho: float((m[model.rho == rho] ** 2).sum()) for rho in set(model.rho.tolist())}
        rho = max(power, key=lambda each: power[each])
        if Q > ALIVE:
            found.append(Unit(1, (rho,)) if power[rho] > ALIVE * Q else Unit(1, (), 1))
    return found


def _merged(a: Unit, b: Unit) -> Unit:
    """Return two latents mixed over the directions of two single ones."""
    strengths = tuple(sorted({*a.strengths, *b.strengths}, reverse=True))
    return Unit(2, strengths, min(1, a.noise + b.noise))


def fitting(model: Constants, parts: dict[str, np.ndarray], adam: bool = False) -> np.ndarray:
    """Return which latents have something, by the order parameters of a fixed point, (latent,).

    Latents that are sampled, or trained by Adam, always have some noise: they have collapsed if
    they have no signal, and `ACTIVE` nats of KL divergence at most.
    """
    size = np.diag(parts["Q"])
    if not (model.sampled or adam):
        return size > ALIVE
    kl = observables(parts, model.rho, model.eta)["kl_per_latent"]
    return ((parts["m"] ** 2).sum(axis=1) > ALIVE * size) | (kl > ACTIVE)


def asleep(units: Units) -> list[Unit]:
    """Return latents on noise that count as collapsed, which they do where they are sampled."""
    found = []
    for unit in units.branches(Unit(1, (), 1)) if units.model.sampled else []:
        y = units.state(unit)
        assert y is not None
        if not fitting(units.alone(unit), unpack(y, 1, 0)).any():
            found.append(unit)
    return found


def choose(
    choices: Sequence[Unit], latents: int, free: Counter[float]
) -> Iterator[tuple[Unit, ...]]:
    """Yield all selections of units that fit into the latents and signals which are free."""
    if not choices:
        yield ()
        return
    unit, *others = choices
    need = Counter(unit.strengths)
    most = min([latents // unit.latents, *(free[rho] // n for rho, n in need.items())])
    for times in range(most, -1, -1):
        taken = Counter({rho: n * times for rho, n in need.items()})
        for rest in choose(others, latents - times * unit.latents, free - taken):
            yield (*[unit] * times, *rest)


def multiplicity(configuration: Configuration) -> int | None:
    """Return how many fixed points signs and permutations of latents make of one.

    None stands for a continuum: rotations among signals of equal strength.
    """
    strengths = Counter(rho for unit in configuration for rho in unit.strengths)
    learned = {rho for unit in configuration if unit.alive for rho in unit.strengths}
    if any(strengths[rho] > 1 for rho in learned):
        return None
    counts = Counter(unit for unit in configuration if unit.latents)
    alike = prod(factorial(n) for unit, n in counts.items() if not unit.strengths)
    orders = factorial(sum(unit.latents * n for unit, n in counts.items())) // alike
    orders //= prod(factorial(unit.latents) ** n for unit, n in counts.items())
    return orders * prod(unit.states**n for unit, n in counts.items())


def state(units: Units, configuration: Configuration) -> np.ndarray:
    """Return the flat state with latents in the order of the units and signals in the model's."""
    model, y = assemble(units.model, configuration, [units.state(unit) for unit in configuration])
    order = np.argsort(model.rho, kind="stable")
    place = np.empty(len(order), int)
    place[np.argsort(units.model.rho, kind="stable")] = order  # where each signal stands
    parts = unpack(y, model.latent, model.signal)
    return pack(**{**parts, "m": parts["m"][:, place], "d": parts["d"][:, place]})


def describe(
    configuration: Configuration, rho: Sequence[float], idle: Collection[Unit] = ()
) -> str:
    """Return a configuration in words, with signals counted from 1 in the model's order.

    Units among `idle` count as collapsed, though they are on noise.
    """
    places: dict[float, list[int]] = {}
    for k, strength in enumerate(rho):
        places.setdefault(float(strength), []).append(k + 1)
    words: Counter[str] = Counter()
    for unit in configuration:
        if unit.latents == 0:
            continue
        names = [str(places[strength].pop(0)) for strength in unit.strengths]
        words["collapsed" if unit in idle else _words(unit, names)] += 1
    return ", ".join(f"{n} x {word}" if n > 1 else word for word, n in words.items())


def _words(unit: Unit, names: Sequence[str]) -> str:
    if not unit.alive:
        return "collapsed"
    noise = ["noise"] if unit.noise == 1 else [f"{unit.noise} directions of noise"]
    on = [f"signal {name}" for name in names] + (noise if unit.noise else [])
    if unit.branch:
        on[-1] += f" (branch {unit.branch + 1})"
    latents = NUMBERS.get(unit.latents, str(unit.latents))
    return " and ".join(on) if unit.latents == 1 else f"{latents} on " + " and ".join(on)


def missing(units: Units, groups: int, limits: dict[Unit, float]) -> dict[str, list[str]]:
    """Return the kinds of units that there are not, in words, by why.

    `limits` are the values of beta above which no collapsed latent turns into a
    unit; for others the closed form decides.
    """
    model = units.model
    lost: dict[str, list[str]] = {"threshold": [], "ended": []}
    for kind in kinds(model, groups):
        if kind.latents <= model.latent and units.state(kind) is None:
            if kind in limits:
                beyond = model.beta >= limits[kind]
            else:
                beyond = closed_form(kind, model.eta, model.beta) is None
            reason = "threshold" if beyond else "ended"
            lost[reason].append(describe((kind,), model.rho.tolist()))
    return lost
