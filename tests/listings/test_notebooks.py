"""Results in notebooks: the tables of the command line as HTML, datasets and data frames."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.listings.html import HOMES, html
from vaedyn.listings.listing import Listing, Table
from vaedyn.model.results import Brief
from vaedyn.sweeps.grids import Point
from vaedyn.sweeps.points import Outcome

MODEL = {"latent": 2, "signal": 2, "rho": (3, 1.5), "eta": 0.6, "beta": 0.7, "lr": 0.09}
SMALL = {**MODEL, "dim": 25, "t_max": 4, "points": 3}
WORDS = " ".join(
    f"--{name.replace('_', '-')} {','.join(map(str, x)) if isinstance(x, tuple) else x}"
    for name, x in SMALL.items()
)


TRAINED = {"beta": 1.3, "latent": 3, "lr": 0.15, "t_max": 90, "points": 5}
LATENTS = np.random.default_rng(5).normal(size=(30, 3)) * [1.1, 0.6, 0.01], np.log([0.2, 0.6, 1.0])


DECODER = np.random.default_rng(6).normal(size=(4, 3))


class Cells(HTMLParser):
    """Collects tables as rows of text, and all text; refuses what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.open, self.text = set(), [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open += [] if tag == "br" else [tag]
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(2).normal(size=(40, 4)) * [5, 1, 1, 1] + 7


@pytest.fixture(scope="module")
def results(rows):
    return {
        "fixedpoints": vaedyn.fixed_points(**SMALL),
        "theory": vaedyn.theory(**SMALL),
        "simulate --runs 3": vaedyn.simulate(**SMALL, runs=3),
        "sweep theory --vary lr=0.03,0.09": vaedyn.sweep(
            "theory", vary={"lr": [0.03, 0.09]}, **SMALL, jobs=1
        ),
        "spectrum": vaedyn.look(rows),
        "heldout": vaedyn.heldout(rows, folds=3),
        "fixedpoints --vary beta=1.1:4 --groups 1": vaedyn.branches(
            **SMALL, name="beta", low=1.1, high=4, groups=1
        ),
        "fixedpoints --vary beta=0.3:5:6 --vary eta=0.2:1.4:5": vaedyn.phase_diagram(
            **SMALL, x=("beta", np.linspace(0.3, 5, 6)), y=("eta", np.linspace(0.2, 1.4, 5))
        ),
        "theory --data": vaedyn.course(rows, **TRAINED),
        "simulate --data": vaedyn.watch(rows, **TRAINED),
        "spectrum --likelihood bernoulli": vaedyn.collapse_thresholds(
            (rows > 7).astype(float), "bernoulli"
        ),
        "fixedpoints --alpha 3": vaedyn.trained_on_rows(**SMALL, alpha=3),
        "diagnose": reported(rows),
    }  # fmt: skip


def reported(rows):
    monitor = vaedyn.CollapseMonitor(rows)
    monitor.update(*LATENTS)
    return monitor.report(1.3, decoder=DECODER)


def words_of(command, rows, tmp_path):
    """Return a whole command line."""
    place = tmp_path / "rows.npy"
    np.save(place, (rows > 7).astype(float) if "bernoulli" in command else rows)
    if command.startswith(("spectrum", "heldout")):
        return f"{command} {place}{' --folds 3' * (command == 'heldout')}"
    if command == "diagnose":
        mu, logvar = LATENTS
        np.savez(tmp_path / "x.npz", mu=mu, logvar=logvar, decoder=DECODER, data=rows)
        return f"diagnose {tmp_path / 'x.npz'} --beta 1.3"
    if command.endswith("--data"):
        said = " ".join(f"--{name.replace('_', '-')} {x}" for name, x in TRAINED.items())
        return f"{command} {place} {said}"
    words = WORDS
    for name in ("lr", "beta", "eta"):
        if f"vary {name}" in command:
            words = re.sub(rf"--{name} \S+", "", words)
    return f"{command} {words}"


COMMANDS = [
    "fixedpoints", "theory", "simulate --runs 3", "sweep theory --vary lr=0.03,0.09", "spectrum",
    "heldout", "fixedpoints --vary beta=1.1:4 --groups 1",
    "fixedpoints --vary beta=0.3:5:6 --vary eta=0.2:1.4:5", "theory --data", "simulate --data",
    "spectrum --likelihood bernoulli", "fixedpoints --alpha 3", "diagnose",
]  # fmt: skip
BESIDE_FRESH = "fixedpoints --alpha 3"  # printed beside fresh data, of which results know nothing
SPOKEN = {  # with lines of text below the table
    "spectrum", "fixedpoints", "heldout", "theory --data", "simulate --data", "diagnose",
    "spectrum --likelihood bernoulli",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_the_tables_are_those_of_the_command_line(command, results, rows, run, tmp_path):
    printed = run(words_of(command, rows, tmp_path)).out.splitlines()
    found = Cells(results[command]._repr_html_())
    assert found.tables
    assert found.tags <= {"div", "p", "b", "br", "table", "thead", "tbody", "tr", "th", "td"}
    lines = [" ".join(line.split()) for line in printed]
    for table in found.tables:
        for row in table:
            cells = " ".join(" ".join(row).split())
            if command == BESIDE_FRESH:
                assert any(line.startswith(cells) for line in lines)
            else:
                assert cells in lines
    said = {line for line in found.text if line.strip()}
    for line in printed[-2:]:
        if command in SPOKEN and not line.startswith(" "):
            cells = " ".join(line.split())
            assert any(cells in text or text in cells for text in said)


def test_what_to_read_first_stands_first(results):
    text = "".join(Cells(results["fixedpoints"]._repr_html_()).text)
    assert text.startswith("FixedPoints: learning ends at: signal 1, signal 2 (learned, stable)")
    text = "".join(Cells(results["spectrum"]._repr_html_()).text)
    assert text.startswith("Look: recommended: KL weight beta = ")
    text = "".join(Cells(results["heldout"]._repr_html_()).text)
    assert text.startswith("Heldout: best: KL weight beta = ")
    bands = vaedyn.bands(**SMALL, random_start=True)
    text = "".join(Cells(bands._repr_html_()).text)
    assert text.startswith("Bands: runs stray from theory by ")
    assert bands.warning in text


def test_schedules_are_shown_as_anneal_prints_them():
    values = {"family": "linear", "tol": 0.25, "end": 0.125, "constant": 100.0, "off": 60.0}
    values |= {"spec": "linear:30.0", "time": 50.0}
    scanned = {"numbers": np.array([5.0, 30.0]), "times": np.array([90.0, np.nan])}
    found = Tuning(params=vaedyn.Params(**SMALL), **values, **scanned)
    shown = Cells(found._repr_html_())
    assert "".join(shown.text).startswith("Tuning: annealing helpsbeta(t)")
    assert shown.tables[0][2] == ["linear:30.0", "50", "2"]


def test_all_text_is_escaped_and_no_warning_is_cut():
    long = "<script>alert(1)</script> & " + "x" * 5000
    table = Table(["a<b", ""], [["<i>", "&amp;"]], more=3)
    text = html("Kind", Listing(long, [table], [long], [long, "second"]), "to_frame()")
    shown = Cells(text)
    assert "<script" not in text
    assert "".join(shown.text).count(long) == 3
    assert shown.tables == [[["a<b", ""], ["<i>", "&amp;"]]]
    assert "and 3 more: see to_frame()" in shown.text
    assert not re.search(r"color: (?!inherit)|background: (?!none)|https?:|src=", text)


def test_every_reason_of_a_sweep_is_shown():
    points = [Point({"beta": float(n)}, vaedyn.Params(), {}) for n in range(150)]
    outcomes = [Outcome(error=f"reason <{n}>") for n in range(149)]
    outcomes += [Outcome(final={"lost": "it creeps"})]
    found = vaedyn.Sweep("theory", {"beta": [x.values["beta"] for x in points]}, points, outcomes)
    shown = Cells(found._repr_html_())
    text = "".join(shown.text)
    assert len(shown.tables[0]) == 101
    assert "and 50 more" in text
    for n in range(149):
        assert f"no result at beta={n}: reason <{n}>" in text
    assert "not known at beta=149: it creeps" in text


def test_all_that_is_said_of_trainings_is_shown(rows, results):
    seen = results["simulate --data"]
    assert seen.training.difference
    for found, name in ((seen, "Watched"), (seen.training, "Training")):
        shown = "".join(Cells(found._repr_html_()).text)
        assert shown.startswith(f"{name}: 3 of 3 latents are active, 1 predicted")
        assert seen.training.difference.text in shown
    unpredicted = replace(seen, predicted=None, why="lam is not derived")
    shown = Cells(unpredicted._repr_html_())
    assert shown.tables[0][0] == ["latent learned", "measured t", "SGD steps", "epochs"]
    assert "the learning curve is not predicted: lam is not derived" in "".join(shown.text)
    found = vaedyn.collapse(rows, simulations=2, latent=3, t_max=20)
    shown = Cells(found._repr_html_())
    text = "".join(shown.text)
    assert text.startswith(f"Collapse: 2 VAEs were trained, at beta from {found.beta[0]:.6g} to ")
    assert found.missed
    assert all(line in text for line in (*found.missed, *found.look.analysis.warnings))
    for beta, a, b, cells in zip(
        found.beta, found.predicted, found.measured, shown.tables[0][1:], strict=True
    ):
        numbers = [float(cell) for cell in cells]
        assert numbers[:3] == pytest.approx([beta, a.sum(), b.sum()], rel=1e-5)
        assert numbers[3:] == [(a > 0).sum(), (b > 0.01).sum()]


def test_all_kinds_of_results_are_shown_but_those_within_others():
    kinds = {name for name in vaedyn.__all__ if isinstance(getattr(vaedyn, name), type)}
    brief = {name for name in kinds if issubclass(getattr(vaedyn, name), Brief)}
    assert brief - set(HOMES) == {"Analysis", "Spectrum", "OrderParameters", "Bands"}
    assert set(HOMES) <= kinds


def test_trajectories_become_datasets(results, tmp_path):
    xarray = pytest.importorskip("xarray")
    runs = results["simulate --runs 3"]
    found = runs.to_xarray()
    assert dict(found.sizes) == {"run": 3, "time": 3, "latent": 2, "latent_": 2, "signal": 2}
    for name in ("m", "Q", "D", "eps_g", "kl_per_latent"):
        np.testing.assert_array_equal(found[name], getattr(runs, name))
    np.testing.assert_array_equal(found.time, runs.t)
    assert found.m.dims == ("run", "time", "latent", "signal")
    assert found.kl.attrs["units"] == "nat"
    assert found.Q.attrs["long_name"] == "overlap of decoder with itself, W^T W/N"
    np.testing.assert_array_equal(found.strength, [3, 1.5])
    assert found.attrs["lr"] == 0.09
    assert found.attrs["rho"] == [3.0, 1.5]
    found.to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "runs.nc", engine="h5netcdf") as again:
        np.testing.assert_array_equal(again.m, runs.m)
    given = {"m": [[0.1, 0.2], [0, 0.1]], "d": [[0.1, 0], [0, 0.1]]}
    init = {**given, "Q": np.eye(2), "E": np.eye(2), "R": 0 * np.eye(2), "D": [1, 0.5]}
    vaedyn.theory(**SMALL, init=init).to_xarray().to_netcdf(tmp_path / "x.nc", engine="h5netcdf")


@pytest.mark.parametrize("name", ["theory", "fixedpoints", "bands", "branches", "rows"])
def test_all_order_parameters_become_datasets(name, results):
    others = {
        "bands": lambda: vaedyn.bands(**SMALL),
        "branches": lambda: vaedyn.branches(**MODEL, name="rho", low=1.1, high=1.3, groups=1),
        "rows": lambda: vaedyn.trained_on_rows(**SMALL, alpha=3),
    }
    result = others[name]() if name in others else results[name]
    found = result.to_xarray()
    for each in (*found.data_vars, *found.coords):
        assert found[each].attrs["long_name"]
        assert found[each].attrs["units"]
    lead = {"theory": ("time",), "bands": ("time",), "rows": ()}.get(name, ("point",))
    assert found.R.dims == (*lead, "latent", "latent_")
    np.testing.assert_array_equal(found.R, result.R)
    assert found.attrs["result"] == type(result).__name__


def test_sweeps_become_datasets_and_frames(results):
    swept = results["sweep theory --vary lr=0.03,0.09"]
    found, table = swept.to_xarray(), swept.to_frame()
    np.testing.assert_array_equal(found.eps_g, swept.array("eps_g"))
    assert found.m.dims == ("lr", "latent", "signal")
    assert found.lr.attrs["long_name"] == "learning rate"
    assert list(table.columns[:3]) == ["lr", "key", "t"]
    np.testing.assert_array_equal(table["m_1_2"], swept.array("m")[:, 0, 1])
    assert table.index.name == "point"
    # runs; values that are no numbers; a quantity of several shapes; a point without a result
    options = {**SMALL, "jobs": 1, "runs": 2}
    mixed = vaedyn.sweep("simulate", vary={"rho": [(3, 1.5), (2, 1)], "latent": [1, 2]}, **options)
    found = mixed.to_xarray()
    assert found.eps_g_std.dims == ("rho", "latent")
    assert list(found.rho.values) == ["3/1.5", "2/1"]
    assert "D" not in found
    np.testing.assert_array_equal(found.kl, mixed.array("kl"))
    assert mixed.to_frame()["D_2_mean"].isna().tolist() == [True, False, True, False]
    one = vaedyn.sweep("theory", vary={"latent": [2]}, **SMALL, jobs=1).to_xarray()
    assert "eps_g" in one
    assert "m" not in one  # its latents would be those that vary
    part = vaedyn.Sweep("theory", swept.varied, swept.points[:1], swept.outcomes[:1])
    assert len(part.to_frame()) == 1
    with pytest.raises(vaedyn.ParameterError, match="use to_frame"):
        part.to_xarray()
    failed = [Outcome(error="it diverges"), swept.outcomes[1]]
    lost = vaedyn.Sweep("theory", swept.varied, swept.points, failed).to_xarray()
    assert list(lost.error.values) == ["it diverges", ""]
    assert np.isnan(lost.m[0]).all()


def test_fixed_points_and_spectra_become_frames(results, rows):
    points = results["fixedpoints"]
    table = points.to_frame()
    assert table["type"].tolist() == points.types
    assert table.index[table["reached"]].tolist() == [points.reached]
    np.testing.assert_array_equal(table["Q_2_2"], points.Q[:, 1, 1])
    np.testing.assert_array_equal(table["relaxation_time"], points.relaxation_time)
    looked = results["spectrum"]
    table = looked.to_frame()
    own = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    np.testing.assert_allclose(table["of_rows"], own)
    signals = len(looked.analysis.rho)
    assert table["rho"].notna().sum() == signals > 0
    np.testing.assert_allclose(table["collapse_on_rows"][:signals], own[:signals])
    assert list(looked.spectrum.to_frame().columns) == ["eigenvalue", "error"]


def test_without_the_packages_one_line_names_them():
    code = (
        "import sys; sys.modules['pandas'] = sys.modules['xarray'] = None\n"
        "import vaedyn\n"
        "found = vaedyn.sweep('theory', vary={'beta': [1.0]}, dim=20, t_max=2, points=2, jobs=1)\n"
        "for make in (found.to_frame, found.to_xarray):\n"
        "    try: make()\n"
        "    except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"this needs {name}: pip install 'vaedyn[frames]'" for name in ("pandas", "xarray")
    ]
