"""The parameters of the model, checked once and then never changed."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self, Unpack

import numpy as np

from ..errors import ParameterError
from . import coordinates, training
from . import start as initial
from .checks import integer, real
from .fields import Fields, refuse_unknown
from .noise import Classes, mean_of, parse_noise, text_of
from .schedule import Schedule
from .schedules import Pairs, parse_schedule

# metadata of a field that came later: at its default it is left out of records, so that the
# keys of older results stay the same
LATER = {"later": True}
# all that fixed points do not depend on; what comes later matters unless it is added here
IN_TIME = frozenset({"dim", "t_max", "points", "anneal", "init", "init_seed"})


@dataclass(frozen=True, kw_only=True)
class Params:
    """The linear VAE on the spiked covariance model, and how long it learns.

    The defaults are the experiment of Ichikawa and Hukushima's published script. Values are
    coerced to plain Python types, so that equal models compare, hash and are stored alike.

    Parameters
    ----------
    dim : int
        Input dimension N, at least 2M + M*.
    latent : int
        Latent dimension M.
    signal : int
        Number of signal directions M*. It may exceed M: the model then cannot
        learn all of them.
    rho : float or sequence of float
        Signal strengths rho_k > 0: one for all, or M* of them.
    eta : float
        Noise variance > 0.
    beta : float
        KL weight >= 0; with annealing, its final value.
    lam : float
        Weight decay >= 0.
    lr : float, or three
        Learning rate tau > 0; one step moves time by 1/N. Three: of decoder, encoder and
        encoder variances; they are kept as one where they are equal.
    t_max : float
        Last time, in units of N steps.
    points : int
        Number of saved times, evenly spaced from 0 to `t_max`.
    anneal : str, or (points, 2)
        Schedule of beta: ``constant``, ``tanh:GAMMA``, ``linear:T``, ``cosine:T``,
        ``sigmoid:T``, ``cyclical:PERIOD:RATIO``, ``decay:START:T``,
        ``points:T1=BETA1,...`` or
        ``file:PATH``, see `vaedyn.model.schedules`; or points as pairs (t, beta). Points must
        end with `beta`.
    init : str or mapping
        ``gaussian`` (W, V iid N(0, 1), D = 1); ``torch``, as PyTorch's linear layers start (W
        and V uniform, of variances N/(3M) and 1/3, D = 1); or the order parameters m, d, Q,
        E, R, D to start from, as scalars or full matrices, or as a text such as
        ``m=0.03,d=0.03,Q=1,E=1,R=0,D=1``.
    init_seed : int
        Seed of a start that is drawn.
    noise : str, or (classes, 2), optional
        Noise that is not white: its variances, each with the share of the directions that have
        it, such as ``1.2*0.5,0.8*0.5``, ``file:PATH`` of such lines, or pairs (variance, share),
        see `vaedyn.model.noise`; kept as text. `eta` is then their mean. None: white noise of
        variance `eta`.
    alpha : float, optional
        Rows by dimension, P/N, of a table that is used again and again; P = `samples`. None: a
        fresh data point for every step.
    batch : int
        Number b of data points in a step, whose gradients are averaged.
    momentum : float
        Heavy-ball momentum p of SGD, 0 <= p < 1: ``u <- p u + gradient``, and a step -tau u.
    latents : str
        ``averaged``: the loss is the mean over the encoder's law, in closed form. ``sampled``:
        latents z are drawn from it, once for each data point, as VAEs are trained.
    optimiser : str
        ``sgd`` or ``adam``. With Adam, a step moves an entry of W by about tau/sqrt(N): its
        learning rate in PyTorch, where weights are W/sqrt(N), is tau/N. Variances are then
        trained by their logarithms, and weight decay is decoupled (AdamW).
    adam_betas : (float, float)
        Decay rates of Adam's two moments.
    adam_epsilon : float
        What Adam adds to the root of its second moments.

    Raises
    ------
    ParameterError
        When a value is out of range; it names the parameter.
    """

    dim: int = 200
    latent: int = 1
    signal: int = 1
    rho: float | Sequence[float] | np.ndarray = 1.0
    eta: float = 1.0
    beta: float = 1.0
    lam: float = 0.0
    lr: float | Sequence[float] = 0.01
    t_max: float = 1500.0
    points: int = 401
    anneal: str | Pairs = "constant"
    init: str | Mapping[str, object] | initial.Overlaps = initial.GAUSSIAN
    init_seed: int = 0
    noise: str | Classes | None = field(default=None, metadata=LATER)
    alpha: float | None = field(default=None, metadata=LATER)
    batch: int = field(default=1, metadata=LATER)
    momentum: float = field(default=0.0, metadata=LATER)
    latents: str = field(default=training.AVERAGED, metadata=LATER)
    optimiser: str = field(default=training.SGD, metadata=LATER)
    adam_betas: Sequence[float] = field(default=training.ADAM_BETAS, metadata=LATER)
    adam_epsilon: float = field(default=training.ADAM_EPSILON, metadata=LATER)

    def __post_init__(self) -> None:
        latent = integer("latent", self.latent, 1)
        signal = integer("signal", self.signal, 1)
        dim = integer("dim", self.dim, 1)
        self._check_room(dim, latent, signal)
        beta = real("beta", self.beta, least_allowed=True)
        values = {
            "dim": dim,
            "latent": latent,
            "signal": signal,
            "rho": self._strengths(signal),
            **self._noise(),
            "alpha": self._rows_by(dim),
            "beta": beta,
            "lam": real("lam", self.lam, least_allowed=True),
            "lr": training.rates(self.lr),
            "t_max": real("t_max", self.t_max),
            "points": integer("points", self.points, 2),
            "anneal": parse_schedule(self.anneal, beta).spec,
            "init_seed": integer("init_seed", self.init_seed, 0),
            "init": self._start(latent, signal),
            **training.checked(
                self.batch, self.momentum, self.latents, self.optimiser, self.adam_betas,
                self.adam_epsilon,
            ),
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.schedule.check(self.t_max)
        if self.t_max * dim >= 2**53:
            raise ParameterError(
                "t_max", f"{self.t_max * dim:.3g} steps are more than any machine makes"
            )
        if self.points > self.steps + 1:
            raise ParameterError(
                "points",
                f"there are {self.steps} steps (t_max times dim), too few for "
                f"{self.points} saved times",
            )

    def _check_room(self, dim: int, latent: int, signal: int) -> None:
        if dim < (least := 2 * latent + signal):
            reason = f"must be at least 2 latent + signal = {least} to hold all weight vectors"
            raise ParameterError("dim", f"{reason}, got {dim}")

    def _strengths(self, signal: int) -> tuple[float, ...]:
        given = np.ravel(np.asarray(self.rho, dtype=object)).tolist()
        if len(given) == 1:
            given *= signal
        if len(given) != signal:
            reason = f"expected one number or {signal} (one per signal), got {len(given)}"
            if given:
                reason += f", which need --signal {len(given)} (in Python signal={len(given)})"
            raise ParameterError("rho", reason)
        return tuple(real("rho", value) for value in given)

    def _noise(self) -> dict[str, Any]:
        """Return eta and the classes of noise, None where it is white."""
        eta = real("eta", self.eta)
        classes = None if self.noise is None else parse_noise(self.noise)
        if classes is None:
            return {"eta": eta, "noise": None}
        mean = mean_of(classes)
        if eta not in (Params.eta, mean):
            raise ParameterError("eta", f"excludes noise, whose mean it is ({mean:g}), got {eta:g}")
        return {"eta": mean, "noise": text_of(classes) if len(classes) > 1 else None}

    def _rows_by(self, dim: int) -> float | None:
        if self.alpha is None or self.alpha == math.inf:
            return None
        alpha = real("alpha", self.alpha)
        if round(alpha * dim) < 2:
            raise ParameterError("alpha", f"makes fewer than 2 rows of {dim} entries: {alpha:g}")
        return alpha

    def _start(self, latent: int, signal: int) -> str | initial.Overlaps:
        init = self.init
        if isinstance(init, str):
            if init in initial.DRAWN:
                return init
            init = initial.parse_overlaps(init)
        try:
            init = dict(init)
        except (TypeError, ValueError):
            raise ParameterError("init", f"expected text or a mapping, got {init!r}") from None
        if self.init_seed != 0:
            raise ParameterError("init_seed", "applies to starts that are drawn only")
        return initial.freeze(init, latent, signal)

    def replace(self, **changes: Unpack[Fields]) -> Self:
        """Return a copy with other values of some parameters, checked as a whole.

        Parameters
        ----------
        **changes
            Parameters of the model. Where all signals are equally strong, another number
            of them, `signal`, keeps this strength.

        Raises
        ------
        ParameterError
            When a value is out of range, or does not go with the others.
        TypeError
            When there is no such parameter.
        """
        refuse_unknown(Params.replace, changes)
        if "signal" in changes and len(set(self.strengths)) == 1:
            changes = {"rho": self.strengths[:1], **changes}
        if changes.get("noise") is not None:
            changes = {"eta": Params.eta, **changes}
        return dataclasses.replace(self, **changes)

    @property
    def steps(self) -> int:
        """Number of SGD steps up to `t_max`."""
        return round(self.t_max * self.dim)

    @property
    def rates(self) -> np.ndarray:
        """Learning rates of decoder, encoder and encoder variances, (3,)."""
        return np.full(3, self.lr, float)

    @property
    def rate(self) -> float:
        """The decoder's learning rate tau/(1 - p), with which time is measured."""
        return (self.lr if isinstance(self.lr, (float, int)) else self.lr[0]) / (1 - self.momentum)

    @property
    def sampled(self) -> bool:
        """Whether latents are sampled, rather than averaged over."""
        return self.latents == training.SAMPLED

    @property
    def adam(self) -> bool:
        """Whether the optimiser is Adam."""
        return self.optimiser == training.ADAM

    @property
    def plain(self) -> bool:
        """Whether steps are those of plain SGD: one data point, one rate, averaged latents."""
        others = self.momentum or self.sampled or self.adam or isinstance(self.lr, tuple)
        return self.batch == 1 and not others

    @property
    def strengths(self) -> np.ndarray:
        """Signal strengths rho, (signal,)."""
        return np.array(self.rho)

    @property
    def classes(self) -> np.ndarray:
        """Variances of the noise and shares of directions, (classes, 2), the largest first."""
        return np.array([(self.eta, 1.0)] if self.noise is None else parse_noise(self.noise))

    @property
    def samples(self) -> int | None:
        """Number P of rows that are used again and again; None where each is fresh."""
        return None if self.alpha is None else round(self.alpha * self.dim)

    @property
    def schedule(self) -> Schedule:
        """Beta in time, with ``params.schedule(t, params.beta)`` as its values, (times,)."""
        return parse_schedule(self.anneal)

    def bound(self, start: np.ndarray) -> float:
        """Return the size beyond which an order parameter counts as diverged."""
        natural = max(1.0, max(self.strengths) + self.eta, 1 / self.eta, np.abs(start).max())
        return float(1e4 * natural)

    def save_steps(self) -> np.ndarray:
        """Return the numbers of SGD steps after which the state is saved, (points,)."""
        return np.rint(np.linspace(0, self.steps, self.points)).astype(np.int64)

    def times(self) -> np.ndarray:
        """Return the saved times t = steps/N, (points,)."""
        return self.save_steps() / self.dim

    def overlaps(self) -> dict[str, np.ndarray]:
        """Return the order parameters at t = 0 under their names."""
        if self.noise is not None:
            return coordinates.overlaps_of(*self.products())
        if isinstance(self.init, str):
            sizes = self.dim, self.latent, self.signal, self.init_seed
            return initial.drawn_overlaps(self.init, *sizes)
        return initial.thaw(self.init)

    def products(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return m above d, products in classes of noise, and D, at t = 0.

        See `vaedyn.model.coordinates`.
        """
        classes = self.classes
        if isinstance(self.init, str):
            sizes = self.dim, self.latent, self.signal, self.init_seed
            along, within = coordinates.drawn_products(self.init, classes, *sizes)
            return along, within, np.ones(self.latent)
        given = initial.thaw(self.init)
        return *coordinates.products_with(classes[:, 1], **given), given["D"]

    def mean_overlaps(self) -> dict[str, np.ndarray]:
        """Return the order parameters at t = 0 on average over initial weights."""
        if isinstance(self.init, str):
            start = initial.drawn_mean(self.init, self.dim, self.latent)
            return initial.thaw(initial.freeze(start, self.latent, self.signal))
        return initial.thaw(self.init)

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Return W and V transposed at t = 0, (latent, dim) each."""
        if isinstance(self.init, str):
            return initial.drawn_weights(self.init, self.dim, self.latent, self.init_seed)
        if self.noise is not None:
            return coordinates.weights_with(self.classes, self.dim, **initial.thaw(self.init))
        return initial.weights_with(self.dim, **self.overlaps())

    def to_dict(self) -> dict[str, object]:
        """Return all parameters as plain JSON data, at full precision.

        `init_seed` is left out where the start is not drawn, and so is a `LATER` field at
        its default.
        """
        data = {}
        for each in fields(self):
            if "later" not in each.metadata or getattr(self, each.name) != each.default:
                data[each.name] = getattr(self, each.name)
        data["rho"] = list(data["rho"])
        if not isinstance(self.init, str):
            data["init"] = {name: rows.tolist() for name, rows in initial.thaw(self.init).items()}
            del data["init_seed"]
        return data
