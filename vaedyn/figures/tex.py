"""Numbers in TeX, as figures write them."""

import re
from collections.abc import Iterable

from ..model.params import Params


def rates(params: Params) -> str:
    """Return the learning rate in TeX, or those of decoder, encoder and variances."""
    return f"{params.lr:g}" if isinstance(params.lr, float) else strengths(params.rates)


def strengths(values: Iterable[float]) -> str:
    """Return strengths, or rates, in TeX: one if they are equal, else a vector of at most four."""
    words = [f"{value:.4g}" for value in values]
    if len(set(words)) == 1:
        return words[0]
    if len(words) > 4:
        words = [*words[:3], r"\ldots", words[-1]]
    listed = r",\,".join(words)
    return f"({listed})"


def powers(text: str) -> str:
    """Return `text` with numbers such as 1e-07 in its formulas written as powers of ten."""

    def power(found: re.Match[str]) -> str:
        factor = "" if found[1] == "1" else rf"{found[1]} \times "
        return rf"{factor}10^{{{int(found[2])}}}"

    number = r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]\d+)"
    pieces = re.split(r"(\$[^$]*\$)", text)
    return "".join(re.sub(number, power, x) if x[:1] == "$" else x for x in pieces)
