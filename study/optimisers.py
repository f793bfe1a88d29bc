"""Train linear VAEs with PyTorch's own Adam, and write their order parameters.

A linear VAE as it is usually written: two linear layers, log variances, one draw of the latents
for each row, ``torch.optim.Adam``. Rows are drawn afresh, as vaedyn draws them, and the weights
start where those of vaedyn start, so that `vaedyn theory` predicts each run. About a minute.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

import vaedyn
from study.measure import numbers
from vaedyn.model.start import teacher

RESULTS = Path(__file__).with_name("optimisers.json")
RATE, BATCH = 1e-3, 128  # as people train
SEEDS = (1, 2, 3, 4, 5)
STEPS, EVERY = 3000, 50
MODEL = vaedyn.Params(
    dim=784, latent=2, signal=2, rho=(6, 3), lr=RATE * 784, batch=BATCH, latents="sampled",
    optimiser="adam", t_max=STEPS / 784, points=STEPS // EVERY + 1,
)  # fmt: skip
STARTS = ("gaussian", "torch")


class VAE(nn.Module):
    """A linear VAE without biases."""

    def __init__(self, columns: int, latents: int):
        super().__init__()
        self.encoder = nn.Linear(columns, latents, bias=False)
        self.decoder = nn.Linear(latents, columns, bias=False)
        self.log_variance = nn.Parameter(torch.zeros(latents))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = self.encoder(x)
        z = mean + torch.exp(self.log_variance / 2) * torch.randn_like(mean)
        return self.decoder(z), mean


def loss(vae: VAE, x: torch.Tensor, beta: float) -> torch.Tensor:
    """Return half the squared error plus beta times the KL divergence, the mean over rows."""
    made, mean = vae(x)
    error = 0.5 * (x - made).square().sum(1)
    own = vae.log_variance
    kl = 0.5 * (mean.square() + own.exp() - own - 1).sum(1)
    return (error + beta * kl).mean()


def trained(params: vaedyn.Params, seed: int) -> np.ndarray:
    """Return m, d, Q, E, R and D in flat rows, (times, values), of one run."""
    torch.manual_seed(seed)
    N = params.dim
    vae = VAE(N, params.latent)
    start = torch.tensor(np.array(params.weights()) / np.sqrt(N), dtype=torch.float32)
    with torch.no_grad():
        vae.decoder.weight.copy_(start[0].T)
        vae.encoder.weight.copy_(start[1])
    signals = torch.tensor(teacher(N, params.signal) / np.sqrt(N), dtype=torch.float32)
    signals *= torch.tensor(params.strengths, dtype=torch.float32).sqrt()[:, None]
    optimiser = torch.optim.Adam(vae.parameters(), lr=params.rate / N, betas=params.adam_betas)
    saved = []
    for step in range(params.steps + 1):
        if step in params.save_steps():
            saved.append(order_parameters(vae, params))
        x = torch.randn(params.batch, params.signal) @ signals
        x = x + params.eta**0.5 * torch.randn(params.batch, N)
        optimiser.zero_grad()
        loss(vae, x, params.beta).backward()
        optimiser.step()
    return np.array(saved)


def order_parameters(vae: VAE, params: vaedyn.Params) -> np.ndarray:
    """Return m, d, Q, E, R and D, one after the other."""
    W = vae.decoder.weight.detach().double().numpy().T  # (latent, dim), over sqrt(N)
    V = vae.encoder.weight.detach().double().numpy()
    signals = teacher(params.dim, params.signal) / np.sqrt(params.dim)
    products = (W @ signals.T, V @ signals.T, W @ W.T, V @ V.T, W @ V.T)
    D = np.exp(vae.log_variance.detach().double().numpy())
    return np.concatenate([*(each.ravel() for each in products), D])


def main() -> None:
    torch.set_num_threads(1)
    runs = []
    for init in STARTS:
        for seed in SEEDS:
            states = trained(MODEL.replace(init=init), seed)
            runs.append({"init": init, "seed": seed, "states": numbers(states)})
            print(f"Adam from {init}, seed {seed}", file=sys.stderr, flush=True)
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    lines = ",\n".join(json.dumps(run) for run in runs)
    about = json.dumps({**MODEL.to_dict(), "versions": versions})
    RESULTS.write_text(f'{{"model": {about},\n"runs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
