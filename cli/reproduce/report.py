"""The report of `vaedyn reproduce`: one HTML file that needs nothing else."""

import math
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from vaedyn.claims.evidence import Panel, Row

from ..output import number

STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --back: #fff; --soft: #5c5c5c;
  --line: #d4d4d4; --fill: #f3f3f1; --good: #006b4a; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e6; --back: #16181a; --soft: #a9a9a6;
  --line: #3c4043; --fill: #212427; --good: #5fd3a8; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; color: var(--text);
  background: var(--back); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem 0.35rem 0;
  border-bottom: 1px solid var(--line); }
td.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
.pass { color: var(--good); font-weight: 600; } .fail { color: var(--bad); font-weight: 700; }
figure { margin: 1rem 0; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: 4px;
  padding: 0.4rem; }
figure.narrow img { max-width: 30rem; margin: 0 auto; }
figcaption { margin-top: 0.6rem; } dt { font-weight: 600; } dd { margin: 0 0 0.5rem; }
pre { background: var(--fill); padding: 0.6rem; overflow-x: auto; font-size: 0.8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
small, .soft { color: var(--soft); }
@media (max-width: 40rem) { thead { display: none; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: 0.5rem 0; }
  td { display: block; border: 0; padding: 0.05rem 0; white-space: normal !important; }
  td[data-name]::before { content: attr(data-name) ": "; color: var(--soft); }
  figure:not(.narrow) img { width: 40rem; } }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>Y. Ichikawa and K. Hukushima, <em>Learning Dynamics in Linear VAE: Posterior Collapse Threshold,
Superfluous Latent Space Pitfalls, and Speedup with KL Annealing</em>, AISTATS 2024
(<a href="https://arxiv.org/abs/2310.15440">arXiv 2310.15440</a>).</p>
<p class="{verdict_class}">{verdict}</p>
<p class="soft">{about}</p>
{summary}
{sections}
<p><small>{footer}</small></p>
</body>
</html>
"""
ABOUT = (
    "Each claim of the abstract is turned into numbers. A row passes when the number found differs "
    "from the one expected by no more than its tolerance (or is larger, or smaller, by more than "
    "that, where an inequality is expected). Each row says where the expected number comes from: "
    "from the paper, or from another computation of this package. Tolerances are statistical "
    "errors of simulations, the uncertainty of an extrapolation, or the accuracy of an "
    "integration, as listed below the figures; a statistical row fails by chance once in 370 "
    "times. The figures follow the text of the paper; its own were not at hand, so none is a copy "
    "of one, and all numbers not in the text are our choice and named as such."
)
NARROW = 5.0  # inches: smaller figures are not stretched


def shown(row: Row) -> tuple[str, str, str]:
    """Return the number expected, the one found and its error as text."""
    expected = number(row.expected) if abs(row.expected) < 1e5 else f"{row.expected:.3g}"
    relation = "" if row.relation == "=" else f"{row.relation} "
    error = "" if row.error is None else f"{row.error:.2g}"
    return relation + expected, number(_rounded(row.found, row.error)), error


def _rounded(value: float, error: float | None) -> float:
    """Return `value` to the second digit of its error."""
    if not error or not math.isfinite(value + error):
        return value
    return round(value, 1 - math.floor(math.log10(error))) + 0.0  # no -0


def verdict(rows: Sequence[Row]) -> str:
    """Return in words how many rows pass."""
    failed = sum(not row.passed for row in rows)
    if failed:
        return f"{failed} of {len(rows)} rows FAIL"
    return f"all {len(rows)} rows pass"


def report(
    panels: Sequence[Panel],
    images: Sequence[tuple[bytes, float]],
    commands: Sequence[Sequence[str]],
    footer: str,
) -> str:
    """Return the report.

    Parameters
    ----------
    panels : sequence of Panel
    images : sequence of (SVG, width in inches)
    commands : sequence of sequences of str
        For every panel, the command lines that make it or its data.
    footer : str
        How the report was made.
    """
    rows = [row for panel in panels for row in panel.rows]
    sections = [
        _section(n, *parts) for n, parts in enumerate(zip(panels, images, commands, strict=True), 1)
    ]
    return PAGE.format(
        title="The paper's claims, reproduced",
        style=STYLE,
        verdict=escape(verdict(rows)),
        verdict_class="pass" if all(row.passed for row in rows) else "fail",
        about=escape(ABOUT),
        summary=_summary(panels),
        sections="\n".join(sections),
        footer=escape(footer),
    )


def _summary(panels: Sequence[Panel]) -> str:
    lines = []
    for n, panel in enumerate(panels, 1):
        for row in panel.rows:
            expected, found, error = map(escape, shown(row))
            plus = f" ± {error}" if error else ""
            lines.append(
                f'<tr><td><a href="#panel{n}">{n}</a> {escape(row.claim)}</td>'
                f'<td class="n" data-name="expected">{expected}</td>'
                f'<td data-name="from">{escape(row.origin)}</td>'
                f'<td class="n" data-name="found">{found}{plus}</td>'
                f"<td>{_mark(row)}</td></tr>"
            )
    head = "".join(f"<th>{name}</th>" for name in ("claim", "expected", "from", "found", ""))
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _mark(row: Row) -> str:
    return f'<span class="{"pass" if row.passed else "fail"}">{result(row)}</span>'


def result(row: Row) -> str:
    """Return the verdict on a row in one word."""
    return "pass" if row.passed else "FAIL"


def _allowed(row: Row) -> str:
    """Return how far a row may be off, or what it must be beyond where that is all."""
    return f"± {number(row.tolerance)}" if row.tolerance else shown(row)[0]


def _section(n: int, panel: Panel, image: tuple[bytes, float], commands: Sequence[str]) -> str:
    svg, width = image
    data = b64encode(svg).decode()
    narrow = ' class="narrow"' if width < NARROW else ""
    basis = "".join(
        f"<li>{escape(row.claim)}: {escape(_allowed(row))}, {escape(row.basis)}. {_mark(row)}</li>"
        for row in panel.rows
    )
    return (
        f'<section id="panel{n}"><h2>{n}. {escape(panel.title)}</h2>\n'
        f"<figure{narrow}>"
        f'<div class="scroll"><img alt="{escape(panel.title)}" '
        f'src="data:image/svg+xml;base64,{data}"></div>\n'
        f"<figcaption>{escape(panel.caption)}</figcaption></figure>\n"
        f"<dl><dt>Known of the original</dt><dd>{escape(panel.known)}</dd>\n"
        f"<dt>Our choice</dt><dd>{escape(panel.chosen)}</dd></dl>\n"
        f"<details><summary>Tolerances</summary><ul>{basis}</ul></details>\n"
        "<p>To make it, or its data, alone:</p>\n"
        f"<pre>{escape(chr(10).join(commands))}</pre></section>"
    )
