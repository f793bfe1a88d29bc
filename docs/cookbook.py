"""Run the commands of the cookbook again, and put what they print below them.

Pictures are left to `make figures`. Needs the development tools, for scikit-learn has the digits.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).with_suffix(".md")


def main() -> None:
    """Rewrite the page."""
    with tempfile.TemporaryDirectory() as folder:
        text = PAGE.read_text(encoding="utf-8")
        text = re.sub(
            r"```console\n(.*?)```", lambda block: _again(block[1], folder), text, flags=re.DOTALL
        )
    PAGE.write_text(text, encoding="utf-8")


def _again(block: str, folder: str) -> str:
    """Return a block of commands, each with what it prints now."""
    lines = []
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        lines.append(f"$ {command}\n")
        if not command.startswith("vaedyn plot"):
            print(command, file=sys.stderr)
            lines.append(_output(command, folder))
    return f"```console\n{''.join(lines)}```"


def _output(command: str, folder: str) -> str:
    """Return what a command prints on stdout."""
    here = str(Path(sys.executable).parent)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAEDYN_")}
    environment["PATH"] = f"{here}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
