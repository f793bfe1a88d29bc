"""The options of the model, which most commands take."""

import functools
from collections.abc import Callable, Container, Sequence
from typing import Any

import click

from vaedyn.model.params import Params
from vaedyn.model.quantities import CONSTANTS
from vaedyn.model.training import LATENTS, OPTIMISERS

from . import complete
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, add, option
from .values import Numbers, Start, WholeNumber

MODEL = tuple(Params.__dataclass_fields__)


def _model(name: str, short: str, kind: Any, text: str, **settings: Any) -> Callable:
    if name in CONSTANTS:
        text = f"{CONSTANTS[name].plain}{text}"
    settings |= {"type": kind, "default": getattr(Params, name), "help": text}
    return option("Model", f"--{short}", name, **settings)


MODEL_OPTIONS = [
    _model("dim", "dim", WholeNumber(), "."),
    _model("latent", "latent", WholeNumber(), "."),
    _model("signal", "signal", WholeNumber(), "."),
    _model("rho", "rho", Numbers(), ": one for all signals, or M* of them."),
    _model("eta", "eta", float, "."),
    _model("beta", "beta", float, "; with --anneal its final value."),
    _model("lam", "lam", float, ", of W and V."),
    _model(
        "lr",
        "lr",
        Numbers(alone=True),
        ": one, or three of decoder, encoder and variances. It is PyTorch's times N: with "
        "--optimiser adam, 0.784 is 1e-3 at N = 784.",
    ),
    _model("t_max", "t-max", float, ", in units of N steps."),
    _model("points", "points", WholeNumber(), "Number of saved times."),
    _model(
        "anneal",
        "anneal",
        str,
        "KL annealing towards --beta: constant; tanh:GAMMA for beta tanh(GAMMA t); "
        "linear:T, cosine:T or sigmoid:T from 0 to beta in a time T; cyclical:PERIOD:RATIO, in "
        "every PERIOD from 0 straight to beta within the share RATIO of it; "
        "decay:START:T from START times beta, with exp(-t/T); "
        "points:T1=BETA1,T2=BETA2,... with straight lines in between (twice the same T for a "
        "jump); or file:PATH of lines t,beta.",
        shell_complete=complete.schedules,
    ),
    _model(
        "init",
        "init",
        Start(),
        "Where learning starts: gaussian (W and V standard normal, D = 1), torch (as linear layers "
        "of PyTorch: uniform, Q = N/(3M), E = 1/3, D = 1), or all six overlaps, "
        "such as m=0.03,d=0.03,Q=1,E=1,R=0,D=1 (a number fills a diagonal), or a JSON file of full "
        "matrices under these names.",
        shell_complete=complete.starts,
    ),
    _model("init_seed", "init-seed", WholeNumber(), "Seed of a start that is drawn."),
    _model(
        "noise",
        "noise",
        str,
        "Noise that is not white: variances, each with the share of the directions that have it, "
        "such as 1.2*0.5,0.8*0.5; or file:PATH of such lines, or of eigenvalues, one a line.",
        metavar="VARIANCE*SHARE,...",
        show_default="white, of variance eta",
    ),
    _model(
        "alpha",
        "alpha",
        float,
        ": the P = alpha N rows of a table are used again and again.",
        show_default="fresh data for every step",
    ),
    _model("batch", "batch", WholeNumber(), ": data points in a step, their gradients averaged."),
    _model("momentum", "momentum", float, ", heavy-ball, of SGD."),
    _model(
        "latents",
        "latents",
        click.Choice(LATENTS),
        "averaged: the loss is the mean over the encoder's law, as in the paper; sampled: z is "
        "drawn from it, as VAEs are trained.",
    ),
    _model(
        "optimiser",
        "optimiser",
        click.Choice(OPTIMISERS),
        "sgd, or adam, for which a step moves an entry of W by about tau/sqrt(N).",
    ),
    _model("adam_betas", "adam-betas", Numbers(), "Decay rates of Adam's two moments."),
    _model("adam_epsilon", "adam-epsilon", float, "What Adam adds to the root of v."),
]
SAMPLES = option(
    "Model",
    "--samples",
    type=WholeNumber(2),
    default=None,
    help="Number P of rows, another way to say --alpha: P/N.",
    show_default="that of --alpha",
)


def rows_counted(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with alpha in place of a number of rows, `samples`.

    Raises
    ------
    click.UsageError
        When both are given.
    """
    samples = options.pop("samples")
    if samples is None:
        return options
    if options["alpha"] is not None:
        raise click.UsageError("--samples and --alpha exclude each other: alpha is samples/dim")
    return {**options, "alpha": samples / max(1, options["dim"])}


def refuse_counted(varied: Container[str]) -> None:
    """Refuse a number of rows, `--samples`, where the dimension varies."""
    if "dim" in varied and click.get_current_context().params.get("samples") is not None:
        raise click.UsageError("--samples does not go with --vary dim: give --alpha")


def with_model(
    *groups: list[Callable], build: Callable = Params, without: Sequence[str] = ()
) -> Callable:
    """Return a decorator as `add` does; the model options arrive together, as `params`.

    `build` turns them into what arrives; those in `without` are not offered.
    """
    model = zip(MODEL, MODEL_OPTIONS, strict=True)
    offered = {name: item for name, item in model if name not in without}

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(**kwargs: Any) -> Any:
            kwargs = rows_counted(kwargs)
            params = build(**{name: kwargs.pop(name) for name in offered})
            return function(params=params, **kwargs)

        shared = (STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
        return add([*offered.values(), SAMPLES], *groups, *shared)(call)

    return decorate
