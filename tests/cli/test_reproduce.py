"""`vaedyn reproduce`: the table, the report, the exit code, and commands that can be pasted."""

import shlex
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import click
import numpy as np
import pytest

import vaedyn
from vaedyn.claims import claims
from vaedyn.claims.evidence import Panel, Recipe, Row
from vaedyn.cli import main as cli
from vaedyn.cli.reproduce import panels
from vaedyn.cli.reproduce.command import command_line, entries
from vaedyn.cli.reproduce.report import _allowed, _rounded, report, shown, verdict

START = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What is in a page: open tags, and the attributes of all."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


def right(lab):
    """A claim that is cheap to check: what the ODE starts from."""
    ode = lab.theory(vaedyn.Params(dim=50, lr=0.1, t_max=5, points=11, init=START))
    found = float(ode.Q[0, 0, 0])
    row = Row(
        claim="Q at first", expected=1.0, origin="paper, page 1", found=found, error=0.1,
        tolerance=0.3, basis="none",
    )  # fmt: skip
    values = np.array([0.5, 1.5, 2.5])
    drawn = {"beta": values, "rates": values, "measured": (values, values)}
    return [
        Panel(
            name="relaxation", title="A title", rows=[row], caption="", known="", chosen="",
            data={"base": ode.params, **drawn},
            recipes=[Recipe(command="theory", params=ode.params)],
        )
    ]  # fmt: skip


def wrong(lab):
    (panel,) = right(lab)
    rows = [replace(row, claim="a <wrong> number", expected=1.5) for row in panel.rows]
    return [replace(panel, rows=rows)]


@pytest.fixture
def only(monkeypatch):
    """Return a function that leaves these claims alone to be checked."""

    def chosen(*functions):
        monkeypatch.setattr(claims, "CLAIMS", {each.__name__: each for each in functions})

    return chosen


def test_claims_that_hold_are_reported(run, only):
    only(right)
    done = run("reproduce --quick")
    assert done.code == 0
    assert "1 of 1: right" in done.err
    assert done.out.splitlines()[0].split() == [
        "claim", "expected", "found", "+-", "expected", "from"
    ]  # fmt: skip
    assert done.out.splitlines()[2].endswith("pass   paper, page 1")
    assert done.out.splitlines()[-1] == "all 1 rows pass: reproduce/report.html"
    assert Path("reproduce/1-relaxation.svg").read_bytes().startswith(b"<?xml")
    page = Page(Path("reproduce/report.html").read_text())
    assert page.open == []
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all(
        "meta"
    )
    (image,) = page.all("img")
    assert image["src"].startswith("data:image/svg+xml;base64,")
    assert not page.all("script")
    assert not page.all("link")
    links = [each["href"] for each in page.all("a")]
    assert [link for link in links if not link.startswith("#")] == [
        "https://arxiv.org/abs/2310.15440"
    ]


def test_a_wrong_number_fails_and_everything_is_written(run, only):
    only(right, wrong)
    done = run("reproduce --quick -q -o out")
    assert done.code == 1
    assert [line.split()[-4] for line in done.out.splitlines()[2:4]] == ["pass", "FAIL"]
    assert done.out.splitlines()[-1] == "1 of 2 rows FAIL: out/report.html"
    page = Page(Path("out/report.html").read_text())
    assert any("a <wrong> number" in word for word in page.words)
    assert "FAIL" in page.words
    assert page.words.count("paper, page 1") == 2
    data = run("reproduce --quick --json -q -o out").json
    assert [each["passed"] for each in data["claims"]] == [True, False]
    assert {"claim", "claimed", "found", "error", "tolerance", "basis"} < set(data["claims"][0])
    assert data["claims"][1]["expected"] == data["claims"][1]["claimed"] == 1.5
    assert data["claims"][1]["origin"] == "paper, page 1"
    assert not data["passed"]
    assert all(Path(path).exists() for path in [data["report"], *data["figures"]])


def test_the_second_time_everything_comes_from_the_store(run, only, monkeypatch):
    only(right)
    first = run("reproduce --quick --json -q").json
    page = Path("reproduce/report.html").read_bytes()
    shutil.rmtree("reproduce")
    monkeypatch.setattr(
        "vaedyn.learning.theory.integrate", lambda *_, **__: pytest.fail("computed again")
    )
    monkeypatch.setattr("vaedyn.figures.style.as_svg", lambda *_: pytest.fail("drawn again"))
    assert run("reproduce --quick --json -q").json == first
    assert Path("reproduce/report.html").read_bytes() == page


@pytest.mark.parametrize("change", ["row", "caption", "code", "recompute"])
def test_pictures_are_drawn_again_when_what_they_show_has_changed(run, only, monkeypatch, change):
    only(right)
    run("reproduce --quick")
    kept = Path("reproduce/1-relaxation.svg").read_bytes()
    monkeypatch.setattr("vaedyn.figures.style.as_svg", lambda _: b"<svg>another</svg>")
    if change == "row":
        only(wrong)
    elif change == "caption":
        only(lambda lab: [replace(right(lab)[0], caption="Another.")])
    elif change == "code":
        monkeypatch.setattr("vaedyn.cli.reproduce.panels._drawing", lambda: "another")
    run("reproduce --quick" + " --recompute" * (change == "recompute"))
    assert Path("reproduce/1-relaxation.svg").read_bytes() == b"<svg>another</svg>" != kept


def test_any_change_of_the_code_that_draws_is_noticed(tmp_path, monkeypatch):
    for path in Path(panels.figures.__file__).parent.glob("*.py"):
        shutil.copy(path, tmp_path)
    before = panels._drawing()
    monkeypatch.setattr(panels.figures, "__file__", str(tmp_path / "__init__.py"))
    assert panels._drawing() == before
    for name in ("claims.py", "curves.py", "style.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# changed\n")
        assert panels._drawing() != before
        before = panels._drawing()
    monkeypatch.setattr(panels.metadata, "version", lambda _: "0")
    assert panels._drawing() != before


def test_a_kept_picture_tells_the_command_that_makes_it(run, only):
    only(right)
    run("reproduce --quick --seed 3")
    (entry,) = run("store list --json kind=panel").json["records"]
    assert run("store show --json", entry["key"]).json["reproduce"] == (
        "vaedyn reproduce --quick --seed 3"
    )


@pytest.mark.parametrize(
    ("found", "error", "text"),
    [
        (-0.498568, 0.0056, "-0.4986"),
        (2.7e-8, 2e-6, "0"),
        (-2.7e-8, 2e-6, "0"),
        (123.4567, 12.0, "123"),
        (1.99999, None, "1.99999"),
        (np.nan, 0.1, "-"),
        (1.5, np.nan, "1.5"),
    ],
)
def test_what_is_found_is_shown_to_the_second_digit_of_its_error(found, error, text):
    row = Row(
        claim="", expected=1.0, origin="", found=found, error=error, tolerance=1.0, basis=""
    )  # fmt: skip
    assert shown(row)[1] == text


def test_a_file_in_the_way_is_refused(run, only):
    only(right)
    Path("taken").write_text("")
    done = run("reproduce -o taken")
    assert done.code == 2
    assert "'-o' / '--output'" in done.err
    done = run("reproduce -o taken/below")
    assert done.code == 2
    assert "--output" in done.err
    assert len(done.err.splitlines()) == 1


MODELS = [
    {},
    {"rho": 2, "lr": 0.05, "t_max": 1e10, "points": 3},
    {"latent": 2, "signal": 2, "dim": 5000},
    {"latent": 2, "signal": 2, "rho": (3, 1), "anneal": "tanh:0.0123", "beta": 1.5},
    {"init": START},
    {"latent": 2, "init": {"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4,
                           "D": 0.5}},
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_printed_commands_describe_the_same_model(model):
    params = vaedyn.Params(**model)
    words = shlex.split(command_line(Recipe(command="theory", params=params)))
    assert words[:2] == ["vaedyn", "theory"]
    group = click.Context(cli.command, **cli.command.context_settings)
    command = cli.command.get_command(group, "theory")
    options = command.make_context("theory", words[2:], parent=group).params
    fields = vaedyn.Params.__dataclass_fields__
    assert vaedyn.Params(**{name: options[name] for name in fields}) == params


def test_printed_commands_are_short_and_can_be_run(run):
    params = vaedyn.Params(init=START, t_max=5, points=3, dim=50)
    options = {"runs": 2, "seed": 0, "vary": "dim=20,50"}
    line = command_line(Recipe(command="sweep simulate", params=params, options=options))
    assert line == (
        f"vaedyn sweep simulate --t-max 5 --points 3 --init {START} --runs 2 --seed 0 "
        "--vary dim=20,50"
    )
    assert run.words(*shlex.split(line)[1:]).code == 0


# --- the report -------------------------------------------------------------------------


def panel(**row):
    values = {"claim": "a & b", "expected": 1.5, "origin": "paper, page 1", "found": 1.625,
              "error": 0.0625, "tolerance": 0.25, "basis": "3 errors"}  # fmt: skip
    return Panel(
        name="one", title="A <title>", rows=[Row(**{**values, **row})], caption="what is seen",
        known="little", chosen="much", data={}, recipes=[],
    )  # fmt: skip


def test_the_report_says_what_is_expected_and_found():
    page = report(
        [panel(), panel(relation=">", tolerance=0.0, error=None)],
        [(b"<svg/>", 5.0), (b"<svg/>", 4.99)],
        [["vaedyn theory", "vaedyn check"], ["vaedyn anneal"]],
        "made by hand",
    )
    cells = [
        '<a href="#panel1">1</a> a &amp; b</td>', 'data-name="expected">1.5</td>',
        'data-name="from">paper, page 1</td>', 'data-name="found">1.625 ± 0.062</td>',
        '<span class="pass">pass</span></td></tr>', '<a href="#panel2">2</a>',
        'data-name="expected">&gt; 1.5</td>', 'data-name="found">1.625</td>',
        '<section id="panel1"><h2>1. A &lt;title&gt;</h2>\n<figure>',
        "base64,PHN2Zy8+", "<figcaption>what is seen</figcaption>", "<dd>little</dd>",
        "<dd>much</dd>", "<li>a &amp; b: ± 0.25, 3 errors. <span",
        "<pre>vaedyn theory\nvaedyn check</pre>",
        '<section id="panel2"><h2>2. A &lt;title&gt;</h2>\n<figure class="narrow">',
        "<li>a &amp; b: &gt; 1.5, 3 errors. <span", "<pre>vaedyn anneal</pre>",
        "<small>made by hand</small>",
    ]  # fmt: skip
    assert [cell for cell in cells if cell not in page] == []
    places = [page.index(cell) for cell in cells]
    assert places == sorted(places)
    assert '<p class="pass">all 2 rows pass</p>' in page
    bad = panel(found=3.0)
    assert verdict([*bad.rows, *panel().rows]) == "1 of 2 rows FAIL"
    page = report([bad], [(b"", 9.0)], [[]], "")
    assert '<p class="fail">1 of 1 rows FAIL</p>' in page
    assert '<span class="fail">FAIL</span>' in page
    assert _allowed(panel(relation="<", tolerance=0.0).rows[0]) == "< 1.5"


def test_rows_of_a_report_in_json():
    (entry,) = entries(panel(found=np.nan))
    assert entry == {
        "panel": "one", "claim": "a & b", "relation": "=", "claimed": 1.5, "expected": 1.5,
        "origin": "paper, page 1", "found": None, "error": 0.0625, "tolerance": 0.25,
        "basis": "3 errors", "passed": False,
    }  # fmt: skip


def test_numbers_are_rounded_to_the_second_digit_of_their_error():
    assert _rounded(1.23456, 0.0321) == 1.235
    assert _rounded(1234.56, 321.0) == 1230
    assert _rounded(1.23456, None) == _rounded(1.23456, 0.0) == 1.23456
    assert _rounded(1.23456, np.inf) == 1.23456
    assert np.copysign(1, _rounded(-0.0001, 0.01)) == 1  # no -0 is printed
