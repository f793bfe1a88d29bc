"""`make bench`: measure, and print."""

import argparse
import json
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from vaedyn.machine import cores

from .bands import bands_rows
from .explorer import explorer_rows
from .fixed_points import fixed_points_rows
from .growth import memory, scaling
from .measure import installed
from .simulation import ensemble_rows, simulation_rows
from .sweeps import sweep_rows
from .theory import theory_rows
from .training import training_rows


def machine() -> dict[str, str]:
    """Return what the numbers depend on."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    names = [
        "numpy",
        "numba",
        "scipy",
        *filter(installed, ("torch", "CyRK", "diffrax", "numbalsoda")),
    ]
    versions = {name: metadata.version(name) for name in names}
    return {
        "processor": f"{model}, {cores()} cores",
        "python": platform.python_version(),
        **versions,
    }


def rounded(number: float) -> str:
    """Return three digits of `number`, or all of those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def show(result: dict) -> None:
    """Print all results for people."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("", "", "min", "median", "unit", "ratio"):
        right = name in ("min", "median", "ratio")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    last = None
    for row in result["rows"]:
        if last not in (None, row["case"]):
            table.add_section()
        numbers = (rounded(row[name]) for name in ("min", "median"))
        name = row["case"] if row["case"] != last else ""
        ratio = "" if row["case"] != last else rounded(row["ratio"])
        table.add_row(name, row["who"], *numbers, row["unit"], ratio)
        last = row["case"]
    console = Console(width=140, highlight=False)
    console.print(", ".join(f"{k} {v}" for k, v in result["machine"].items()), soft_wrap=True)
    console.print(table)
    for row in result["rows"]:
        if "error" in row:
            console.print(f"{row['case']}: largest error {row['error']:.1e} ({row['who']})")
        if "overhead" in row:
            console.print(f"{row['case']}: {row['who']}, overhead {row['overhead']:.2f} ms")
        if "efficiency" in row:
            console.print(f"{row['case']}: efficiency {row['efficiency']:.2f} on {row['who']}")
    for fit in result["scaling"]:
        console.print(
            f"{fit['what']}: time grows as {fit['variable']}^{fit['power']:.2f} "
            f"for {fit['variable']} from {fit['from']} to {fit['to']}"
        )
    if result["memory"]:
        added = result["memory"]["bytes"] / 1e6
        console.print(f"vector, M = M* = 1, N = 10^6: {added:.0f} MB of memory")


MEASURED = {
    "simulation": simulation_rows,
    "training": training_rows,
    "theory": theory_rows,
    "bands": bands_rows,
    "fixed-points": fixed_points_rows,
    "ensembles": ensemble_rows,
    "sweeps": sweep_rows,
    "explorer": explorer_rows,
}


def timed(name: str) -> list[dict]:
    """Return the rows of a subject, and say on stderr how long they took."""
    began = time.perf_counter()
    rows = MEASURED[name]()
    print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("subjects", nargs="*", help=f"of {', '.join(MEASURED)}; default: all")
    asked = parser.parse_args()
    if lacking := [name for name in asked.subjects if name not in MEASURED]:
        parser.error(f"expected {', '.join(MEASURED)}, got {lacking[0]}")
    result = {
        "machine": machine(),
        "rows": [row for name in asked.subjects or MEASURED for row in timed(name)],
        "scaling": [] if asked.subjects else scaling(),
        "memory": None if asked.subjects else memory(),
    }
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
