"""Write the tables of docs/nonlinear.md anew, from study/results.json.

Each stands between two comments, ``<!-- NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from study.findings import (
    BELOW,
    MODELS,
    Below,
    Results,
    below,
    death,
    largest,
    load,
    run_of,
    warm_ups,
)
from study.settings import WARM_UP, WARMED

PAGE = Path(__file__).parents[1] / "docs" / "nonlinear.md"
NONLINEAR = MODELS[1:]
PLAIN = ("wine", "cancer", "digits", "spiked")  # without a rare cluster


def collapse(results: Results) -> Iterator[str]:
    """Yield the table of where the last latent dies."""
    yield _row(
        "table",
        *(f"{model}, {kind}" for kind in ("scratch", "raised") for model in MODELS),
        "ceiling",
    )
    yield _rule(8)
    for table, facts in results["tables"].items():
        ends = [
            str(death(run_of(results, table, model, kind)) or "–")
            for kind in ("scratch", "raised")
            for model in MODELS
        ]
        yield _row(table, *ends, f"{facts['bound'] / largest(results, table):.2f}")


def latents(results: Results) -> Iterator[str]:
    """Yield the table of VAEs below collapse."""
    yield _row("table", "beta / l_1", "predicted", *MODELS)
    yield _rule(6)
    for table in results["tables"]:
        for beta in BELOW:
            found = [below(results, table, model, beta) for model in MODELS]
            cells = (
                f"{each.active}, {each.kl:.2f}, {each.error:.2f}{'' if each.settled else ' *'}"
                for each in found
            )
            yield _row(table, f"{beta:g}", str(found[0].expected), *cells)


def annealing(results: Results) -> Iterator[str]:
    """Yield the table of what a warm-up changes."""
    lengths = WARM_UP[1:]
    yield _row("table", "model", "steps without", *(f"warm-up of {n} steps" for n in lengths))
    yield _rule(3 + len(lengths))
    for table in WARMED[0]:
        for model in WARMED[1]:
            steps, found = warm_ups(results, table, model)
            cells = (f"{each.gain:.2f}, {each.active:+.0f}" for each in found)
            yield _row(table, model, f"{steps:.0f}", *cells)


def summary(results: Results) -> Iterator[str]:
    """Yield what the tables come to, in one line each."""
    for models, name in ((MODELS[:1], "Linear"), (NONLINEAR, "Nonlinear")):
        for kind, how in (("scratch", "from scratch"), ("raised", "at a beta that was raised")):
            runs = [run_of(results, table, model, kind) for table in PLAIN for model in models]
            ends = sorted(filter(None, map(death, runs)))
            yield f"- {name} VAEs, {how}: the last latent dies at {ends[0]} to {ends[-1]} l_1."
    for models, name in ((MODELS[:1], "Linear"), (NONLINEAR, "Nonlinear")):
        for betas in ((0.1,), (0.3, 0.5, 0.7), (0.85,)):
            found = [below(results, *key) for key in _keys(models, betas)]
            yield f"- {name} VAEs at {_range(betas, 'g')} l_1: {_compared(found)}."
    warmed = [warm_ups(results, table, model)[1] for table in WARMED[0] for model in WARMED[1]]
    gains = [each.gain for found in warmed for each in found]
    yield f"- Adam with a warm-up converges {_range(gains)} times as fast as with constant beta."


PARTS = {"summary": summary, "collapse": collapse, "latents": latents, "annealing": annealing}


def _keys(models: Iterable[str], betas: Iterable[float]) -> list[tuple[str, str, float]]:
    return [(table, model, beta) for table in PLAIN for model in models for beta in betas]


def _compared(found: list[Below]) -> str:
    settled = [each for each in found if each.settled]
    parts = [
        f"{_range([each.active - each.expected for each in settled], '+d')} latents in use",
        f"KL {_range([each.kl for each in settled])} times",
        f"error {_range([each.error for each in settled])} times the prediction",
    ]
    left = len(found) - len(settled)
    return ", ".join(parts) + (f" ({left} of {len(found)} had not settled)" if left else "")


def _range(values: Iterable[float], form: str = ".2f") -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return _row("---", *["---:"] * (columns - 1))


def written(text: str, results: Results) -> str:
    """Return the page with its tables as the results have them."""
    for name, part in PARTS.items():
        lines = "\n".join(part(results))
        mark = f"<!-- {name} -->"
        text, count = re.subn(
            rf"{mark}\n.*?<!-- end -->",
            lambda _, a=mark, b=lines: f"{a}\n\n{b}\n\n<!-- end -->",
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise ValueError(f"{PAGE.name} has {count} places for {mark}, not one")
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), load()))
