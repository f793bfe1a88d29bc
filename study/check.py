"""Compare the models of the study with plain twins, before the minutes of training."""

import numpy as np
import torch

from study.settings import HIDDEN
from study.vae import VAEs, train


def forward(
    layers: list[tuple[torch.Tensor, torch.Tensor]], copy: int, x: np.ndarray
) -> np.ndarray:
    """Return what the layers of one copy make of one row."""
    for i, (weights, bias) in enumerate(layers):
        x = np.maximum(x, 0) if i else x
        x = x @ weights[copy].detach().numpy() + bias[copy, 0].detach().numpy()
    return x


def same_as_a_plain_network(hidden: tuple[int, ...]) -> None:
    """Compare encoder, decoder and KL divergence of one row and copy with NumPy and torch."""
    rows = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    models = VAEs(5, hidden, 3, [0, 1])
    with torch.no_grad():
        models.log_variance += torch.tensor([0.3, -0.7, 0.1])
    mean, log_variance = (each.detach() for each in models.encode(rows))
    plain = forward(models.encoder, 1, rows[4].numpy())
    assert np.allclose(mean[1, 4], plain[:3], atol=1e-6)
    if hidden:
        assert np.allclose(log_variance[1, 4], plain[3:], atol=1e-6)
    law = torch.distributions.Normal(mean, (log_variance / 2).exp())
    kl = torch.distributions.kl_divergence(law, torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(models.kl(rows), kl.mean(1), atol=1e-6)
    error, total = models.losses(rows, torch.Generator().manual_seed(2))
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(2))
    made = forward(models.decoder, 1, (mean + (log_variance / 2).exp() * noise)[1, 4].numpy())
    assert np.isclose(error[1, 4].item(), ((rows[4].numpy() - made) ** 2).sum(), rtol=1e-5)
    assert torch.allclose(total, kl.sum(-1), atol=1e-5)


def learning_alone(hidden: tuple[int, ...]) -> None:
    """Make sure that no copy learns otherwise when the beta of another changes."""
    rows = torch.randn(50, 5, generator=torch.Generator().manual_seed(1))
    found = []
    for other in (0.1, 3.0):
        models, beta = VAEs(5, hidden, 3, [0, 0]), torch.tensor([0.4, other])
        train(models, rows, lambda _, beta=beta: beta, 50, batch=16, rate=1e-2, seed=3)
        found.append(models.kl(rows).detach())
    assert torch.equal(found[0][0], found[1][0])
    assert not torch.allclose(found[0][1], found[1][1])


def the_error_of_a_linear_vae() -> None:
    """Compare the mean over draws with |x - W mu - b|^2 + sum D_i |w_i|^2: 4 standard errors."""
    rows = torch.randn(4000, 5, generator=torch.Generator().manual_seed(1))
    models = VAEs(5, (), 3, [0])
    mean, log_variance = (each.detach() for each in models.encode(rows))
    ((weights, bias),) = models.decoder
    rest = (rows - mean @ weights - bias).square().sum(-1)
    exact = rest.mean() + (log_variance[0, 0].exp() * weights[0].square().sum(1)).sum()
    error = models.losses(rows, torch.Generator().manual_seed(5))[0]
    assert abs(models.error(rows) - exact) < error.std() / 4000**0.5  # of 16 draws: 4 errors


if __name__ == "__main__":
    for layers in HIDDEN.values():
        same_as_a_plain_network(layers)
        learning_alone(layers)
    the_error_of_a_linear_vae()
