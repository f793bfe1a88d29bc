"""The page on terms of the model lists every place at which its equations are written."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/contributing.md").read_text()
KINDS = ["step", "drift", "spread", "linearisation", "closed form", "observable"]
MARK = re.compile(r"^\s*# model: ([a-z ]+), \S.*$")


def marked(text):
    """Yield kind and function of each marker in the text of a module."""
    functions = list(_functions(ast.parse(text))) if "# model" in text else []
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*# model\b", line):
            kind = MARK.match(line)
            assert kind, f"not of the form '# model: KIND, a few words': {line}"
            inside = [name for name, first, last in functions if first <= number <= last]
            assert inside, f"a marker outside of any function: {line}"
            yield kind[1], inside[-1]


def _functions(node, before=""):
    """Yield the name, first and last line of every function, outer ones before inner ones."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            name = before + child.name
            if isinstance(child, ast.FunctionDef):
                yield name, child.lineno, child.end_lineno
            yield from _functions(child, f"{name}.")


@functools.cache
def in_code():
    return {
        (kind, str(path.relative_to(ROOT)), name)
        for folder in ("vaedyn", "store", "cli", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__)
        for kind, name in marked(path.read_text())
    }


def on_page():
    return {
        (kind, path, name)
        for kind, path, names in re.findall(r"^\| ([a-z ]+) \| `(\S+\.py)` \| (.+) \|$", PAGE, re.M)
        for name in re.findall(r"`(\S+)`", names)
    }


def test_the_page_lists_the_places_that_are_marked():
    assert on_page() == in_code()


def test_every_kind_has_places_and_no_other_is_marked():
    assert {kind for kind, *_ in in_code()} == set(KINDS)


@pytest.mark.parametrize(
    "line", ["# model: step", "# model step, of W", "# model: Step, of W", "# model: step of W"]
)
def test_a_marker_of_another_form_is_no_marker(line):
    with pytest.raises(AssertionError, match="not of the form"):
        list(marked(f"def f():\n    {line}\n    return 1\n"))


def test_a_marker_stands_in_its_function():
    text = "class A:\n    def f(self):\n        # model: closed form, of D\n        return 1\n"
    assert list(marked(text)) == [("closed form", "A.f")]
    with pytest.raises(AssertionError, match="outside"):
        list(marked("# model: step, of W\n"))
