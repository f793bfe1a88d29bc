"""Text files in which some columns hold words, or cells are empty: which columns are numbers."""

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from .chosen import Column
from .headers import kind_of_numbers, text_of
from .lines import MISSING, TableError, fields_of, is_broken, is_number, lines_of
from .text import Text

SAMPLE = 60


@dataclass
class _Seen:
    """What the cells of a column hold."""

    numbers: int = 0
    words: int = 0
    broken: int = 0
    example: str = ""

    def see(self, text: str) -> None:
        if is_number(text):
            self.numbers += text.lower() != "nan"
        elif text.lower() not in MISSING:
            self.example = self.example or text
            if is_broken(text):
                self.broken += 1
            else:
                self.words += 1

    @property
    def why(self) -> str:
        """Why it is no column of numbers; empty where it is."""
        known = self.numbers + self.words + self.broken
        if not known:
            return "nothing"
        # fewer words are faults of single cells, and so are numbers with decimal commas
        return f"words such as {self.example[:20]!r}" if 2 * self.words > known else ""


def loose_text(path: Path) -> tuple[Text, str, list[Column]]:
    """Return the format of a text file, notes on guesses about it, and all of its columns.

    A column holds words if most of its cells that are not missing do.

    Raises
    ------
    TableError
        When lines differ in length, or no column holds numbers.
    """
    text, note = text_of(path, tabs=True)
    columns = _columns(text)
    if text.header and not text.named:
        numbers = [k for k, column in enumerate(columns) if not column.why]
        if (found := _kind(text, numbers)) != "names":
            number, line = _first(text.path)
            text = replace(text, header=0, names=())
            note = ""
            if found == "doubt":
                shown = ", ".join(fields_of(line, text.separator)[:3])
                note = f"line {number} of {path}, {shown}, is taken for a sample"
                note += ": if not, put # before it"
            columns = _columns(text)
    if all(column.why for column in columns):
        raise TableError(f"{path} has no column of numbers: column 1 holds {columns[0].why}")
    return text, note, columns


def _first(path: Path) -> tuple[int, str]:
    return next(iter(lines_of(path)))


def _kind(text: Text, numbers: list[int]) -> str:
    """Return whether the first line is names after all, where words stand below it, too."""
    head = fields_of(_first(text.path)[1], text.separator)
    if not numbers or len(head) < text.columns:
        return "names"
    some = [head[k] for k in numbers]
    if not all(is_number(field) or field.lower() in MISSING for field in some):
        return "names"
    if not all(map(is_number, some)):
        return "sample"
    rows = [fields_of(line, text.separator) for _, line in islice(text.lines(), SAMPLE)]
    return kind_of_numbers(some, [[row[k] for k in numbers] for row in rows])


def _columns(text: Text) -> list[Column]:
    seen = [_Seen() for _ in range(text.columns)]
    for number, line in text.lines():
        fields = fields_of(line, text.separator)
        if len(fields) != text.columns:
            raise replace(text, kept=()).fault([(number, line)])
        for one, field in zip(seen, fields, strict=True):
            one.see(field)
    return [label._replace(why=one.why) for label, one in zip(text.labels(), seen, strict=True)]
