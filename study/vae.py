"""VAEs in PyTorch, many at once: all tensors have the copies of the model as first axis.

The loss of a row is half the squared error, summed over columns, plus beta times the KL
divergence, summed over latents. Every copy has a beta of its own, and Adam treats every weight
by itself, so that copies learn as if each were alone.
"""

from collections.abc import Callable
from copy import copy
from itertools import pairwise

import torch
from torch import Tensor

DRAWS = 16  # of the latents of each row when the error is measured


class VAEs:
    """Copies of a VAE with `hidden` ReLU layers in the encoder and in the decoder.

    Without hidden layers, the encoder's variances are learned, one for each latent, as in the
    model of vaedyn; otherwise they are an output of the encoder.
    """

    def __init__(self, columns: int, hidden: tuple[int, ...], latents: int, seeds: list[int]):
        """Draw weights as PyTorch does by default; copies with equal seeds start alike."""
        self.latents = latents
        out = latents if not hidden else 2 * latents
        drawn = {seed: torch.Generator().manual_seed(seed) for seed in set(seeds)}
        self.encoder = _layers([columns, *hidden, out], seeds, drawn)
        self.decoder = _layers([latents, *hidden[::-1], columns], seeds, drawn)
        self.log_variance = torch.zeros(len(seeds), 1, latents, requires_grad=not hidden)

    def parameters(self) -> list[Tensor]:
        both = [each for layer in (*self.encoder, *self.decoder) for each in layer]
        return [*both, self.log_variance] if self.log_variance.requires_grad else both

    def copies(self, count: int) -> "VAEs":
        """Return `count` copies of the first model, with weights of their own."""
        others = copy(self)

        def alike(value: Tensor) -> Tensor:
            again = value.detach()[:1].repeat(count, *[1] * (value.ndim - 1))
            return again.requires_grad_(value.requires_grad)

        others.encoder = [(alike(weights), alike(bias)) for weights, bias in self.encoder]
        others.decoder = [(alike(weights), alike(bias)) for weights, bias in self.decoder]
        others.log_variance = alike(self.log_variance)
        return others

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances (copies, rows, latents)."""
        out = _through(self.encoder, rows.expand(len(self.log_variance), *rows.shape))
        if out.shape[-1] == self.latents:
            return out, self.log_variance.expand_as(out)
        return out[..., : self.latents], out[..., self.latents :]

    def kl(self, rows: Tensor) -> Tensor:
        """Return the KL divergence of each latent, the mean over rows (copies, latents)."""
        return _kl(*self.encode(rows)).mean(1)

    def losses(self, rows: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return squared errors and KL divergences (copies, rows), for one draw of latents."""
        mean, log_variance = self.encode(rows)
        noise = torch.randn(mean.shape, generator=random)
        made = _through(self.decoder, mean + (log_variance / 2).exp() * noise)
        return (rows - made).square().sum(-1), _kl(mean, log_variance).sum(-1)

    @torch.no_grad()
    def error(self, rows: Tensor) -> Tensor:
        """Return the mean squared error (copies,), always for the same draws of latents."""
        random = torch.Generator().manual_seed(0)
        draws = [self.losses(rows, random)[0].mean(1) for _ in range(DRAWS)]
        return torch.stack(draws).mean(0)


def _kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    return (mean.square() + log_variance.exp() - log_variance - 1) / 2


def _layers(
    widths: list[int], seeds: list[int], drawn: dict[int, torch.Generator]
) -> list[tuple[Tensor, Tensor]]:
    layers = []
    for before, after in pairwise(widths):
        one = {
            seed: (2 * torch.rand(before + 1, after, generator=random) - 1) / before**0.5
            for seed, random in drawn.items()
        }
        both = torch.stack([one[seed] for seed in seeds])
        weights, bias = both[:, :before].clone(), both[:, before:].clone()
        layers.append((weights.requires_grad_(), bias.requires_grad_()))
    return layers


def _through(layers: list[tuple[Tensor, Tensor]], values: Tensor) -> Tensor:
    for i, (weights, bias) in enumerate(layers):
        values = torch.baddbmm(bias, values.relu() if i else values, weights)
    return values


def train(
    models: VAEs,
    rows: Tensor,
    beta: Callable[[int], Tensor],
    steps: int,
    *,
    batch: int,
    rate: float,
    seed: int,
    cooled: int = 0,
    every: int = 0,
    look: Callable[[int], None] = lambda step: None,
) -> None:
    """Train by Adam on mini-batches; ``beta(step)`` has the KL weight of every copy (copies,).

    The last `cooled` steps are made at a tenth of the learning rate.
    ``look(step)`` is called before the first step, after each `every` steps, and at the end.
    """
    random = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(models.parameters(), lr=rate)
    order, used = torch.randperm(len(rows), generator=random), 0
    for step in range(steps):
        if every and step % every == 0:
            look(step)
        if step == steps - cooled:
            adam.param_groups[0]["lr"] = rate / 10
        if used + batch > len(rows):
            order, used = torch.randperm(len(rows), generator=random), 0
        some = rows[order[used : used + batch]]
        used += batch
        error, kl = models.losses(some, random)
        adam.zero_grad()
        (error / 2 + beta(step)[:, None] * kl).mean(1).sum().backward()
        adam.step()
    look(steps)
