"""Run the commands of pages again, and put what a terminal shows below them.

`python docs/cookbook.py` rewrites all pages with transcripts, `python docs/cookbook.py PAGE...` the
pages named. Pictures are left to `make figures`. Needs the development tools, for scikit-learn has
the data.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = [
    DOCS.parent / "README.md",
    DOCS / "cookbook.md",
    DOCS / "data.md",
    DOCS / "course.md",
    DOCS / "finite.md",
    DOCS / "losses.md",
    DOCS / "monitor.md",
    DOCS / "practice.md",
    DOCS / "spectra.md",
    DOCS / "store.md",
    DOCS / "sweeps.md",
    DOCS / "training.md",
]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(names: list[str]) -> None:
    """Rewrite pages."""
    for page in [Path(name) for name in names] or PAGES:
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(again(page.read_text(encoding="utf-8"), folder), encoding="utf-8")


def again(text: str, folder: str) -> str:
    """Return the text of a page with what its commands print now, run one by one in `folder`."""
    return BLOCK.sub(lambda block: f"```console\n{_block(block[1], folder)}```", text)


def _block(block: str, folder: str) -> str:
    """Return a block of commands, each with what it prints now."""
    lines = []
    for command, known in transcripts(block):
        lines.append(f"$ {command}\n")
        if not command.startswith("vaedyn plot"):
            print(command, file=sys.stderr)
            found = _output(command, folder)
            lines.append(known if _steady(known) == _steady(found) else found)
    return "".join(lines)


def transcripts(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with what stands below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(line, printed) for line, _, printed in (part.partition("\n") for part in parts)]


def _steady(printed: str) -> list[str]:
    """Return the words of an output without times of computing and ages, which always differ."""
    return re.sub(r"\b[\d.e-]+ s\b|─+", "", printed).split()


def _output(command: str, folder: str) -> str:
    """Return what a terminal shows of a command: stdout and stderr, in order."""
    here = str(Path(sys.executable).parent)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAEDYN_")}
    environment["PATH"] = f"{here}{os.pathsep}{os.environ['PATH']}"
    environment["PYTHONUNBUFFERED"] = "1"  # keeps the order of the two
    environment["PYTHONIOENCODING"] = "utf-8"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=True,
    )
    return re.sub(r"^compiling.*\n", "", done.stdout, flags=re.MULTILINE)


if __name__ == "__main__":
    main(sys.argv[1:])
