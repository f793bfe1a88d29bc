"""The documentation cannot drift: commands parse, links lead somewhere, references are complete."""

import ast
import json
import re
import runpy
import shlex
from pathlib import Path

import click
import pytest
from matplotlib import pyplot

import vaedyn
from vaedyn.cli import main as cli
from vaedyn.cli.model_options import MODEL

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()
COOKBOOK = runpy.run_path(str(DOCS / "cookbook.py"))
OPERATORS = set("|><&")
COMMANDS = {
    " ".join(path): command
    for path, command in runpy.run_path(DOCS / "commands.py")["commands"]()
    if not isinstance(command, click.Group)
}


def command_lines():
    """Yield every command line in a page, the Slurm script or the Makefile, with its place."""
    for page in [*PAGES, DOCS / "slurm-array.sh"]:
        text = page.read_text().replace("\\\n", " ")
        text = re.sub(r"^.*\[OPTIONS\].*$", "", text, flags=re.MULTILINE)
        for line in re.findall(r"^(?: *\$ | {4,}|exec )(vaedyn .*)$", text, re.MULTILINE):
            yield page.name, re.sub(r"\$\w+", "1", line)
    for line in re.findall(r"^\t\$\(BIN\)/(vaedyn .*)$", MAKEFILE, re.MULTILINE):
        yield "Makefile", line


LINES = sorted(set(command_lines()))


def words_of(line):
    """Return the words after `vaedyn`, up to the first thing that is the shell's."""
    shell = shlex.shlex(line, posix=True, punctuation_chars="|><&")
    shell.whitespace_split = True
    shell.commenters = "#"
    words = []
    for word in shell:
        if set(word) <= OPERATORS:
            return words[1:-1] if words[-1] == "2" and ">" in word else words[1:]
        words.append(word)
    return words[1:]


def parsed(words):
    """Return the context of the command that `words` call, without calling it."""
    context = cli.command.make_context("vaedyn", list(words))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return context


def test_there_are_many_command_lines():
    assert {name for name, _ in LINES} >= {"README.md", "cookbook.md", "commands.md", "Makefile"}
    assert len(LINES) > 100


@pytest.mark.parametrize(("page", "line"), LINES)
def test_every_command_line_is_accepted(page, line):
    context = parsed(words_of(line))
    if set(MODEL) <= set(context.params):
        vaedyn.Params(**{name: context.params[name] for name in MODEL})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("vaedyn thoery", "No such command 'thoery'"),
        ("vaedyn theory --gama 1", "No such option.*--gama"),
        ("vaedyn theory --beta one", "'--beta'.*'one' is not"),
        ("vaedyn store show", "Missing argument 'KEY"),
    ],
)
def test_a_wrong_command_line_is_not_accepted(line, message):
    with pytest.raises(click.UsageError) as caught:
        parsed(words_of(line))
    assert re.search(message, caught.value.format_message())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_named_in_passing_exist(page):
    for text in re.findall(r"`vaedyn ([^`\n]+)`", page.read_text()):
        group = cli.command
        words = shlex.split(text)
        while words and isinstance(group, click.Group) and words[0] != "COMMAND":
            name = words.pop(0).partition("|")[0]
            if name.startswith("-"):
                break
            group = group.get_command(click.Context(group), name)
            assert group is not None, text
        known = {name for option in group.params for name in option.opts} | {"--help", "--version"}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= known, text


def plotted(line):
    """Return the words of a plot command, without the folder of its output and without -q."""
    words = [word for word in words_of(line) if word != "-q"]
    return [Path(word).name if word.endswith((".png", ".npy")) else word for word in words]


def test_pictures_of_the_cookbook_are_drawn_by_the_commands_above_them():
    made = [plotted(line) for _, line in LINES if re.search(r" plot .* docs/[\w-]+\.png", line)]
    shown = [plotted(line) for page, line in LINES if page == "cookbook.md" and " plot " in line]
    assert len(made) == len(shown) == len(list(DOCS.glob("*.png")))
    for words in shown:
        assert words in made


def transcripts(page):
    """Yield the commands of console blocks, and what stands below each."""
    for block in COOKBOOK["BLOCK"].findall(page.read_text()):
        yield from COOKBOOK["transcripts"](block)


def tokens(printed):
    """Return the words and numbers of an output, without rules, and times of computing."""
    text = re.sub(r"^compiling.*\n|\b[\d.e-]+ s\b|─+", "", printed, flags=re.MULTILINE)
    return [float(word) if re.match(r"-?\d[\d.e-]*$", word) else word for word in text.split()]


def close(printed):
    """Return the same with some room for the last digits, which differ by machine."""
    found = tokens(printed)
    return [pytest.approx(each, rel=2e-3) if isinstance(each, float) else each for each in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_that_show_output_are_generated(page):
    if any(printed for _, printed in transcripts(page)):
        assert page in COOKBOOK["PAGES"]


WHOLE = ["README.md", "docs/store.md"]  # pages of which all commands are run
QUICK = {  # commands that need no file, no shell and no minutes, and what they are shown to print
    line: printed
    for page in COOKBOOK["PAGES"]
    if str(page.relative_to(ROOT)) not in WHOLE
    for line, printed in transcripts(page)
    if re.match(r"vaedyn (simulate|theory|fixedpoints|sweep)\b(?!.*(\||>|--data))", line)
}


def test_many_commands_are_quick():
    assert len(QUICK) >= 10


@pytest.mark.parametrize("part", range(4))
def test_pages_show_what_quick_commands_print_now(run, part):
    for line, printed in [*QUICK.items()][part::4]:
        alone = ["--recompute", "--jobs", "1"] if "sweep" in line else []
        done = run.words(*words_of(line), "--store", "new", *alone)
        assert done.code == 0
        assert close(printed) in (tokens(done.err + done.out), tokens(done.out + done.err)), line


@pytest.mark.parametrize("name", WHOLE)
def test_a_page_is_as_its_commands_would_write_it(name, tmp_path):
    text = (ROOT / name).read_text()
    assert tokens(COOKBOOK["again"](text, str(tmp_path))) == close(text)


def test_only_outputs_that_have_changed_are_written_anew(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n```console\n$ echo it took 3 s\nit took  5 s\n$ echo two; echo three >&2\none\n"
        "$ vaedyn plot learning-curve\n$ vaedyn --version > a; cat a\n```\n\n    $ echo no\n"
    )
    COOKBOOK["main"]([str(page)])
    assert page.read_text() == (
        "Text\n\n```console\n$ echo it took 3 s\nit took  5 s\n$ echo two; echo three >&2\ntwo\n"
        "three\n$ vaedyn plot learning-curve\n$ vaedyn --version > a; cat a\n"
        f"vaedyn, version {vaedyn.__version__}\n```\n\n    $ echo no\n"
    )


def test_the_python_of_the_readme_runs(capsys):
    code = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(code) == 1
    exec(code[0], {})
    assert "'learned'" in capsys.readouterr().out


def anchor(heading):
    """Return the name that a heading can be linked by."""
    text = re.sub(r"[`*$\\{}^]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def prose(page):
    """Return the text of a page, or of a notebook, without code."""
    text = page.read_text()
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(x["source"]) for x in cells if x["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [*PAGES, DOCS / "tutorial.ipynb"], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        place, _, part = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        assert file.exists(), target
        if part:
            assert part in anchors(file), target


ENTRY = re.compile(r"^- \[!\[[^]]+\]\(([\w/-]+\.png)\)\]\(([^)]+)\)\n\n  \w.*\n", re.MULTILINE)
GALLERY = dict(ENTRY.findall((DOCS / "gallery.md").read_text()))  # pictures, and their recipes
OF_MODULES = {  # what draws pictures that are not of one command
    "study.draw": ["nonlinear/collapse.png", "nonlinear/rare.png"],
    "study.draw_adam": ["training/pytorch.png", "training/pace.png"],
    "tests.screenshots": ["explorer/model.png", "explorer/data.png"],
}


def recipe(words):
    """Return the words of a plot command without what does not change the picture."""
    rest = [Path(word).name if word.endswith(".npy") else word for word in words if word != "-q"]
    return rest[: rest.index("-o")] if "-o" in rest else rest


def drawn_by_make():
    """Return the pictures that `make figures` draws, each with its command, as words."""
    (target,) = re.findall(r"^figures:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    plots = re.findall(r"^\t\$\(BIN\)/(vaedyn plot .*) -o docs/(\S+)$", target, re.MULTILINE)
    found = {picture: recipe(words_of(line)) for line, picture in plots}
    for module in re.findall(r"python -m ([\w.]+)$", target, re.MULTILINE):
        code = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert all(Path(picture).stem in code for picture in OF_MODULES[module])
        found |= {picture: ["python", "-m", module] for picture in OF_MODULES[module]}
    return found


def test_the_gallery_leads_from_every_picture_to_the_command_by_which_make_draws_it():
    drawn = drawn_by_make()
    there = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.png")]
    assert sorted(GALLERY) == sorted(drawn) == sorted(there)
    for picture, target in GALLERY.items():
        page, _, part = target.partition("#")
        sections = re.split(r"^#+ ", (DOCS / page).read_text(), flags=re.MULTILINE)
        (section,) = (text for text in sections if anchor(text.partition("\n")[0]) == part)
        assert f"]({picture})" in section, picture
        lines = re.findall(r"^\$ (vaedyn plot .*)$", section, re.MULTILINE)
        recipes = [recipe(words_of(line)) for line in lines]
        recipes += [line.split() for line in re.findall(r"`(python -m [\w.]+)`", section)]
        assert drawn[picture] in recipes, picture


def test_the_readme_shows_some_of_the_gallery():
    links = re.findall(r"\]\(docs/([^)]+)\)\]\(docs/([^)]+)\)", (ROOT / "README.md").read_text())
    assert 4 <= len(links) < len(GALLERY)
    assert set(links) <= set(GALLERY.items())
    assert "](docs/gallery.md)" in (ROOT / "README.md").read_text()


def test_every_page_is_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text()
    toctrees = "".join(re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL))
    listed = re.findall(r"^([\w-]+)$", toctrees, re.MULTILINE)
    apart = ["index", "package"]  # the latter is for indices of packages
    pages = [path.stem for path in DOCS.iterdir() if path.suffix in (".md", ".ipynb")]
    assert sorted([*listed, *apart]) == sorted(pages)
    for name in listed:
        assert re.search(rf"\]\({name}\.(md|ipynb)[#)]", index), (
            f"{name} has no link on the front page"
        )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_reference_has_every_option(name):
    """In the section of its command, or in a table that this section refers to."""
    page = (DOCS / "commands.md").read_text()

    def section(title):
        return re.split("\n#", page.partition(f"# {title}\n")[2])[0]

    found = section(name)
    for title in ("Options of the model", "Options of every command"):
        if f"(#{title.lower().replace(' ', '-')})" in found:
            found += section(title)
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option):
            assert re.search(rf"^\| `[^`]*{option.opts[-1]}\b", found, re.MULTILINE), option.opts


def test_the_command_reference_is_that_of_the_commands():
    """After a change of options: make docs, or python docs/commands.py."""
    assert (DOCS / "commands.md").read_text() == runpy.run_path(DOCS / "commands.py")["reference"]()


def test_the_python_reference_has_all_public_names():
    page = (DOCS / "python.md").read_text()
    documented = set(re.findall(r"^\.\. auto\w+:: vaedyn\.([\w.]+)$", page, re.MULTILINE))
    documented = {name for name in documented if not name.startswith("store.")}
    figures = {f"plot.{name}" for name in vaedyn.plot.__all__}
    apart = {"__version__", "plot", "store"}
    assert documented == figures | {"sklearn.LinearVAE"} | set(vaedyn.__all__) - apart
    assert "autoclass:: vaedyn.store.ResultStore" in page


def test_examples_of_the_python_reference_run(tmp_path, monkeypatch, capsys):
    """One after the other, but for those of users' data, which need a file."""
    page = (DOCS / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names = {}
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        assert "import vaedyn\n" in block or "from vaedyn" not in block  # can be copied alone
        if "numpy.load" not in block:
            exec(block, names)
            continue
        nodes = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)]
        bound = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
        assert not bound & set(names)  # which later examples use
    assert capsys.readouterr().out.splitlines()[2] == "True"
    assert {path.name for path in tmp_path.iterdir()} == {"curve.pdf", "both.png", "vaedyn-store"}
    pyplot.close("all")


def test_every_room_of_the_science_stands_in_the_table_of_rooms():
    page = (DOCS / "contributing.md").read_text().partition("| room in `vaedyn/` |")[2]
    table = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    listed = [name for row in table for name in re.findall(r"`(\w+)`", row)]
    rooms = [path.parent.name for path in (ROOT / "vaedyn").glob("*/__init__.py")]
    beside = {path.stem for path in (ROOT / "vaedyn").glob("*.py")} - {"__init__", "__main__"}
    assert sorted(listed) == sorted([*rooms, *beside])
