"""Results in notebooks: HTML without scripts, in the colours of the page around it."""

from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

from .listing import Listing, Table

HOMES = {  # kinds of results, and the module that lists each
    "FixedPoints": "fixed_points",
    "LimitCycle": "limit_cycle",
    "LimitCycles": "limit_cycles",
    "Trajectory": "trajectory",
    "Sweep": "sweep",
    "Tuning": "tuning",
    "WarmUp": "tuning",
    "Look": "look",
    "Heldout": "heldout",
    "Training": "training",
    "Watched": "training",
    "Collapse": "training",
    "LearningCurve": "curve",
    "Branches": "branches",
    "BifurcationCurves": "bifurcation_curves",
    "PhaseDiagram": "phase_diagram",
    "TrainedOnRows": "trained_on_rows",
    "CollapseThresholds": "collapse_thresholds",
    "Report": "report",
}
LINE = "border: 0; border-bottom: 1px solid; padding: 0.2em 0.8em 0.2em 0; background: none;"
CELL = "border: 0; padding: 0.2em 0.8em 0.2em 0; background: none; vertical-align: top;"
WHOLE = " white-space: nowrap;"  # of numbers, for which a narrow page is to be scrolled


def html_of(result: Any) -> str | None:
    """Return a result as HTML, or None where there is no listing of its kind."""
    for kind in type(result).__mro__:
        if kind.__name__ in HOMES:
            home = import_module(f".{HOMES[kind.__name__]}", __package__)
            make: Callable[[Any], Listing] = home.listing
            all_of_it = "to_frame()" if hasattr(result, "to_frame") else "its arrays"
            return html(type(result).__name__, make(result), all_of_it)
    return None


def html(name: str, shown: Listing, all_of_it: str) -> str:
    """Return a listing as HTML, below the name of what it is of.

    `all_of_it` is where to see the rows that are left out.
    """
    parts = [f"<p><b>{escape(name)}</b>: {escape(shown.first)}</p>"]
    parts += [f"<p><b>warning:</b> {escape(text)}</p>" for text in shown.warnings]
    parts += [_table(each, all_of_it) for each in shown.tables]
    parts += [f"<p>{'<br>'.join(map(escape, shown.lines))}</p>"] if shown.lines else []
    return f'<div style="color: inherit">{"".join(parts)}</div>'


def _table(table: Table, all_of_it: str) -> str:
    sides = ["left" if i == 0 or x in table.left else "right" for i, x in enumerate(table.columns)]

    def row(tag: str, style: str, cells: list[str]) -> str:
        inside = ""
        for side, cell in zip(sides, cells, strict=True):
            whole = WHOLE * (tag == "td" and side == "right")
            inside += f'<{tag} style="text-align: {side}; {style}{whole}">{escape(cell)}</{tag}>'
        return f'<tr style="background: none">{inside}</tr>'

    head = row("th", LINE, table.columns)
    body = "".join(row("td", CELL, cells) for cells in table.rows)
    more = f"<p>and {table.more} more: see {all_of_it}</p>" if table.more else ""
    style = "border-collapse: collapse; color: inherit; margin: 0"
    whole = f'<table style="{style}"><thead>{head}</thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x: auto; margin: 0.9em 0">{whole}</div>{more}'
