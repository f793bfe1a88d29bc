"""The page as text: every part with all that is not at Bokeh's defaults.

`python -m tests.explorer.listed` writes it anew, to be looked at and committed, where the page
looks otherwise on purpose.
"""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from vaedyn.explorer.latest import Latest

FILE = Path(__file__).parents[1] / "files" / "explorer_page.txt"
OF_BOKEH = {  # made by Bokeh alone
    "nonselection_glyph", "muted_glyph", "view", "selected", "selection_policy", "formatter",
    "major_label_policy", "axis", "overlay", "mantissas", "coordinates",
}  # fmt: skip
LONG = 100  # characters of a text that is written once
idle = partial(Latest, start=lambda function: None)


def page() -> Any:
    """Return a document with a page whose threads compute nothing."""
    from bokeh.document import Document

    from vaedyn import Params
    from vaedyn.explorer import data_page, page
    from vaedyn.explorer.whole_page import whole_page

    doc, params = Document(), Params(dim=30, t_max=4, points=5, beta=0.7, rho=1.3)
    with patch.multiple(page, Latest=idle), patch.multiple(data_page, Latest=idle):
        whole_page(doc, params, lambda: None)
    return doc


def lines(doc: Any) -> list[str]:
    """Return a document as lines, a part of it each, indented by how deep it is."""
    from bokeh import __version__
    from bokeh.model import Model

    found: list[str] = [
        f"bokeh {__version__}",
        f"title {doc.title}",
        f"template {json.dumps(doc.template)}",
    ]
    seen: dict[int, str] = {}
    texts: dict[str, str] = {}

    def shown(value: Any, inside: list[Model]) -> Any:
        if isinstance(value, Model):
            if id(value) in seen:
                return f"<{seen[id(value)]}>"
            seen[id(value)] = f"{type(value).__name__} {len(seen) + 1}"
            inside.append(value)
            return f"<{seen[id(value)]}>"
        if isinstance(value, dict):
            value = {k: x for k, x in value.items() if k not in ("transform", "units") or x}
            return {str(name): shown(each, inside) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [shown(each, inside) for each in value]
        if isinstance(value, np.ndarray):
            return shown(value.tolist(), inside)
        if isinstance(value, str) and len(value) > LONG:
            if value in texts:
                return texts[value]
            texts[value] = f"<text {len(texts) + 1}>"
        if isinstance(value, (str, int, float, bool)) or value is None:
            return value
        if hasattr(value, "__dict__"):
            kept = {k: x for k, x in vars(value).items() if isinstance(x, (str, int, float, Model))}
            return shown(kept, inside)
        return repr(value)

    def listed(model: Model, depth: int) -> None:
        inside: list[Model] = []
        found.append(f"{' ' * depth}{seen[id(model)]}")
        for name, value in sorted(model.properties_with_values(include_defaults=False).items()):
            if name not in OF_BOKEH and value not in ([], {}, None):
                text = json.dumps(shown(value, inside), ensure_ascii=False)
                text = re.sub(r"\bp\d{4}\d*\b", "ID", text)  # numbers that Bokeh gives
                found.append(f"{' ' * depth} {name} = {text}")
        for each in inside:
            listed(each, depth + 1)

    for root in doc.roots:
        seen[id(root)] = f"{type(root).__name__} {len(seen) + 1}"
        listed(root, 1)
    return found


if __name__ == "__main__":
    FILE.write_text("\n".join(lines(page())) + "\n")
