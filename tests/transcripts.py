"""Command lines with all that they print, as files in tests/files/transcripts.

A line that begins with ``$`` is a command; below stand what it prints on stdout and, after
``!``, on stderr, its exit code after ``=`` where that is not 0, and the pictures that it saves
with their keywords after ``*``. JSON is shown with six digits, one entry a line. What differs
from day to day is ``...``. `VAEDYN_TEST_WRITE=1 pytest tests/cli/test_transcripts.py` writes
the files anew from their command lines: read the difference before you keep it.
"""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "files" / "transcripts"
VOLATILE = ("seconds", "seconds_per_point", "steps_per_second")
LEAST = 1e-11  # numbers that are zero but for rounding errors are shown as 0


def commands(text):
    """Return the command lines of a transcript."""
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def rendered(command, done, saved=()):
    """Return what a command has printed, as a transcript shows it."""
    out = _json(done.out) if "--json" in command.split() else done.out
    notes = [line for line in done.err.splitlines() if not line.startswith("compiling; ")]
    lines = [f"$ {command}", *out.splitlines(), *(f"! {line}" for line in notes)]
    lines += [f"* {name}: {', '.join(keywords)}" for name, keywords in saved]
    lines += [f"= {done.code}"] * (done.code != 0)
    text = "\n".join(lines) + "\n\n"
    if ".npy" in command:  # keys hold an eigenvalue to the last digit, which differs by machine
        text = re.sub(r"[0-9a-f]{32,}|\b[0-9a-f]{12}\b|(?<= / )[0-9.]+", "...", text)
    text = re.sub(r"^! *[\d.]+ kB ", "! ... kB ", text, flags=re.M)
    return re.sub(r"(computed \w+ \S+ in) \S+ s", r"\1 ... s", text)


def _json(text):
    if not text:
        return ""
    entries = json.loads(text).items()
    return "\n".join(f"{name}: {json.dumps(_short(name, value))}" for name, value in entries)


def _short(name, value):
    if name in VOLATILE:
        return None if value is None else "..."
    if isinstance(value, dict):
        return {key: _short(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short("", item) for item in value]
    if isinstance(value, float):
        return 0 if abs(value) < LEAST else float(f"{value:.6g}")
    return value
