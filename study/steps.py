"""Compare the steps of vaedyn's optimisers with those of PyTorch, from a loss as it is written."""

from itertools import product

import numpy as np
import torch

import vaedyn
from vaedyn.kernels import batches
from vaedyn.kernels.stream import normals, open_stream

DIM, LATENT, BATCH, STEPS = 17, 2, 5, 40


def with_torch(
    params: vaedyn.Params, rows: np.ndarray, draws: np.ndarray, betas: np.ndarray
) -> list[np.ndarray]:
    """Return W, V and D after steps of `torch.optim` by automatic gradients."""
    W, V = (torch.tensor(weights / DIM**0.5, requires_grad=True) for weights in params.weights())
    law = torch.zeros(LATENT) if params.adam else torch.ones(LATENT)
    law = law.double().requires_grad_()
    lr = (params.rates / DIM).tolist()
    groups = [
        {"params": [W], "lr": lr[0], "weight_decay": params.lam},
        {"params": [V], "lr": lr[1], "weight_decay": params.lam},
        {"params": [law], "lr": lr[2], "weight_decay": 0.0},
    ]
    if params.adam:
        optimiser = torch.optim.AdamW(groups, betas=params.adam_betas, eps=params.adam_epsilon)
    else:
        optimiser = torch.optim.SGD(groups, momentum=params.momentum)
    for step, beta in enumerate(betas.tolist()):
        own = slice(step * BATCH, (step + 1) * BATCH)
        x, xi = torch.tensor(rows[own]), torch.tensor(draws[own])
        D = law.exp() if params.adam else law
        mu = x @ V.T
        z = mu + D.sqrt() * xi if params.sampled else mu
        error = (x - z @ W).square().sum(1) / 2
        if not params.sampled:
            error = error + (D * W.square().sum(1)).sum() / 2
        kl = (mu.square() + D - D.log() - 1).sum(1) / 2
        optimiser.zero_grad()
        (error + beta * kl).mean().backward()
        optimiser.step()
    D = law.exp() if params.adam else law
    return [DIM**0.5 * W.detach().numpy(), DIM**0.5 * V.detach().numpy(), D.detach().numpy()]


def same_steps(params: vaedyn.Params) -> None:
    """Compare weights after some steps on the same rows and draws."""
    random = np.random.default_rng(1)
    rows = random.standard_normal((BATCH * STEPS, DIM)) * np.linspace(1.8, 0.4, DIM)
    betas, seed = np.linspace(0.4, 1.1, STEPS), np.random.SeedSequence(2)
    draws = np.empty(BATCH * STEPS * LATENT)
    normals(open_stream(seed), 1.0, draws)
    how = batches.Training.of(params)
    memory = batches.memory(LATENT, DIM, params.adam)
    W, V, D = *(np.ascontiguousarray(weights) for weights in params.weights()), np.ones(LATENT)
    made = batches.advance_on(open_stream(seed), rows, betas, W, V, *memory, D, how)
    assert made == STEPS
    others = with_torch(params, rows, draws.reshape(-1, LATENT), betas)
    for ours, theirs in zip((W, V, D), others, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


OPTIMISERS = (
    {},
    {"momentum": 0.7},
    {"optimiser": "adam"},
    {"optimiser": "adam", "adam_betas": (0.8, 0.95), "adam_epsilon": 0.02},
)

if __name__ == "__main__":
    for optimiser, latents, lam in product(OPTIMISERS, ("averaged", "sampled"), (0.0, 0.3)):
        same_steps(
            vaedyn.Params(
                dim=DIM, latent=LATENT, batch=BATCH, latents=latents, lam=lam,
                lr=(0.3, 0.2, 0.15), t_max=5, points=2, **optimiser,
            )
        )  # fmt: skip
    print(f"steps of vaedyn and of PyTorch {torch.__version__} are the same")
