"""The key of a picture: what its lines and marks stand for, as HTML.

Legends of Bokeh are laid out anew with every picture, which takes longer than all the rest.
"""

from html import escape

DASHED = {"dashed": "5 3", "dotted": "1.5 2.5", "dotdash": "1.5 2.5 5 2.5"}


def line(text: str, colour: str, dash: str = "solid", width: float = 2) -> str:
    """Return the key of a line."""
    dashes = f' stroke-dasharray="{DASHED[dash]}"' if dash in DASHED else ""
    drawn = f'<line x1="1" y1="6" x2="21" y2="6" stroke="{colour}" stroke-width="{width}"{dashes}/>'
    return key(text, drawn)


def area(text: str, colour: str, opacity: float = 1.0) -> str:
    """Return the key of an area."""
    drawn = f'<rect x="1" y="1" width="20" height="10" fill="{colour}" opacity="{opacity}"/>'
    return key(text, drawn)


def dot(
    text: str, colour: str, *, fill: str | None = None, radius: float = 3.5, bar: bool = False
) -> str:
    """Return the key of a marker, with an error bar or without."""
    drawn = f'<line x1="11" y1="0" x2="11" y2="12" stroke="{colour}"/>' if bar else ""
    drawn += f'<circle cx="11" cy="6" r="{radius}" stroke="{colour}" fill="{fill or colour}"/>'
    return key(text, drawn)


def square(text: str, colour: str) -> str:
    """Return the key of a square marker."""
    return key(text, f'<rect x="8" y="3" width="6" height="6" fill="{colour}"/>')


def arrow(text: str, colour: str) -> str:
    """Return the key of arrows."""
    drawn = f'<line x1="2" y1="6" x2="17" y2="6" stroke="{colour}"/>'
    return key(text, f'{drawn}<path d="M 21 6 l -6 -3 v 6 z" fill="{colour}"/>')


def key(text: str, drawn: str) -> str:
    """Return a small drawing beside what it stands for."""
    svg = f'<svg width="22" height="12" viewBox="0 0 22 12" aria-hidden="true">{drawn}</svg>'
    return f'<span class="key">{svg}{escape(text)}</span> '
