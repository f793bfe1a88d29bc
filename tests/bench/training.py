"""Training in batches, by Adam and with sampled latents."""

import vaedyn
from tests.contenders import engine_run, normals_run, torch_adam_run

from .measure import Contender, compare, installed


def training_rows() -> list[dict]:
    """Measure training in batches, by Adam and with sampled latents, beside plain SGD."""
    torch = installed("torch")
    others = {"latents": "sampled", "optimiser": "adam", "lr": 0.05}
    rows = []
    for M, batch in ((1, 16), (2, 128), (8, 128)):
        plain = vaedyn.Params(latent=M, signal=min(M, 2), dim=1000, t_max=10)
        steps = 64 // batch + 4
        points = steps * batch
        contenders = [
            Contender("vaedyn, plain SGD", engine_run(plain, "vector", points), points),
            Contender("its own normals alone", normals_run(1000, points), points),
        ]
        for name, changes in (("SGD", {}), ("Adam, sampled", others)):
            params = plain.replace(batch=batch, momentum=0.0 if changes else 0.5, **changes)
            run = engine_run(params, "vector", steps)
            contenders.append(Contender(f"vaedyn, {name}, in batches", run, points))
        if torch:
            params = plain.replace(batch=batch, **others)
            contenders.append(Contender("PyTorch, Adam", torch_adam_run(params, steps), points))
        rows += compare(f"a data point, M = {M}, b = {batch}, N = 1000", "us", 1e6, contenders)
    for M, batch in ((1, 1), (1, 16), (2, 16)):
        plain = vaedyn.Params(latent=M, signal=M, dim=10**5, t_max=10)
        params = plain.replace(batch=batch, momentum=0.5, latents="sampled")
        contenders = [
            Contender("vaedyn, plain SGD", engine_run(plain, "exact", 50_000), 50_000),
            Contender("vaedyn, all but Adam", engine_run(params, "exact", 10_000), 10_000),
        ]
        rows += compare(f"exact, a step, M = M* = {M}, b = {batch}", "us", 1e6, contenders)
    for M in (1, 2):
        plain = vaedyn.Params(latent=M, signal=M, dim=1000, lr=0.05, t_max=300)
        models = {
            "plain SGD": plain,
            "sampled latents": plain.replace(latents="sampled"),
            "Adam": plain.replace(batch=16, **others),
        }
        rows += compare(
            f"theory, M = M* = {M}, t to 300", "ms", 1e3,
            [Contender(name, lambda p=p: vaedyn.theory(p), 1) for name, p in models.items()],
        )  # fmt: skip
    return rows
