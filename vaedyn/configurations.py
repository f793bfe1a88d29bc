"""All fixed points that units can make: which latents live on which directions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import factorial, prod

import numpy as np

from .dynamics import Model
from .errors import ParameterError
from .units import Unit, Units, assemble, closed_form

MOST = 5000  # fixed points listed at most

Configuration = tuple[Unit, ...]
"""Units that take up all latents and all signals, the living ones first."""


def kinds(model: Model, groups: int) -> list[Unit]:
    """Return all kinds of living units with at most `groups` latents."""
    if groups == 0:
        return []
    strengths = sorted(set(model.rho.tolist()), reverse=True)
    found = [*(Unit(1, (rho,)) for rho in strengths), Unit(1, (), 1)]
    if groups >= 2:
        found += [Unit(2, (rho,)) for rho in strengths]
        found += [Unit(2, pair) for pair in combinations(strengths, 2)]
        found += [Unit(2, (rho,), 1) for rho in strengths]
        found.append(Unit(2, (), 1))
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
    free = Counter(model.rho.tolist())
    found = []
    for chosen in _choose(choices, model.latent, free):
        left = free - Counter(rho for unit in chosen for rho in unit.strengths)
        spare = model.latent - sum(unit.latents for unit in chosen)
        unlearned = [Unit(0, (rho,)) for rho in sorted(left.elements(), reverse=True)]
        found.append((*chosen, *[Unit(1)] * spare, *unlearned))
        if len(found) > MOST:
            fewer = "list fewer with --groups" if groups else "lower --latent or --signal"
            raise ParameterError("groups", f"there are more than {MOST} fixed points: {fewer}")
    return found


def _choose(
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
        for rest in _choose(others, latents - times * unit.latents, free - taken):
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
    size = model.latent * model.signal
    m = y[:size].reshape(model.latent, model.signal)[:, place]
    d = y[size : 2 * size].reshape(model.latent, model.signal)[:, place]
    return np.concatenate([m.ravel(), d.ravel(), y[2 * size :]])


def describe(configuration: Configuration, rho: Sequence[float]) -> str:
    """Return a configuration in words, with signals counted from 1 in the model's order."""
    places: dict[float, list[int]] = {}
    for k, strength in enumerate(rho):
        places.setdefault(float(strength), []).append(k + 1)
    words: Counter[str] = Counter()
    for unit in configuration:
        if unit.latents == 0:
            continue
        names = [str(places[strength].pop(0)) for strength in unit.strengths]
        words[_words(unit, names)] += 1
    return ", ".join(f"{n} x {word}" if n > 1 else word for word, n in words.items())


def _words(unit: Unit, names: Sequence[str]) -> str:
    if not unit.alive:
        return "collapsed"
    on = [f"signal {name}" for name in names] + ["noise"] * unit.noise
    if unit.branch:
        on[-1] += f" (branch {unit.branch + 1})"
    return " and ".join(on) if unit.latents == 1 else "two on " + " and ".join(on)


def missing(units: Units, groups: int, limits: dict[Unit, float]) -> dict[str, list[str]]:
    """Return the kinds of units that there are not, in words, by why.

    `limits` are the values of beta above which no collapsed latent turns into a
    unit; of others the closed form tells.
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
