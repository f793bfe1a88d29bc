"""Who may import what, and what a fast answer must not import at all."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vaedyn

ROOT = Path(__file__).parent.parent
THIRD_PARTY = {
    "vaedyn": {"numpy", "scipy", "matplotlib", "distributed"},
    "vaedyn/kernels": {"numpy", "numba", "llvmlite"},
    "store": {"numpy", "h5py"},
    "cli": {"numpy", "click", "rich"},
}
# ground up: a module may import those that stand before it
SCIENCE = [
    "errors", "files", "texts", "annealing", "kernels", "initial", "params", "state", "results",
    "ode", "sgd", "fluctuations", "concentration", "plateau", "dynamics", "latents", "attractors",
    "pairs", "units", "configurations", "continuation", "bifurcation", "thresholds", "destination",
    "convergence", "piecewise", "tuning", "adiabatic", "doctor", "stationary", "outcomes", "phases",
    "saddles", "grids", "points", "workers", "cluster", "sweeps", "plans", "conventions",
    "settling", "empirical", "columns", "blocks", "tails", "spectrum", "noise", "whiteness",
    "findings", "cautions", "analysis", "prediction", "datasets", "evidence", "claims_limit",
    "claims_entangled", "claims_collapse", "claims_annealing", "claims", "selfcheck", "style",
    "figures_layout", "figures_hues", "figures_signs", "figures", "figures_bands",
    "figures_branches", "figures_cascade", "figures_phases", "figures_passages",
    "figures_annealing", "figures_sweeps", "figures_maps", "figures_spectrum", "figures_animation",
    "figures_claims",
]  # fmt: skip


def imports(path):
    """Yield the dotted names that the file imports, relative ones with their dots."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if node.module is None:
                yield from (base + alias.name for alias in node.names)
            else:
                yield base


def files():
    for folder in THIRD_PARTY:
        for path in sorted((ROOT / folder).glob("*.py")):
            yield folder, path


@pytest.mark.parametrize(("folder", "path"), list(files()), ids=lambda x: getattr(x, "name", x))
def test_rooms_import_only_what_they_may(folder, path):
    for name in imports(path):
        first = name.partition(".")[0]
        if name.startswith("."):
            room = ROOT / folder
            up = len(name) - len(name.lstrip(".")) - 1
            if folder == "cli" and up == 1:
                assert name.split(".")[2] == "store", f"{path.name} imports {name}"
            else:
                assert up == 0, f"{path.name} imports {name}"
                module = name.lstrip(".").partition(".")[0]
                assert (
                    (room / module).with_suffix(".py").exists()
                    or (room / module).is_dir()
                    or (folder == "vaedyn" and path.name == "__init__.py")
                ), name
        elif first == "vaedyn":
            assert folder == "cli" or path.name == "__main__.py", f"{path.name} imports {name}"
        elif first not in sys.stdlib_module_names:
            assert first in THIRD_PARTY[folder], f"{path.name} imports {name}"
            assert first != "distributed" or path.name == "cluster.py"


def test_no_module_hides_what_the_package_offers():
    """An imported module becomes an attribute of its package."""
    modules = {path.stem for path in (ROOT / "vaedyn").glob("*.py")} | {"kernels"}
    assert not modules & set(vaedyn.__all__)


def test_science_imports_only_downwards():
    present = {path.stem for path in (ROOT / "vaedyn").glob("*.py")} - {"__init__", "__main__"}
    assert present | {"kernels"} == set(SCIENCE)
    for i, module in enumerate(SCIENCE):
        if module != "kernels":
            for name in imports(ROOT / "vaedyn" / f"{module}.py"):
                if name.startswith("."):
                    assert name[1:].partition(".")[0] in SCIENCE[:i], f"{module} imports {name}"


def loaded_by(*words, check=True):
    """Return the top-level packages that a command imports."""
    code = (
        "import sys; sys.argv = ['vaedyn', *sys.argv[1:]]\n"
        "from vaedyn.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=check
    )
    return set(ast.literal_eval(done.stderr.splitlines()[-1]))


HEAVY = {"numba", "scipy", "matplotlib", "llvmlite"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["thoery"]])
def test_help_imports_nothing_heavy(words):
    assert not loaded_by(*words) & (HEAVY | {"numpy", "h5py", "rich"})


@pytest.mark.parametrize("words", [["theory", "--help"], ["plot", "learning-curve", "-h"]])
def test_help_of_a_command_imports_no_engine(words):
    assert not loaded_by(*words) & HEAVY


@pytest.mark.parametrize("command", ["theory", "simulate", "fixedpoints"])
def test_a_reused_result_needs_no_compiler(tmp_path, command):
    words = [command, "--dim", "20", "--t-max", "5", "--points", "3", "--store", str(tmp_path)]
    assert "numba" in loaded_by(*words)
    assert not loaded_by(*words) & HEAVY
    assert not loaded_by("store", "list", "--store", str(tmp_path)) & HEAVY


def test_importing_the_package_costs_nothing():
    code = "import vaedyn, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
