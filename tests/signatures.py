"""All that `vaedyn` offers with its arguments and their defaults, as text.

`python -m tests.signatures` writes the file that a test compares with, where they change on
purpose: the changelog has to say so.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import vaedyn

FILE = Path(__file__).parent / "files" / "signatures.txt"


def lines() -> Iterator[str]:
    """Yield a line for each public function and class, and for each method of its own."""
    for name in sorted(vaedyn.__all__):
        found = getattr(vaedyn, name)
        if callable(found):
            yield from _signatures(name, found)


def _signatures(name: str, found: Any) -> Iterator[str]:
    try:
        yield f"{name}({', '.join(_arguments(found))})"
    except ValueError:  # such as exceptions, which take anything
        return
    if inspect.isclass(found):
        for own, method in sorted(vars(found).items()):
            method = getattr(method, "__func__", method)
            if inspect.isfunction(method) and not own.startswith("_"):
                yield f"{name}.{own}({', '.join(_arguments(method))})"


def _arguments(function: Any) -> Iterator[str]:
    before = None
    for each in inspect.signature(function).parameters.values():
        if each.kind is each.KEYWORD_ONLY and before not in (
            each.KEYWORD_ONLY,
            each.VAR_POSITIONAL,
        ):
            yield "*"
        before = each.kind
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = each.default
        named = getattr(default, "__name__", None) or repr(default)
        named = "..." if " at 0x" in named else named
        yield f"{star}{each.name}" + (f"={named}" if default is not each.empty else "")


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n")
