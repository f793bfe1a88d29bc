"""Train all VAEs of the study, and write what they came to into study/results.json.

Some minutes on two cores. KL weights are in units of l_1, the largest eigenvalue of the
rows' covariance.
"""

import json
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

import vaedyn
from study.bound import bound
from study.findings import RESULTS
from study.rows import LATENTS, TABLES, eigenvalues, rows
from study.settings import (
    ANNEALED,
    ANNEALED_STEPS,
    BATCH,
    COOLED,
    DRAWS,
    EVERY,
    HELD,
    HIDDEN,
    LEARNED,
    LOW,
    RATE,
    RISING,
    SEEDS,
    SOME,
    STEPS,
    WARM_UP,
    as_data,
    grid,
    parts,
)
from study.vae import VAEs, train

CORES = 2


def main() -> None:
    """Run all parts on two cores, the long ones first."""
    wanted = [part for part in parts() if {*sys.argv[1:]} <= {*part}]
    wanted.sort(key=lambda part: (part[0] != "digits", -len(HIDDEN[part[1]])))
    results = []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(run, *part) for part in wanted]):
            results.append(done.result())
            words = (results[-1][name] for name in ("table", "model", "kind"))
            print(*words, f"({len(results)} of {len(wanted)})", file=sys.stderr, flush=True)
    if sys.argv[1:]:
        print(*(json.dumps(each) for each in results), sep="\n")
        return
    results.sort(key=lambda each: parts().index((each["table"], each["model"], each["kind"])))
    tables = {name: described(name) for name in TABLES}
    write({"settings": settings(), "tables": tables, "runs": results})


def run(table: str, model: str, kind: str) -> dict[str, Any]:
    """Return the results of one part, in a process of its own."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    return {"table": table, "model": model, "kind": kind, **KINDS[kind](table, model)}


def loaded(table: str) -> tuple[torch.Tensor, float]:
    """Return the rows, and l_1."""
    values = rows(table)
    return torch.tensor(values, dtype=torch.float32), float(eigenvalues(values)[0])


def from_scratch(table: str, model: str) -> dict[str, Any]:
    """Train at each beta of a grid, from PyTorch's own start."""
    data, largest = loaded(table)
    betas = grid(table, "scratch")
    models = VAEs(data.shape[1], HIDDEN[model], LATENTS[table], [0] * len(betas))
    beta = largest * torch.tensor(betas)
    return measured(models, data, lambda step: beta, STEPS[table], betas)


def raised(table: str, model: str) -> dict[str, Any]:
    """Train at a small beta first, then raise it to each of a grid, and hold it there."""
    data, largest = loaded(table)
    betas = grid(table, "raised")
    one = VAEs(data.shape[1], HIDDEN[model], LATENTS[table], [0])
    low = torch.tensor([LOW * largest])
    train(one, data, lambda step: low, LEARNED, batch=BATCH, rate=RATE, seed=1)
    ends = largest * torch.tensor(betas)

    def beta(step: int) -> torch.Tensor:
        return low + (ends - low) * min(step / RISING, 1)

    steps = RISING + HELD + COOLED
    found = measured(one.copies(len(betas)), data, beta, steps, betas, COOLED)
    return {**found, "kl_at_low": numbers(one.kl(data).sum(1))[0]}


def measured(
    models: VAEs,
    data: torch.Tensor,
    beta: Any,
    steps: int,
    betas: tuple[float, ...],
    cooled: int = 0,
) -> dict[str, Any]:
    """Train, and return the KL of each latent, a mean over the last fifth, and the error."""
    seen: list[torch.Tensor] = []

    def look(step: int) -> None:
        if step > 0.6 * steps:
            with torch.no_grad():
                seen.append(models.kl(data))

    learning = {"batch": BATCH, "rate": RATE, "seed": 2, "every": EVERY, "look": look}
    train(models, data, beta, steps, cooled=cooled, **learning)
    half = len(seen) // 2
    before, last = (torch.stack(part).mean(0) for part in (seen[:half], seen[half:]))
    return {
        "beta": list(betas),
        "kl_per_latent": numbers(last.sort(1, descending=True).values),
        "kl_before": numbers(before.sum(1)),
        "error": numbers(models.error(data)),
    }


def warmed_up(table: str, model: str) -> dict[str, Any]:
    """Train with warm-ups of several lengths, and watch the loss at the final beta."""
    data, largest = loaded(table)
    copies = [(steps, seed) for steps in WARM_UP for seed in SEEDS]
    models = VAEs(data.shape[1], HIDDEN[model], LATENTS[table], [seed for _, seed in copies])
    final, length = ANNEALED * largest, torch.tensor([float(steps) for steps, _ in copies])
    some = data[torch.randperm(len(data), generator=torch.Generator().manual_seed(3))[:SOME]]
    losses: list[torch.Tensor] = []

    def beta(step: int) -> torch.Tensor:
        return final * torch.clamp((step + 1) / length.clamp(min=1), max=1)

    @torch.no_grad()
    def look(step: int) -> None:
        random = torch.Generator().manual_seed(4)
        draws = [models.losses(some, random) for _ in range(DRAWS)]
        losses.append(sum(error.mean(1) / 2 + final * kl.mean(1) for error, kl in draws) / DRAWS)

    train(
        models, data, beta, ANNEALED_STEPS, batch=BATCH, rate=RATE, seed=2, every=EVERY, look=look
    )
    return {
        "warm_up": [steps for steps, _ in copies],
        "seed": [seed for _, seed in copies],
        "collapsed": float(some.square().sum(1).mean() / 2),
        "loss": numbers(torch.stack(losses, 1)),
        "kl_per_latent": numbers(models.kl(data).sort(1, descending=True).values),
    }


KINDS = {"scratch": from_scratch, "raised": raised, "warm-up": warmed_up}


def described(table: str) -> dict[str, Any]:
    """Return what is known of a table, with all its eigenvalues."""
    values = rows(table)
    return {
        "text": TABLES[table],
        "samples": len(values),
        "latents": LATENTS[table],
        "eigenvalues": numbers(eigenvalues(values)),
        "bound": numbers([bound(values)])[0],
    }


def settings() -> dict[str, Any]:
    """Return how the study was made."""
    versions = {"vaedyn": vaedyn.__version__, "torch": torch.__version__, "numpy": np.__version__}
    return {**as_data(), "versions": {**versions, "python": platform.python_version()}}


def numbers(values: Any) -> Any:
    """Return nested lists with five significant digits."""
    if isinstance(values, torch.Tensor | np.ndarray):
        values = values.tolist()
    if isinstance(values, list):
        return [numbers(each) for each in values]
    return float(f"{values:.5g}")


def lines(results: dict[str, Any]) -> Iterator[str]:
    """Yield the results as JSON, every run and table on a line of its own."""
    yield '{"settings": ' + json.dumps(results["settings"]) + ","
    yield '"tables": {'
    yield ",\n".join(f'"{name}": {json.dumps(each)}' for name, each in results["tables"].items())
    yield '},\n"runs": ['
    yield ",\n".join(json.dumps(each) for each in results["runs"])
    yield "]}"


def write(results: dict[str, Any]) -> None:
    RESULTS.write_text("\n".join(lines(results)) + "\n")


if __name__ == "__main__":
    main()
