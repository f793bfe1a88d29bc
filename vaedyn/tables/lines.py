"""Lines of text files that hold tables: their encoding, comments, and fields between separators."""

import codecs
import gzip
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import VaedynError

MARKS = {  # a longer one before the shorter one that it starts with
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
LONGEST = 100  # lines that a quoted name may go over
HINT = re.compile(r'"?sep=.?"?\s*', re.IGNORECASE)  # of spreadsheets, about the separator
MISSING = ("", "na", "n/a", "null", "none", "nan", "-", "?", ".", "missing", "#n/a")
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
QUOTED = r'"(?:[^"]|"")*"'


class TableError(VaedynError, ValueError):
    """A file does not hold a table of numbers."""


def _open(path: Path, **how: Any) -> Any:
    """Open a file, which may be compressed by gzip."""
    return (gzip.open if path.suffix.lower() == ".gz" else open)(path, **how)


def encoding_of(path: Path) -> str:
    """Return the encoding that the first bytes of a file mark, or UTF-8.

    Raises
    ------
    TableError
        When it has no mark and is no text.
    """
    with _open(path, mode="rb") as file:
        start = file.read(4096)
    for mark, encoding in MARKS.items():
        if start.startswith(mark):
            return encoding
    if b"\0" in start:
        raise TableError(
            f"{path} is no text, or UTF-16 without a mark of its encoding: save it as UTF-8"
        )
    return "utf-8"


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that is neither blank nor a comment.

    What breaks within quotation marks is one line.
    """
    # a byte that is no text is shown, and is not a number
    with _open(path, mode="rt", encoding=encoding_of(path), errors="replace") as file:
        numbered = enumerate(file, start=1)
        for number, line in numbered:
            text = line.lstrip()
            if not text or text[0] == "#" or (number == 1 and HINT.fullmatch(line)):
                continue
            if line.count('"') % 2:
                for _, more in islice(numbered, LONGEST):
                    line += more
                    if more.count('"') % 2:
                        break
                else:
                    raise TableError(f"{path}, line {number}: a quotation mark is never closed")
            yield number, line


def fields_of(line: str, separator: str | None) -> list[str]:
    """Return what stands between separators, or for None between spaces, without quotes."""
    line = line.strip("\r\n")
    if separator is None:
        found = re.findall(rf"{QUOTED}|\S+", line)
    elif '"' not in line:
        found = line.split(separator)
    else:
        found = re.findall(rf"(?:^|{separator}) *({QUOTED}|[^{separator}]*)", line)
    return [text.strip().strip('"') for text in found]


def without_name(line: str, separator: str | None) -> str:
    """Return a line without its first field, which may be quoted."""
    field = rf"\s*({QUOTED}|\S+)\s+"
    if separator is not None:
        field = rf" *({QUOTED}|[^{separator}]*) *{separator}"
    return re.sub(field, "", line, count=1)


def without_last(line: str, separator: str | None) -> str:
    """Return a line without the separator at its end, if there is one."""
    return line.rstrip("\r\n ").removesuffix(separator or "")


def is_number(text: str) -> bool:
    """Return whether a field is a number, which may be nan or infinite."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # which Python allows within numbers


def is_broken(text: str) -> bool:
    """Return whether a field is a number that is written in another way, or several of them."""
    if is_number(text.replace(",", ".")) or is_number(text.replace(".", "").replace(",", ".")):
        return True
    parts = re.split(r"[\s,;|]+", text)
    return bool(THOUSANDS.fullmatch(text)) or (len(parts) > 1 and all(map(is_number, parts)))
