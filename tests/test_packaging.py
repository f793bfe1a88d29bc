"""What is installed, what is in the source distribution, and that a clone works as it is."""

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import vaedyn

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_wheel_holds_one_import_package():
    """`cli` and `store` live inside `vaedyn` once installed."""
    packages = PROJECT["tool"]["setuptools"]["packages"]
    typed = PROJECT["tool"]["setuptools"]["package-data"]["vaedyn"]
    assert typed == ["py.typed"]
    assert {name.partition(".")[0] for name in packages} == {"vaedyn"}
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("vaedyn", "cli", "store")
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert all((ROOT / "vaedyn" / name).exists() for name in typed)
    where = PROJECT["tool"]["setuptools"]["package-dir"]
    assert {where.get(name, name.replace(".", "/")) for name in packages} == folders


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The names of files in the source distribution, below its own folder."""
    folder = tmp_path_factory.mktemp("dist")
    code = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    copy = folder / "tree"
    made = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")

    def left_out(place, names):
        results = {"vaedyn-store", "reproduce"} if Path(place) == ROOT else set()
        return made(place, names) | results

    shutil.copytree(ROOT, copy, ignore=left_out)
    subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        return {name.partition("/")[2] for name in opened.getnames()}


def test_the_source_distribution_has_all_that_its_tests_need(source):
    wanted = {"Makefile", "CHANGELOG.md", "README.md", "LICENSE", "pyproject.toml"}
    wanted |= {"CITATION.cff", "CONTRIBUTING.md", "paper.md", "paper.bib", "conda/recipe.yaml"}
    for folder in ("vaedyn", "cli", "store", "tests", "docs", "study", "bridges"):
        paths = (ROOT / folder).rglob("*")
        wanted |= {
            path.relative_to(ROOT).as_posix()
            for path in paths
            if path.is_file()
            and path.suffix in (".py", ".md", ".typed", ".npz", ".h5", ".png", ".ipynb")
        }
    assert wanted <= source
    assert not [name for name in source if "__pycache__" in name]


def test_an_index_page_has_no_links_that_lead_nowhere():
    page = (ROOT / PROJECT["project"]["readme"]).read_text()
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert links
    assert all(link.startswith("https://") for link in links)
    assert PROJECT["project"]["authors"]
    assert all(url.startswith("https://") for url in PROJECT["project"]["urls"].values())


def test_the_version_is_the_same_everywhere():
    version = re.escape(vaedyn.__version__)
    for file, line in (
        ("CHANGELOG.md", rf"\n\n## {version} \("),
        ("CITATION.cff", rf"\nversion: {version}\n"),
        ("README.md", rf"title = {{vaedyn}}, version = {{{version}}}"),
        ("conda/recipe.yaml", rf"\n  version: {version}\n"),
    ):
        found = re.search(line, (ROOT / file).read_text())
        assert found, file
        if file == "CHANGELOG.md":  # the newest
            assert "\n## " not in found.string[: found.start()]


def test_the_conda_package_needs_what_the_wheel_does():
    recipe = (ROOT / "conda" / "recipe.yaml").read_text()
    host, run = (re.findall(rf"\n  {part}:\n((?:    - .*\n)+)", recipe) for part in ("host", "run"))
    (lines,) = run
    needed = {line.removeprefix("    - ") for line in lines.splitlines()}
    wanted = {each.replace(">=", " >=") for each in PROJECT["project"]["dependencies"]}
    wanted = {each.replace("matplotlib ", "matplotlib-base ") for each in wanted}
    assert needed == wanted | {"python >=${{ python_min }}"}
    (built,) = PROJECT["build-system"]["requires"]
    assert f"    - {built.replace('>=', ' >=')}\n" in host[0]
    assert f'python_min: "{PROJECT["project"]["requires-python"].removeprefix(">=")}"' in recipe
    ((command, entry),) = PROJECT["project"]["scripts"].items()
    assert f"      - {command} = {entry}\n" in recipe


def test_the_paper_cites_what_its_bibliography_has():
    cited = set(re.findall(r"@([a-z]+\d{4}[a-z]+)", (ROOT / "paper.md").read_text()))
    listed = re.findall(r"^@\w+{(.+),$", (ROOT / "paper.bib").read_text(), re.MULTILINE)
    assert cited == set(listed)
    assert len(listed) == len(cited)


CLONE = """
import runpy, sys
sys.meta_path = [each for each in sys.meta_path if "editable" not in repr(each)]
sys.path[:] = [{root!r}, *(path for path in sys.path if path not in ("", {root!r}))]
import vaedyn
print(vaedyn.store.__file__)
sys.argv = ["vaedyn", "--version"]
runpy.run_module("vaedyn", run_name="__main__")
"""


def test_a_clone_works_without_being_installed(tmp_path):
    code = CLONE.format(root=str(ROOT))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    store, version = done.stdout.splitlines()
    assert Path(store) == ROOT / "store" / "__init__.py"
    assert version.startswith("vaedyn")


def test_type_checkers_see_the_names_that_there_are():
    """Names are imported on first use; for type checkers they are listed once more."""
    tree = ast.parse((ROOT / "vaedyn" / "__init__.py").read_text())
    (block,) = [each for each in tree.body if ast.unparse(each).startswith("if TYPE_CHECK")]
    typed = {}
    for statement in block.body:
        for alias in statement.names:
            assert alias.asname == alias.name  # else it is not offered, only used
            typed[alias.name] = statement.module
    modules = {name: None for name in typed if typed[name] is None}
    assert typed == {**vaedyn._HOMES, **modules}
    assert {*typed, "__version__"} == set(vaedyn.__all__) == set(dir(vaedyn))
    for name in vaedyn.__all__:
        assert getattr(vaedyn, name) is not None
