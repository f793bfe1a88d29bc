"""Who may import what, and what a fast answer must not import at all."""

import ast
import functools
import json
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import vaedyn

ROOT = Path(__file__).parent.parent
THIRD_PARTY = {  # those that a room may import; late where it is heavy
    "vaedyn": {"numpy", "scipy"},
    "vaedyn/sklearn.py": {"numpy", "sklearn"},
    "vaedyn/opened.py": set(),
    "vaedyn/model/labelled.py": {"numpy"},  # and others by name
    "vaedyn/model/progress.py": {"rich", "IPython"},
    "vaedyn/kernels": {"numpy", "numba", "llvmlite"},
    "vaedyn/tables": {"numpy", "h5py", "scipy"},
    "vaedyn/sweeps": {"numpy", "distributed"},
    "vaedyn/figures": {"numpy", "matplotlib"},
    "vaedyn/plot": {"numpy", "matplotlib"},
    "vaedyn/explorer": {"numpy", "scipy", "bokeh", "tornado"},
    "store": {"numpy", "h5py"},
    "cli": {"numpy", "click", "rich"},
}
# ground up: a room may import those that stand before it
ROOMS = [
    "errors", "files", "machine", "kernels", "model", "learning", "fixedpoints", "annealing",
    "tables", "data", "sweeps", "listings", "claims", "figures", "plot", "sklearn", "opened",
    "explorer",
]  # fmt: skip
BESIDE = {"__init__", "__main__", "errors", "files", "machine"}


def modules(folder="vaedyn"):
    """Yield every file of a folder with the parts of its module's name."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield path, ("vaedyn", *parts) if folder != "vaedyn" else parts


@functools.cache
def nodes(path):
    """Return all nodes of the syntax tree of a file."""
    return list(ast.walk(ast.parse(path.read_text())))


@functools.cache
def imports(path, parts):
    """Return the modules that a file imports, early or late, as parts of their full names."""
    return list(_imports(path, parts[:-1]))


def _imports(path, package):
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            for alias in node.names:
                yield (*base, alias.name) if is_module((*base, alias.name)) else base


@functools.cache
def is_module(parts):
    """Return whether a full name is that of a module or a package of this project."""
    inside = parts[1:] if parts[1:2] in (("store",), ("cli",)) else parts
    place = ROOT.joinpath(*inside)
    return parts[0] == "vaedyn" and (place.is_dir() or place.with_suffix(".py").exists())


def everything():
    return [each for folder in ("vaedyn", "store", "cli") for each in modules(folder)]


@pytest.mark.parametrize(
    ("path", "parts"), everything(), ids=lambda x: ".".join(x[-2:]) if isinstance(x, tuple) else ""
)
def test_rooms_import_only_what_they_may(path, parts):
    folder = str(path.relative_to(ROOT))
    folder = next(each for each in sorted(THIRD_PARTY, reverse=True) if folder.startswith(each))
    for name in imports(path, parts):
        if name[0] == "vaedyn":
            if name[1:2] == ("cli",):
                assert folder == "cli" or path.name == "__main__.py"
            elif name[1:2] == ("store",):
                assert folder in ("cli", "store") or path.name == "__init__.py"
            else:
                assert folder != "store", f"{path} imports {name}"
            assert name == ("vaedyn",) or is_module(name), f"{path} imports {name}"
        elif name[0] not in sys.stdlib_module_names:
            assert name[0] in THIRD_PARTY[folder], f"{path} imports {name}"
            assert name[0] != "distributed" or path.name == "cluster.py"


def test_few_modules_stand_beside_the_rooms():
    found = {path.stem for path in (ROOT / "vaedyn").glob("*.py")}
    assert found == BESIDE | {"sklearn", "opened"}  # rooms of one module
    rooms = {path.parent.name for path in (ROOT / "vaedyn").glob("*/__init__.py")} | {
        "sklearn",
        "opened",
    }
    assert rooms | BESIDE == {*ROOMS, "__init__", "__main__"}


def test_no_room_hides_what_the_package_offers():
    """An imported module becomes an attribute of its package."""
    assert set(ROOMS) & set(vaedyn.__all__) == {"plot"}  # itself what is offered


def test_rooms_import_only_downwards():
    for path, parts in modules():
        if parts[1] in ROOMS:
            for name in imports(path, parts):
                if name[0] == "vaedyn" and name[1] != parts[1]:
                    assert ROOMS.index(name[1]) < ROOMS.index(parts[1]), f"{path} imports {name}"


@pytest.mark.parametrize("folder", [*(f"vaedyn/{room}" for room in ROOMS[3:]), "store", "cli"])
def test_no_room_has_a_circle(folder):
    found = list(modules(folder))
    inside = {parts for _, parts in found}
    arrows = {parts: inside & {*imports(path, parts)} for path, parts in found}
    list(TopologicalSorter(arrows).static_order())  # raises CycleError


def test_no_test_imports_another():
    """What several tests use stands in tests/shared."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if not re.search(r"(?<!def )\btest_", path.read_text()):
            continue  # it names none
        parts = path.relative_to(ROOT).with_suffix("").parts
        for name in imports(path, parts):
            assert not name[-1].startswith("test_"), f"{path} imports {name}"


MOST_LINES = 350  # of a module
LONGEST = 70  # lines of a function, its docstring aside; compiled ones may have more


def test_modules_and_functions_stay_short():
    for path, parts in everything():
        assert path.read_text().count("\n") <= MOST_LINES, path
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and "kernels" not in parts:
                words = ast.get_docstring(node, clean=False) or ""
                length = node.end_lineno - node.lineno + 1 - words.count("\n")
                assert length <= LONGEST, f"{path}: {node.name} has {length} lines"


IN_TURN = """
import json, sys
from vaedyn.cli.main import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["vaedyn", *words]
    try: main()
    except SystemExit: pass
    print(json.dumps([*sys.modules]), file=sys.stderr)
"""


def loaded_by(commands):
    """Yield commands that one process runs, with the packages that are imported after each."""
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, json.dumps(commands)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lists = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]
    for words, names in zip(commands, lists, strict=True):
        yield words, {name.partition(".")[0] for name in names}


HEAVY = {"numba", "scipy", "matplotlib", "llvmlite"}


def test_help_and_results_that_are_there_import_nothing_heavy(run, tmp_path):
    few = ["--dim", "20", "--t-max", "5", "--points", "3", "--store", str(tmp_path)]
    reused = [[command, *few] for command in ("theory", "simulate", "fixedpoints")]
    for words in reused:
        assert run.words(*words).code == 0
    nothing = [["--help"], ["--version"], ["thoery"]]
    no_engine = [["theory", "--help"], ["plot", "learning-curve", "-h"]]
    no_engine += [["store", "list", "--store", str(tmp_path)], *reused]
    new = ["theory", "--t-max", "5", "--store", str(tmp_path)]
    for words, packages in loaded_by([*nothing, *no_engine, new]):
        if words in nothing:
            assert not packages & (HEAVY | {"numpy", "h5py", "rich"}), words
        elif words in no_engine:
            assert not packages & HEAVY, words
        else:
            assert "numba" in packages  # a result needs a compiler
    names = [path.name.partition("-")[0] for path in tmp_path.glob("*.h5")]
    assert sorted(set(names)) == ["convergence", "fixedpoints", "simulate", "theory"]


def test_importing_the_package_costs_nothing():
    code = "import vaedyn, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
