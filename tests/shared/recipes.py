"""Recipes for other libraries, as docs/practice.md has them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "practice.md"


def recipe(name: str) -> str:
    """Return the code of a recipe, by the name in the comment before it."""
    found = re.search(rf"<!-- recipe: {name} -->\n\n```python\n(.*?)```", PAGE.read_text(), re.S)
    assert found, f"{PAGE.name} has no recipe {name}"
    return found[1]
