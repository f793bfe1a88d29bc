"""Figures of the paper's claims, each from the data of a panel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..claims.evidence import Panel
from ..fixedpoints.passages import Passage
from ..model.params import Params
from ..model.quantities import CONSTANTS, QUANTITIES
from ..model.results import Trajectory
from .annealing import annealing
from .curves import BANDS, TIME, draw, legend, time_axis
from .layout import PLAIN, SIZE, caption, finish, label_decades, wrapped
from .learning_curves import learning_curves
from .passages import passages
from .style import COLOURS, ONE_COLUMN, TWO_COLUMNS, new_figure, styled

GREY = "#6e6e6e"
MARKER: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.8,
}  # fmt: skip
CORRELATIONS = {"Q": r"$Q_{12}/\sqrt{Q_{11}Q_{22}}$", "S": r"cov($\mu$), normalised"}


def figure_of(panel: Panel) -> Figure:
    """Return the figure of a panel."""
    return DRAWN[panel.name](**panel.data)


def _head(figure: Figure, axes: Axes, parts: Sequence[str]) -> None:
    """Write a caption above one of two panels."""
    lines = wrapped(figure, parts, ", ", 0.4 * figure.get_figwidth())
    axes.set_title("\n".join(lines), fontsize=SIZE)


def limit(
    ode: Trajectory,
    sgd: Sequence[Trajectory],
    dims: np.ndarray,
    distance: np.ndarray,
    error: np.ndarray,
    fit: tuple[float, float, float],
) -> Figure:
    """Draw how SGD approaches the ODE as N grows.

    Parameters
    ----------
    ode : Trajectory, leading axis (times,)
    sgd : sequence of Trajectory, leading axes (runs, times)
        For the smallest and the largest N.
    dims, distance, error : (dims,)
        Largest distance in time, averaged over runs, and its standard error.
    fit : (float, float, float)
        Exponent, its standard error and factor of the power law.
    """
    with styled():
        figure, (left, right) = new_figure(TWO_COLUMNS, 2.7, ncols=2)
        handles: list[Any] = []
        for run, colour, count in zip(sgd, (COLOURS[1], COLOURS[0]), (0, 16), strict=True):
            draw(left, ode.t, None, run.eps_g, {"color": colour}, band="std", x_scale="linear",
                 count=count)  # fmt: skip
            text = f"SGD, $N = {run.params.dim}$"
            if count:
                handles.append(Line2D([], [], color=colour, **MARKER, label=text))
            handles.append(Patch(facecolor=colour, alpha=0.22, label=f"{text}: {BANDS['std']}"))
        left.plot(ode.t, ode.eps_g, color="black", zorder=5)
        handles.insert(0, Line2D([], [], color="black", label="theory (ODE)"))
        left.legend(handles=handles)
        time_axis(left, ode.t, "linear")
        left.set_ylim(bottom=0)
        left.set_xlabel(TIME)
        left.set_ylabel(QUANTITIES["eps_g"].axis)
        exponent, uncertain, factor = fit
        right.errorbar(dims, distance, error, color=COLOURS[0], **MARKER, elinewidth=0.8, zorder=3)
        text = rf"fit $\propto N^{{{exponent:.3f} \pm {uncertain:.3f}}}$"
        right.plot(dims, factor * dims**exponent, color=COLOURS[1], label=text)
        right.set_xscale("log")
        right.set_yscale("log")
        label_decades(right)
        right.set_xlabel(CONSTANTS["dim"].axis)
        right.set_ylabel("largest distance from the ODE")
        right.legend()
        finish(figure, [], caption(ode.params, without=["dim"]), PLAIN)
    return figure


def entangled(equal: Mapping[str, Any], unequal: Mapping[str, Any]) -> Figure:
    """Draw the correlation of two latents in time, for equal and for unequal signals.

    Both have the entries ``ode`` (a Trajectory), ``course`` (correlations, by name, under
    ``ode`` (times,) and ``sgd`` (runs, times)) and ``passed`` (entangled passages).
    """
    with styled():
        figure, panels = new_figure(TWO_COLUMNS, 3.0, ncols=2)
        for axes, case in zip(panels, (equal, unequal), strict=True):
            ode, course = case["ode"], case["course"]
            shades = _shade(axes, case["passed"])
            for name, colour in zip(CORRELATIONS, COLOURS, strict=False):
                draw(axes, ode.t, course["ode"][name], course["sgd"][name], {"color": colour},
                     band="std", x_scale="log", count=16)  # fmt: skip
            axes.axhline(0, color=GREY, linewidth=0.6)
            time_axis(axes, ode.t, "log")
            axes.margins(y=0.06)
            axes.set_xlabel(TIME)
            axes.set_ylabel("correlation of latents")
            _head(figure, axes, caption(ode.params))
            if shades:
                low, high = axes.get_ylim()
                axes.set_ylim(low, high + (0.12 + 0.08 * len(shades)) * (high - low))
                text = "nearest fixed point (escape time)"
                axes.legend(handles=shades, title=text, loc="upper left", handlelength=1.2,
                            fontsize=6.5, title_fontsize=6.5, alignment="left")  # fmt: skip
        names = [
            Line2D([], [], color=colour, label=label)
            for label, colour in zip(CORRELATIONS.values(), COLOURS, strict=False)
        ]
        keys = legend(equal["ode"], _Ensemble(equal["course"]["sgd"]["Q"]), "std", "0.35")
        figure.legend(handles=[*names, *keys], loc="outside lower center", ncols=5)
    return figure


class _Ensemble:
    """What `legend` needs to know of simulations: how many runs there are."""

    def __init__(self, runs: np.ndarray):
        self.eps_g = runs


def _shade(axes: Axes, passed: Sequence[Passage]) -> list[Any]:
    """Shade the times near entangled saddles, and return legend entries."""
    handles: list[Any] = []
    for passage, colour in zip(passed, (COLOURS[4], COLOURS[5], COLOURS[3]), strict=False):
        axes.axvspan(passage.start, passage.end, color=colour, alpha=0.25, linewidth=0)
        text = f"{passage.type} ({passage.escape_time:.3g})"
        handles.append(Patch(facecolor=colour, alpha=0.25, label=text))
    return handles


def collapse(
    base: Params,
    beta: np.ndarray,
    errors: Mapping[float, np.ndarray],
    least: tuple[float, float],
    simulated: tuple[np.ndarray, np.ndarray, np.ndarray],
    runs: int,
) -> Figure:
    """Draw the generalisation error in the end against beta.

    Parameters
    ----------
    base : Params
    beta : (n,)
    errors : mapping from learning rate to (n,)
        Of the stable fixed points; the smallest learning rate stands for the limit.
    least : (float, float)
        The best beta at the learning rate of `base`, and eps_g there.
    simulated : three of (betas,)
        Values of beta, means and standard deviations over runs.
    runs : int
    """
    threshold = float(base.strengths[0] + base.eta)
    with styled():
        figure, (axes,) = new_figure(ONE_COLUMN, 2.9)
        for lr, colour, dash in zip(sorted(errors), (GREY, COLOURS[0]), ("--", "-"), strict=True):
            text = rf"fixed point, $\tau = {lr:g}$" if lr == base.lr else r"limit $\tau \to 0$"
            axes.plot(beta, errors[lr], color=colour, linestyle=dash, label=text)
        axes.errorbar(*simulated, color=COLOURS[0], **MARKER, elinewidth=0.8, zorder=4,
                      label=f"SGD, {runs} runs")  # fmt: skip
        axes.plot(*least, "*", color=COLOURS[1], markersize=7, zorder=5,
                  label=rf"least, at $\beta = {least[0]:.3f}$")  # fmt: skip
        axes.axvspan(threshold, beta[-1], color=GREY, alpha=0.15, linewidth=0, label="collapsed")
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlim(beta[0], beta[-1])
        axes.set_ylim(-0.03, 1.15 * base.strengths.sum())
        axes.set_xlabel(CONSTANTS["beta"].axis)
        axes.set_ylabel(r"$\varepsilon_g$ in the end")
        figure.legend(loc="outside lower center", ncols=2)
        finish(figure, [], caption(base, without=["beta"]), PLAIN)
    return figure


def superfluous(
    base: Params,
    beta: np.ndarray,
    errors: Mapping[int, np.ndarray],
    simulated: tuple[np.ndarray, np.ndarray, np.ndarray],
    runs: int,
    course: Mapping[float, tuple[np.ndarray, np.ndarray]],
) -> Figure:
    """Draw what spare latents cost in the end, and how slowly they are given up.

    Parameters
    ----------
    base : Params
    beta : (n,)
    errors : mapping from the number of latents to (n,)
        eps_g of the stable fixed points.
    simulated : three of (betas,)
        Values of beta, means and standard deviations over runs, at the latents of `base`.
    runs : int
    course : mapping from beta to a pair of (times,)
        lr t, and |eps_g - its final value|.
    """
    with styled():
        figure, (left, right) = new_figure(TWO_COLUMNS, 2.9, ncols=2)
        for (latent, values), colour in zip(errors.items(), COLOURS, strict=False):
            left.plot(beta, values, color=colour, label=f"$M = {latent}$")
            if latent == base.latent:
                left.errorbar(*simulated, color=colour, **MARKER, elinewidth=0.8, zorder=4,
                              label=f"SGD, {runs} runs")  # fmt: skip
        left.axvline(base.eta, color=GREY, linewidth=0.8, linestyle=":", label=r"$\beta = \eta$")
        left.set_xlim(beta[0], beta[-1])
        left.set_ylim(bottom=-0.05)
        left.set_xlabel(CONSTANTS["beta"].axis)
        left.set_ylabel(r"$\varepsilon_g$ in the end")
        left.legend()
        _head(figure, left, caption(base, without=["beta", "latent"]))
        for (value, (t, away)), colour in zip(course.items(), COLOURS, strict=False):
            seen = (t > 0) & (away > 1e-9)
            right.plot(t[seen], away[seen], color=colour, label=rf"$\beta = {value:g}$")
        t = course[base.eta][0][1:]
        right.plot(t, 1 / t, color=GREY, linestyle="--", linewidth=0.9, label=r"$1/(\tau t)$")
        right.set_xscale("log")
        right.set_yscale("log")
        right.set_ylim(1e-6, 3)
        right.set_xlim(t[0], t[-1])
        label_decades(right)
        right.set_xlabel(r"time $\tau t$")
        right.set_ylabel(r"$|\varepsilon_g(t) - \varepsilon_g(\infty)|$")
        right.legend(loc="lower left")
        _head(figure, right, ["theory (ODE)", rf"$M = {base.latent}$", "$M^* = 1$"])
    return figure


def relaxation(
    base: Params,
    beta: np.ndarray,
    rates: np.ndarray,
    measured: tuple[np.ndarray, np.ndarray],
) -> Figure:
    """Draw the rate of the slowest deviation, over the learning rate, against beta.

    Parameters
    ----------
    base : Params
    beta, rates : (n,)
        Of the stable fixed point.
    measured : two of (betas,)
        Values of beta, and rates late in the ODE.
    """
    with styled():
        figure, (axes,) = new_figure(ONE_COLUMN, 2.7)
        axes.plot(beta, rates / base.lr, color=COLOURS[0], label="Jacobian of the fixed point")
        axes.plot(measured[0], measured[1] / base.lr, color=COLOURS[0], **MARKER, zorder=4,
                  label="decay in the ODE")  # fmt: skip
        threshold = float(base.strengths[0] + base.eta)
        axes.axvline(threshold, color=GREY, linewidth=0.8, linestyle=":",
                     label=r"$\beta = \rho + \eta$")  # fmt: skip
        axes.set_xlim(beta[0], beta[-1])
        axes.set_ylim(bottom=0)
        axes.set_xlabel(CONSTANTS["beta"].axis)
        axes.set_ylabel(r"slowest rate / $\tau$")
        figure.legend(loc="outside lower center", ncols=2)
        finish(figure, [], caption(base, without=["beta", "dim"]), PLAIN)
    return figure


def curves(points: Any, ode: Sequence[Trajectory], sgd: Sequence[Trajectory]) -> Figure:
    """Draw learning curves over one another, see `learning_curves`."""
    return learning_curves(points, ode, sgd, y_scale="log")


def finite(
    base: Params,
    theory: tuple[np.ndarray, np.ndarray],
    printed: Mapping[float, tuple[float, float]],
    small: Mapping[float, np.ndarray],
    large: Mapping[float, np.ndarray],
    sgd: tuple[float, np.ndarray],
) -> Figure:
    """Draw the error after training on rows against how many there are, alpha.

    Parameters
    ----------
    base : Params
    theory : two of (n,)
        Values of alpha, and eps_g for large N.
    printed : mapping from alpha to (float, float)
        A mean and its spread.
    small, large : mapping from alpha to (draws,)
        eps_g on drawn tables, at few and at many dimensions.
    sgd : (float, (runs,))
        alpha, and eps_g at the end of SGD.
    """
    with styled():
        figure, (axes,) = new_figure(ONE_COLUMN, 2.9)
        axes.plot(*theory, color="black", label=r"closed form, $N \to \infty$")
        marks: list[tuple[str, dict[float, Any], str, str, float]] = [
            (rf"tables, $N = {base.dim}$", _spread(small), COLOURS[0], "o", 0.97),
            (r"tables, $N = 4000$", _spread(large), COLOURS[2], "s", 1.0),
            ("printed", dict(printed), COLOURS[1], "D", 1.03),
            (rf"SGD, $N = {base.dim}$", _spread({sgd[0]: sgd[1]}), COLOURS[3], "^", 1.06),
        ]
        for label, values, colour, marker, aside in marks:
            x = aside * np.array([*values])
            mean, spread = np.array([*values.values()]).T
            axes.errorbar(x, mean, spread, color=colour, **{**MARKER, "marker": marker},
                          elinewidth=0.8, markersize=4, label=label)  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(theory[0][0], theory[0][-1])
        axes.set_xticks([1.5, 2, 3, 4, 5, 6, 8], ["1.5", "2", "3", "4", "5", "6", "8"])
        axes.set_xticks([], minor=True)
        label_decades(axes, "y")
        axes.set_xlabel(CONSTANTS["alpha"].axis)
        axes.set_ylabel(QUANTITIES["eps_g"].axis)
        figure.legend(loc="outside lower center", ncols=2)
        given = caption(base, without=["dim", "lam", "lr", "alpha"])
        finish(figure, [], [*given, r"$\lambda = 1/\alpha$"], PLAIN)
    return figure


def _spread(values: Mapping[float, np.ndarray]) -> dict[float, tuple[float, float]]:
    """Return means and standard deviations."""
    return {x: (float(y.mean()), float(y.std(ddof=1))) for x, y in values.items()}


DRAWN = {
    "limit": limit,
    "curves": curves,
    "entangled": entangled,
    "escape": passages,
    "collapse": collapse,
    "superfluous": superfluous,
    "annealing": annealing,
    "relaxation": relaxation,
    "finite": finite,
    "optimisers": curves,
}
