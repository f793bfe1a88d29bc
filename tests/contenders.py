"""What `make bench` times: vaedyn, plain references, and floors that no engine can beat."""

import math
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

import numba
import numpy as np

import vaedyn
from tests.shared import reference
from vaedyn.kernels import flows, ode, rk45
from vaedyn.kernels import stream as kernel
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.stream import open_stream
from vaedyn.learning import simulate as sgd
from vaedyn.model.start import teacher
from vaedyn.model.state import count, pack

Action = Callable[[], object]
Solve = Callable[[float], np.ndarray]
"""Integrates the theory at a tolerance, and returns the states at all or at the last times."""


def engine_run(params: vaedyn.Params, engine: str, steps: int) -> Action:
    """Return an action that makes `steps` SGD steps."""
    built = sgd.ENGINES[engine](params)
    stream = open_stream(np.random.SeedSequence(0))
    betas, save = np.full(steps, params.beta), np.array([steps])
    out = np.empty((1, count(params.latent, params.signal)))

    def action():
        state = [array.copy() for array in built.state]
        built.advance(stream, betas, save, *state, *built.constants, out)

    return action


def numpy_run(params: vaedyn.Params, steps: int) -> Action:
    """Return an action that makes `steps` SGD steps in plain NumPy."""
    W, V = params.weights()
    directions = teacher(params.dim, params.signal).T
    rng = np.random.default_rng(0)
    scale, noise = np.sqrt(params.strengths / params.dim), np.sqrt(params.eta)

    def action():
        weights = W.T, V.T, np.ones(params.latent)
        for _ in range(steps):
            c, n = rng.standard_normal(params.signal), rng.standard_normal(params.dim)
            x = directions @ (scale * c) + noise * n
            weights = reference.sgd_step(*weights, x, params.beta, params.lam, params.lr)

    return action


def torch_run(params: vaedyn.Params, steps: int) -> Action:
    """Return an action that makes `steps` SGD steps with PyTorch's automatic gradients."""
    import torch  # pyright: ignore[reportMissingImports]

    N = params.dim
    start = [torch.tensor(a.T.copy()) for a in params.weights()]
    start.append(torch.ones(params.latent, dtype=torch.float64))
    directions = torch.tensor(teacher(N, params.signal).T.copy())
    strengths = torch.tensor(np.sqrt(params.strengths / N))

    def action():
        W, V, D = (a.clone().requires_grad_() for a in start)
        groups = [{"params": [W, V]}, {"params": [D], "lr": params.lr / N}]
        optimizer = torch.optim.SGD(groups, lr=params.lr)
        for _ in range(steps):
            c = torch.randn(params.signal, dtype=torch.float64)
            n = torch.randn(N, dtype=torch.float64)
            x = directions @ (strengths * c) + math.sqrt(params.eta) * n
            mu, y = V.T @ x / math.sqrt(N), W.T @ x / math.sqrt(N)
            Q = W.T @ W / N
            # model: step, the loss in PyTorch
            fit = -y @ mu + mu @ Q @ mu / 2 + (Q.diagonal() * D).sum() / 2
            loss = fit + params.beta * (mu**2 + D - torch.log(D) - 1).sum() / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return action


def torch_adam_run(params: vaedyn.Params, steps: int) -> Action:
    """Return an action that makes `steps` steps of PyTorch's Adam on a linear VAE."""
    import torch  # pyright: ignore[reportMissingImports]

    from study.optimisers import VAE, loss

    directions = torch.tensor(teacher(params.dim, params.signal), dtype=torch.float32)
    directions *= torch.tensor(params.strengths / params.dim, dtype=torch.float32).sqrt()[:, None]

    def action():
        vae = VAE(params.dim, params.latent)
        optimiser = torch.optim.Adam(vae.parameters(), lr=params.rate / params.dim)
        for _ in range(steps):
            x = torch.randn(params.batch, params.signal) @ directions
            x = x + params.eta**0.5 * torch.randn(params.batch, params.dim)
            optimiser.zero_grad()
            loss(vae, x, params.beta).backward()
            optimiser.step()

    return action


@numba.njit
def _normals(stream, out, steps):
    for _ in range(steps):
        kernel.normals(stream, 1.0, out)


@numba.njit
def _ziggurat(rng, out, steps):
    for _ in range(steps):
        for j in range(out.size):
            out[j] = rng.standard_normal()


def normals_run(dim: int, steps: int) -> Action:
    """Return an action that draws the normals of `steps` data points, and nothing else."""
    stream, out = open_stream(np.random.SeedSequence(0)), np.empty(dim)
    return lambda: _normals(stream, out, steps)


def ziggurat_run(dim: int, steps: int) -> Action:
    """Return an action that draws as many normals from numpy's Generator inside numba."""
    rng, out = np.random.default_rng(0), np.empty(dim)
    return lambda: _ziggurat(rng, out, steps)


@numba.njit
def _traffic(rows, moving, steps):
    last = rows[-1]
    for _ in range(steps):
        for i in range(moving):
            row = rows[i]
            for j in range(row.size):
                row[j] += last[j]
        for j in range(last.size):
            last[j] = rows[-2, j]


def memory_run(dim: int, latent: int, signal: int, steps: int) -> Action:
    """Return an action that only reads W, V, W*, x and writes W, V, x, as a step must."""
    rows = np.ones((2 * latent + signal + 1, dim))
    return lambda: _traffic(rows, 2 * latent, steps)


def kernel_run(params: vaedyn.Params) -> Action:
    """Return an action that integrates the ODE by the kernel alone; beta is constant."""
    y, times = pack(**params.overlaps()), params.times()
    flow, out = flows.of_sgd(Constants.of(params)), np.empty((len(times), len(y)))
    calls, beta, stops = (flow.drift, 0, flow.norm), np.array([params.beta]), np.empty(0)

    def run() -> None:
        record, rows = rk45.begin(y, times, out)
        rk45.integrate(
            len(y), times, stops, record, 0, beta, calls, flow.box, flow.size, flow.latent, rows,
            1e-8, 1e-10, 1e4, 10**6, out,
        )  # fmt: skip

    return run


def cyrk_run(params: vaedyn.Params, start: np.ndarray, times: np.ndarray) -> Solve:
    """Return what integrates vaedyn's own compiled drift by CyRK, which has few digits on the way.

    Between its steps it interpolates, with errors a thousand times that of the steps.
    """
    from CyRK import nbsolve_ivp  # pyright: ignore[reportMissingImports]

    c = Constants.of(params)

    @numba.njit
    def slope(_t, y, c):
        out, work = np.empty_like(y), np.empty(ode.scratch(c.latent, c.rho.size))
        ode.drift(y, c, work, out)
        return out

    def solve(rtol: float) -> np.ndarray:
        found = nbsolve_ivp(
            slope, (0.0, times[-1]), start, args=(c,), rtol=rtol, atol=rtol / 100,
            t_eval=times[-1:], warnings=False,
        )  # fmt: skip
        return found.y.T

    return solve


def numbalsoda_run(params: vaedyn.Params, start: np.ndarray, times: np.ndarray) -> Solve:
    """Return what integrates vaedyn's own compiled drift by LSODA."""
    from numbalsoda import lsoda, lsoda_sig  # pyright: ignore[reportMissingImports]

    slope, box = compiled_slope(params, start, lsoda_sig)
    return lambda rtol: lsoda(slope.address, start, times, data=box, rtol=rtol, atol=rtol / 100)[0]


def compiled_slope(
    params: vaedyn.Params, start: np.ndarray, signature: Any
) -> tuple[Any, np.ndarray]:
    """Return a C function ``slope(t, y, out, box)`` of pointers, and its box."""
    c, beta, size = Constants.of(params), params.beta, len(start)
    drift, room = flows.plain, flows.scratch(ode, c.latent, c.signal)
    box = flows.boxed(c, (), room)
    length = len(box)

    @numba.cfunc(signature)
    def slope(_t, y, out, box):
        box_ = numba.carray(box, (length,))
        drift(beta, numba.carray(y, (size,)), box_, numba.carray(out, (size,)))

    return slope, box


def diffrax_run(params: vaedyn.Params, start: np.ndarray, times: np.ndarray) -> Solve:
    """Return what integrates the plain drift by diffrax, compiled by JAX."""
    import diffrax  # pyright: ignore[reportMissingImports]
    import jax  # pyright: ignore[reportMissingImports]

    jax.config.update("jax_enable_x64", True)
    numpys = SimpleNamespace(**{**vars(jax.numpy), "cumsum": np.cumsum})  # of lists
    names: dict[str, Any] = {**vars(reference), "np": numpys}
    names["split"] = FunctionType(reference.split.__code__, names)
    drift = FunctionType(reference.drift.__code__, names, None, reference.drift.__defaults__)
    drift.__kwdefaults__ = reference.drift.__kwdefaults__
    p, rho = params, jax.numpy.array(params.strengths)
    term = diffrax.ODETerm(lambda _t, y, _: drift(y, p.beta, rho, p.eta, p.lam, p.lr, p.latent))

    @jax.jit
    def solved(y: Any, t: Any, rtol: float) -> Any:
        return diffrax.diffeqsolve(
            term, diffrax.Dopri5(), t[0], t[-1], None, y, saveat=diffrax.SaveAt(ts=t),
            stepsize_controller=diffrax.PIDController(rtol, rtol / 100), max_steps=10**6,
        ).ys  # fmt: skip

    return lambda rtol: np.asarray(solved(start, times, rtol))
