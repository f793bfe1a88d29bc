"""`vaedyn fixedpoints --alpha`: what training on the same rows leads to, beside fresh data."""

from typing import Any

import click

from vaedyn.fixedpoints.trained_on_rows import TrainedOnRows, best_beta, trained_on_rows
from vaedyn.listings import trained_on_rows as listed
from vaedyn.model.params import Params
from vaedyn.model.quantities import NAMES, OBSERVABLES, active
from vaedyn.model.training import ADAM_BETAS, ADAM_EPSILON, SGD

from .output import number, plain, print_json, table
from .session import Session


def print_trained(session: Session, params: Params) -> None:
    """Print the state of lowest loss on the rows, and that on fresh data."""
    fresh = params.replace(alpha=None)
    results = trained_on_rows(params), trained_on_rows(fresh)
    bests = best_beta(params), best_beta(fresh)
    if session.as_json:
        rows, other = (_plain(*pair) for pair in zip(results, bests, strict=True))
        head = {"command": "fixedpoints", "params": params.to_dict(), "samples": params.samples}
        print_json({**head, "limit": listed.LIMIT, "rows": rows, "fresh": other})
        return
    click.echo(f"trained on {params.samples} rows of {params.dim} entries; {listed.LIMIT}")
    table(*listed.table(*results)[:2])
    click.echo()
    table(["", "rows", "fresh data"], _summary(results, bests))
    for line in listed.remarks(results[0]):
        click.echo(line)


def in_the_end(params: Params, tol: float) -> tuple[dict[str, Any], str]:
    """Return what training on the rows leads to, as entries of JSON and in words.

    Small steps of Adam come to rest where the gradient is zero, too, but for its weight decay.
    """
    assert params.samples is not None
    used = params.steps * params.batch / params.samples
    text = f"the {params.samples} rows are used again and again, {used:.4g} times"
    data = {"t_converge": None, "converges_at": None, "tol": tol, "trained_on_rows": None}
    if params.adam and params.lam:
        return data, f"{text}; where that leads to is not derived for Adam with weight decay"
    descent = {"optimiser": SGD, "adam_betas": ADAM_BETAS, "adam_epsilon": ADAM_EPSILON}
    data["trained_on_rows"] = eps_g = float(trained_on_rows(params.replace(**descent)).eps_g)
    text += f"; that leads to eps_g = {number(eps_g)} for large N and small learning rates"
    return data, text


def _summary(results: Any, bests: Any) -> list[list[str]]:
    lines = listed.summary(*results)
    lines["best beta"] = [number(beta) if beta == beta else "none" for beta, _ in bests]
    lines["eps_g there"] = [number(least) for _, least in bests]
    return [[name, *cells] for name, cells in lines.items()]


def _plain(result: TrainedOnRows, best: tuple[float, float]) -> dict[str, Any]:
    """Return a state as plain data."""
    names = ("signals", "eigenvalues", "overlaps", "thresholds", "kl_on_rows")
    arrays = {name: plain(getattr(result, name)) for name in (*names, *OBSERVABLES, *NAMES)}
    beta, least = best
    arrays["signals"] = [None if k < 0 else k + 1 for k in result.signals.tolist()]
    count = int(active(result.kl_on_rows))
    ends = {"best_beta": plain(beta), "best_eps_g": plain(least)}
    return {"phase": result.phase, "active": count, **ends, **arrays}
