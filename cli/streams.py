"""Standard streams as users leave them: closed, full, or without some of our characters."""

import codecs
import io
import os
import re
import sys
from typing import Any

PLAIN = {"─": "-", "±": "+-"}
LONGEST_WORD, LONGEST = 200, 800  # characters of a message


def prepare() -> None:
    """Make the standard streams such that nothing is lost, or fails, because of them."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _nothing(number))
    # click would print UTF-8 where only ASCII is wanted, were it not for the plain characters
    codecs.register_error("vaedyn.plain", _plain)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="vaedyn.plain")
    buffer = getattr(sys.stderr, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if type(raw) is io.FileIO:  # no console of Windows, nor what a test puts there
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_Forgiving(raw.fileno(), "w", closefd=False)),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )


def finish() -> None:
    """Write the rest of stdout; a failure now is not repeated, and blamed, at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _nothing(number: int) -> Any:
    """Return a stream from and to nowhere, under the number of a standard stream if it is free.

    Otherwise the next file that is opened would get it, and all output of others.
    """
    handle = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(handle, handle == number)
    return open(handle, "w" if number else "r")


class _Forgiving(io.FileIO):
    """A stream of notes: what cannot be written is lost, and nothing else."""

    def write(self, data: Any) -> int | None:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return a character that the encoding lacks in plain ones, and bytes of file names as such."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char = error.object[error.start]
    if "\udc80" <= char <= "\udcff":
        return bytes([ord(char) - 0xDC00]), error.start + 1
    spelled = char.encode("ascii", "backslashreplace").decode()
    return PLAIN.get(char, spelled), error.start + 1


def rule(width: int) -> str:
    """Return a line below a heading, in characters that stdout has."""
    try:
        "─".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "-" * width
    return "─" * width


def one_line(text: str) -> str:
    """Return a message on one line, without control characters, and shortened where it is long.

    It may repeat what a user gave, which may be anything.
    """
    text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    text = re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: _cut(word[0], LONGEST_WORD), text)
    return _cut(text, LONGEST)


def _escaped(char: str) -> str:
    return " " if char in "\n\r\t" else char.encode("unicode-escape").decode("ascii")


def _cut(text: str, longest: int) -> str:
    """Return `text` with its middle left out where it has more than `longest` characters."""
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}...[{len(text)} characters]...{text[-longest // 4 :]}"
