"""Draw docs/training/pytorch.png: PyTorch's Adam beside the theory of Adam."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import vaedyn
from vaedyn.figures.curves import draw
from vaedyn.figures.layout import PLAIN, below, canvas
from vaedyn.figures.style import COLOURS, ONE_COLUMN, TWO_COLUMNS, save

RESULTS = Path(__file__).with_name("optimisers.json")
PICTURE = Path(__file__).parents[1] / "docs" / "training" / "pytorch.png"
DOTS: Any = {"linestyle": "none", "marker": "o", "markerfacecolor": "white"}
RINGS = (7.0, 5.4, 3.8, 2.2)  # sizes of markers, so that batches at one place are seen
SLOPE = 1.9  # of steps to half of the error, over 1/lr sqrt(b)
NOISY = 0.15  # tau / sqrt(b), beyond which the noise of steps counts
SHOWN = {"eps_g_rotation": "error, up to rotations", "kl": "KL of both latents (nats)"}


def load() -> tuple[vaedyn.Params, dict[str, vaedyn.Trajectory]]:
    """Return the model, and the runs of each start as one trajectory, (runs, times)."""
    results = json.loads(RESULTS.read_text())
    model = {name: x for name, x in results["model"].items() if name != "versions"}
    params = vaedyn.Params(**model)
    found = {}
    for init in dict.fromkeys(run["init"] for run in results["runs"]):
        states = np.array([run["states"] for run in results["runs"] if run["init"] == init])
        own = params.replace(init=init)
        found[init] = vaedyn.Trajectory.from_states(own, states, t=own.times())
    return params, found


def figure(params: vaedyn.Params, runs: dict[str, vaedyn.Trajectory]) -> Figure:
    """Draw error and KL divergence by step, from both starts."""
    grid: Any = {"ncols": len(SHOWN)}
    with canvas(PLAIN, TWO_COLUMNS, 2.6, **grid) as (page, panels):
        for colour, (init, measured) in zip(COLOURS, runs.items(), strict=False):
            theory = vaedyn.theory(measured.params)
            for axes, name in zip(np.ravel(panels), SHOWN, strict=True):
                draw(
                    axes, params.dim * theory.t, getattr(theory, name), getattr(measured, name),
                    {"color": colour, "linestyle": "-" if init == "gaussian" else "--"},
                    band="std", x_scale="linear", count=16,
                )  # fmt: skip
        for axes, (name, words) in zip(np.ravel(panels), SHOWN.items(), strict=True):
            axes.set_xlabel("step of Adam")
            axes.set_ylabel(words)
            axes.set_xlim(0, params.steps)
            if name != "kl":
                axes.set_yscale("log")
            else:
                axes.set_ylim(bottom=0)
        starts = {"gaussian": "W and V of N(0, 1)", "torch": "start of PyTorch's layers"}
        handles = [
            Line2D([], [], color=c, linestyle="-" if init == "gaussian" else "--",
                   label=f"theory, {starts[init]}")
            for c, init in zip(COLOURS, runs, strict=False)
        ]  # fmt: skip
        handles += [
            Line2D([], [], color="0.3", label="PyTorch, mean of runs", **DOTS),
            Patch(color="0.3", alpha=0.2, linewidth=0, label="± std"),
        ]
        below(page, handles, PLAIN, columns=2)
    return page


def pace() -> Figure:
    """Draw the time to learn in theory, over rate and batch, for three sizes."""
    batches, sizes = (1, 16, 128, 1024), (200, 784, 5000)
    with canvas(PLAIN, ONE_COLUMN, 2.9) as (page, (axes,)):
        for colour, size, batch in zip(COLOURS, RINGS, batches, strict=False):
            for marker, dim in zip("osD", sizes, strict=True):
                rates = [lr for lr in np.geomspace(0.004, 0.3, 9) if lr * dim**0.5 < NOISY * batch]
                points = np.array([_half(dim, batch, lr) for lr in rates]).reshape(-1, 2)
                axes.plot(*points.T, marker, color=colour, markersize=size, markerfacecolor="white")
        x = np.array([0.003, 0.4])
        axes.plot(x, SLOPE / x, color="0.5", zorder=0)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(r"PyTorch's learning rate times $\sqrt{N b}$")
        axes.set_ylabel(r"steps to half of the error, over $\sqrt{N}$")
        handles = [
            Line2D([], [], color=c, label=f"$b = {b}$", **DOTS)
            for c, b in zip(COLOURS, batches, strict=False)
        ]
        handles += [
            Line2D([], [], color="0.3", label=f"$N = {n}$", **{**DOTS, "marker": m})
            for m, n in zip("osD", sizes, strict=True)
        ]
        handles.append(Line2D([], [], color="0.5", label="in inverse proportion"))
        below(page, handles, PLAIN, columns=2)
    return page


def _half(dim: int, batch: int, lr: float) -> tuple[float, float]:
    """Return the rate in units of the figure, and steps until half of the error is left."""
    scaled = lr * (dim / batch) ** 0.5
    params = vaedyn.Params(
        dim=dim, rho=2.0, lr=scaled, batch=batch, latents="sampled", optimiser="adam",
        t_max=30 / (scaled * batch**0.5), points=1001, init="m=0.1,d=0.1,Q=1,E=1,R=0,D=1",
    )  # fmt: skip
    theory = vaedyn.theory(params)
    at = int(np.argmax(theory.eps_g < 0.5 * theory.eps_g[0]))
    return lr, theory.t[at] * dim**0.5


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    save(figure(*load()), PICTURE)
    save(pace(), PICTURE.with_name("pace.png"))
