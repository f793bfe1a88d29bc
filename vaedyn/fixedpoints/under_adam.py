"""Fixed points under Adam: every latent alone, at the learning rates that it gives itself.

Adam divides gradients by the root of their running second moments v. At a fixed point these
are what the state makes them, so that a latent has the rates tau/sqrt(v) of its own. Latents
without a signal always keep some noise: the smaller their gradients, the larger the rates.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import ConvergenceError, ParameterError
from ..kernels.constants import Constants
from ..learning.theory import integrate
from ..model.params import Params
from ..model.quantities import ACTIVE
from ..model.schedules import Constant
from ..model.state import observables, pack, unpack
from .configurations import Configuration, choose, completed, kinds, state
from .groups import Unit, Units
from .newton import root, sort_modes, symmetric, symmetry_tangents
from .single import ALIVE

SPAN = 1e4  # of time, in units of 1/tau, after which one latent is next to where it rests
CALLS = 100_000  # of the drift, after which that is given up
STEP = 1e-5  # of differences, relative to the size of an order parameter
SMALL = 1e-60  # an order parameter whose gradients are nothing beside epsilon
MOST = 200  # fixed points listed at most
NEAR = 1e-3  # relative change by Newton's method that leaves no doubt where a state leads
WAITS = 8  # times that the time a trajectory is given to settle is doubled
LONGEST = 1e3  # ratio of the largest beta that is looked at, to the variance of noise


class Adam:
    """The ODE of a model under Adam, all second moments at rest."""

    def __init__(self, params: Params):
        if params.lam:
            raise ParameterError("lam", "is not derived for fixed points under adam; leave it out")
        self.params, self.model = params, Constants.of(params)

    def alone(self, unit: Unit) -> Constants:
        """Return the constants of the model in which there is only this unit."""
        return self.model._replace(latent=unit.latents, rho=np.array(unit.strengths, float))

    def work(self, model: Constants) -> Any:
        from ..kernels import adam

        beta2, epsilon = self.params.adam_betas[1], self.params.adam_epsilon
        return adam.workspace(model.latent, model.signal, self.params.dim, beta2, epsilon)

    def velocity(self, model: Constants, y: np.ndarray) -> np.ndarray:
        """Return ``(dy/dt) / tau`` (values,) of order parameters."""
        from ..kernels import adam

        out = np.empty_like(y)
        adam.settled(y, model, self.work(model), out)
        return out / model.lr

    def whole(self, model: Constants, y: np.ndarray) -> np.ndarray:
        """Return dy/dt (values,) of order parameters, second moments and correction of bias."""
        from ..kernels import adam

        out = np.empty_like(y)
        adam.drift(y, model, self.work(model), out)
        return out

    def moments(self, model: Constants, y: np.ndarray) -> np.ndarray:
        """Return the second moments of gradients at rest, (3 latent,)."""
        from ..kernels import adam

        room = self.work(model)[0]
        start = adam.squares(y, model, float(self.params.dim), room)
        return room[start : start + adam.MOMENTS * model.latent].copy()

    def newton(self, model: Constants, start: np.ndarray) -> np.ndarray | None:
        """Return the fixed point next to `start`, or None where Newton's method finds none."""
        spread, gather = symmetric(model.latent, model.signal)
        y = slaved(model, start)
        free = np.arange(spread.shape[1] - model.latent)  # all but D, which follows Q
        for _ in range(60):
            unit = gather @ size_of(model, y)
            columns = []
            for k in free:
                shift = STEP * unit[k] * spread[:, k]
                ahead, behind = (
                    self.velocity(model, slaved(model, y + s * shift)) for s in (1, -1)
                )
                columns.append((gather @ (ahead - behind))[free] / (2 * STEP))
            slopes = np.transpose(columns)
            rows = np.maximum(np.abs(slopes).max(axis=1), 1e-300)
            left = (gather @ self.velocity(model, y))[free] / rows
            step = np.linalg.lstsq(slopes / rows[:, None], left, rcond=1e-9)[0]
            if not np.isfinite(step).all():
                return None
            length = float(np.abs(step).max(initial=0.0))
            y = slaved(model, y - spread[:, free] @ (step * unit[free] * min(1, 0.5 / length)
                                                     if length else step))  # fmt: skip
            if length < 1e-10:
                return y if real_weights(model, y) else None
        return None

    def rest(self, unit: Unit) -> np.ndarray | None:
        """Return the state of a latent on a signal, or on noise; None where none stays there."""
        from scipy.integrate import LSODA

        model = self.alone(unit)
        s = model.eta + sum(unit.strengths)
        Q = max(s - model.beta, 0.1 * s)
        m = np.full((1, len(unit.strengths)), np.sqrt(0.9 * Q))
        v = 1 / (Q + model.beta)
        y = pack(m, v * m, [[Q]], [[v**2 * Q]], [[0.9 * v * Q]], [1.0])
        moving = np.arange(len(y)) < len(y) - 1  # all but D
        flow: Any = LSODA(
            lambda _, y: self.velocity(model, slaved(model, y)) * moving, 0, y, SPAN,
            rtol=1e-8, atol=1e-14,
        )  # fmt: skip
        while flow.status == "running" and flow.nfev < CALLS:
            flow.step()
        found = self.newton(model, flow.y) if flow.status == "finished" else None
        if found is None and unit.noise and self.vanishes(model):
            reason = "is so large that latents collapse wholly, for which fixed points under adam"
            raise ParameterError("adam_epsilon", f"{reason} are not derived; lower it")
        if found is None:
            return None
        m2 = float((unpack(found, 1, model.signal)["m"] ** 2).sum())
        on = not unit.strengths or m2 > ALIVE * found[2 * model.signal]
        return found if on else None

    def vanishes(self, model: Constants) -> bool:
        """Return whether weights without a signal that are small become ever smaller.

        Their gradients are too small then for more than epsilon to matter.
        """
        epsilon = self.params.adam_epsilon
        if model.sampled or not epsilon:
            return False
        alone = model._replace(rho=np.zeros(0))
        columns = []
        for k in range(3):  # linear in Q, E and R of this size
            y = np.array([0.0, 0.0, 0.0, 1.0])
            y[k] = SMALL
            columns.append(self.velocity(alone, y)[:3])
        growth = np.linalg.eigvals(np.transpose(columns) / SMALL).real
        return bool(growth.max() < 0)

    def spectrum(self, model: Constants, y: np.ndarray) -> np.ndarray:
        """Return the eigenvalues of the Jacobian with second moments, per unit of time, complex.

        The correction of bias has left. Where latents are averaged over, gradients of log D
        vanish, and so do their second moments, which decay by themselves.
        """
        v = self.moments(model, y)
        kept = np.arange(len(v)) < (3 if model.sampled else 2) * model.latent
        point = np.concatenate([y, np.where(kept, v, 0.0), [1.0]])
        spread, gather = symmetric(model.latent, model.signal)
        n, rows = spread.shape[1], int(kept.sum())
        ways = np.zeros((len(point), n + rows))
        ways[: len(y), :n] = spread
        ways[len(y) : len(y) + rows, n:] = np.eye(rows)
        back = np.zeros((n + rows, len(point)))
        back[:n, : len(y)] = gather
        back[n:, len(y) : len(y) + rows] = np.eye(rows)
        unit = np.concatenate([gather @ size_of(model, y), v[kept]])
        J = []
        for k in range(n + rows):
            shift = STEP * unit[k] * ways[:, k]
            J.append(back @ (self.whole(model, point + shift) - self.whole(model, point - shift)))
        J = np.transpose(J) / (2 * STEP) / unit[:, None]  # similar to the Jacobian
        values = np.linalg.eigvals(J).astype(complex)
        tangents = symmetry_tangents(model, y)
        still = int(np.linalg.matrix_rank(tangents, tol=1e-6)) if len(tangents) else 0
        values = values[np.argsort(np.abs(values))][still:]
        return np.concatenate([sort_modes(values), np.full(still, np.nan + 0j)])


def slaved(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return a state with D where it rests, as Q says."""
    parts = unpack(y, model.latent, model.signal)
    return pack(**{**parts, "D": model.beta / (np.diag(parts["Q"]) + model.beta)})


def size_of(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return the size that each order parameter has or could have, (values,)."""
    parts = unpack(y, model.latent, model.signal)
    w, v = (np.sqrt(np.maximum(np.abs(np.diag(parts[name])), 1e-200)) for name in "QE")
    signal = np.ones(model.signal)
    along = np.outer(w, signal), np.outer(v, signal)
    return pack(*along, np.outer(w, w), np.outer(v, v), np.outer(w, v), parts["D"])


def real_weights(model: Constants, y: np.ndarray) -> bool:
    """Return whether some weights have these overlaps."""
    parts = unpack(y, model.latent, model.signal)
    along = np.vstack([parts["m"], parts["d"]])
    gram = np.block([[parts["Q"], parts["R"]], [parts["R"].T, parts["E"]]])
    size = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    return bool(np.linalg.eigvalsh((gram - along @ along.T) / np.outer(size, size))[0] > -1e-8)


class Found:
    """Fixed points in which every latent lives alone.

    Attributes
    ----------
    configurations : list
        Which latents live on which directions, see `vaedyn.fixedpoints.configurations`.
    states : list of (values,)
    missing : list of Unit
        Latents on signals that there are not.
    idle : list of Unit
        Latents on noise, if they count as collapsed.
    partial : str
        Why not all are listed; empty when they are.
    """

    def __init__(self, adam: Adam, groups: int):
        # what latents without a signal have is noise, whether they are sampled or not
        model = adam.model._replace(sampled=1.0)
        units = Units(model)
        found = kinds(model, min(groups, 1))
        for unit in found:
            units.put(unit, adam.rest(unit))
        living = [unit for unit in found if units.state(unit) is not None]
        self.missing = [unit for unit in found if unit not in living]
        self.idle = [
            unit for unit in living
            if unit.noise and collapsed(adam.alone(unit), units.state(unit))
        ]  # fmt: skip
        self.partial = ""
        if groups > 1 and model.latent > 1:
            self.partial = "two latents that share directions are not derived for adam: none is"
            self.partial += " listed"
        self.configurations: list[Configuration] = []
        self.states: list[np.ndarray] = []
        for chosen in choose(living, model.latent, Counter(model.rho.tolist())):
            if sum(unit.latents for unit in chosen) < model.latent:
                continue
            if len(self.states) == MOST:
                self.partial = f"there are more than {MOST} fixed points: lower latent or signal"
                break
            configuration = completed(model, chosen)
            y = adam.newton(adam.model, state(units, configuration))  # of order 1/N they meet
            if y is not None:
                self.configurations.append(configuration)
                self.states.append(y)


def collapsed(model: Constants, y: np.ndarray | None) -> bool:
    """Return whether a latent without a signal has no more than `ACTIVE` nats."""
    assert y is not None
    parts = unpack(y, 1, model.signal)
    return float(observables(parts, model.rho, model.eta)["kl"]) <= ACTIVE


def end_under_adam(adam: Adam, y: np.ndarray) -> np.ndarray:
    """Return the stable fixed point in which the trajectory through `y` ends.

    Raises
    ------
    ConvergenceError
        When it does not come near to one in 500 times its duration.
    """
    params, model, span = adam.params, adam.model, adam.params.t_max
    for _ in range(WAITS):
        point = adam.newton(model, y)
        if point is not None:
            near = np.abs((point - y) / size_of(model, point)).max() < NEAR
            if near and np.nanmax(np.real(adam.spectrum(model, point))) <= 0:
                return point
        times = np.array([0.0, span])
        y = integrate(params, y, times, Constant(), rtol=1e-8, atol=1e-16)[0][-1]
        span *= 2
    raise ConvergenceError(
        "the trajectory creeps, as near a threshold: a larger t_max comes closer to its end"
    )


def thresholds_under_adam(adam: Adam) -> dict[str, Any]:
    """Return the thresholds of beta, as `vaedyn.thresholds` does.

    A latent on noise learns a signal of variance s while ``s > (S + D) (Q + beta)``: the
    determinant of the growth of small overlaps does not depend on the rates.
    """
    # model: linearisation, in m and d, of a latent on noise
    unit, eta = Unit(1, (), 1), adam.model.eta
    strongest = eta + float(adam.model.rho.max())
    betas = np.geomspace(LONGEST * strongest, 1e-3 * eta, 140).tolist()
    known: list[np.ndarray | None] = []  # states at these, as far as they have been asked for

    def floor(beta: float) -> tuple[Constants, np.ndarray]:
        """Return the state next to that at the last value asked for above `beta`."""
        while len(known) < len(betas) and betas[len(known)] >= beta:
            known.append(next_to(known[-1] if known else None, betas[len(known)])[1])
        above = sum(each >= beta for each in betas)
        one, found = next_to(known[above - 1], beta)
        if found is None:
            raise ConvergenceError(f"what a latent keeps on noise is not found at beta = {beta:g}")
        return one, found

    def next_to(start: np.ndarray | None, beta: float) -> tuple[Constants, np.ndarray | None]:
        here = Adam(adam.params.replace(beta=beta, anneal="constant"))
        one = here.alone(unit)
        found = None if start is None else here.newton(one, start)
        return one, here.rest(unit) if found is None else found

    def excess(beta: float, s: float) -> float:
        _, (Q, E, _, D) = floor(beta)
        return s - (eta * E + D) * (Q + beta)

    def nats(beta: float) -> float:
        one, y = floor(beta)
        return float(observables(unpack(y, 1, 0), one.rho, eta)["kl"]) - ACTIVE

    def highest(function: Any) -> float | None:
        """Return up to which beta a function is positive; None if it is so at any."""
        if function(betas[0]) > 0:
            return None
        for high, low in pairwise(betas):
            if function(low) > 0:
                return root(function, low, high)
        return 0.0

    return {
        "collapse": [highest(lambda b, s=rho + eta: excess(b, s)) for rho in adam.model.rho],
        "noise": highest(nats),
        "noise_upper": None,
        "max_lr": None,
    }
