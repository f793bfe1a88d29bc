"""Where what commands do changes: a case just below and one just above, by numbers made by hand."""

from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from vaedyn.annealing import confirm
from vaedyn.cli import anneal, ranges
from vaedyn.cli import spectrum as shown
from vaedyn.cli.convention import check_judged, convention_of
from vaedyn.cli.grids import Varied, VariedType, shard_of
from vaedyn.cli.output import Lines
from vaedyn.cli.plot import escape, picture
from vaedyn.cli.plot import sweep as plot_sweep
from vaedyn.cli.ranges import Range, RangeType
from vaedyn.cli.streams import LONGEST, LONGEST_WORD, one_line
from vaedyn.data.convention import LEAST, Convention
from vaedyn.data.judge import Judged
from vaedyn.errors import ParameterError
from vaedyn.learning import escape as theory
from vaedyn.learning.escape import Escape, Escaped

# --- what is varied ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beta=0.5:1.5:3", Varied("beta", [0.5, 1.0, 1.5], True)),
        ("beta=log:1:4:3", Varied("beta", [1.0, 2.0, 4.0], True)),
        ("beta=2:1:3", Varied("beta", [2.0, 1.5, 1.0], True)),
        ("dim=50:53", Varied("dim", [50, 51, 52, 53], False)),
        ("dim=53:50", Varied("dim", [53, 52, 51, 50], False)),
        ("dim=1:4:4", Varied("dim", [1, 2, 3, 4], True)),
        ("t-max=5,1e2", Varied("t_max", [5.0, 100.0], True)),
        ("rho=3/1,2", Varied("rho", [(3.0, 1.0), 2.0], True)),
        ("anneal=constant; tanh:1", Varied("anneal", ["constant", "tanh:1"], True)),
        ("points=3,1e1", Varied("points", [3, 10], True)),
    ],
)
def test_values_that_are_varied(text, expected):
    assert VariedType().convert(text, None, None) == expected


def test_ranges_have_twenty_values_unless_there_are_fewer_whole_numbers():
    def count(text):
        found = VariedType(("seed",)).convert(text, None, None)
        return len(found.values), found.counted

    assert count("beta=1:2") == count("dim=1:20") == count("dim=1:21") == (20, False)
    assert count("dim=1:19") == (19, False)
    assert count("seed=0:9") == (10, False)
    assert len(set(VariedType().convert("dim=log:1:30", None, None).values)) == 15  # whole ones


def test_a_range_of_a_map_has_a_hundred_values_and_leaves_beta_zero_out():
    found = RangeType().convert("beta=0:2", None, None)
    assert found == Range("beta", 0.0, 2.0, 100, False, False)
    assert (found.start, len(found.values), found.values[-1]) == (0.002, 99, 2.0)
    lam = RangeType().convert("lam=0:2:5", None, None)
    assert (lam.start, lam.values.tolist(), lam.counted) == (0.0, [0, 0.5, 1, 1.5, 2], True)
    beta = RangeType().convert("beta=log:0.5:2:3", None, None)
    assert (beta.start, beta.logarithmic) == (0.5, True)
    np.testing.assert_allclose(beta.values, [0.5, 1, 2])


@pytest.mark.parametrize(("count", "fine"), [(1, False), (2, True), (7, True), (8, False)])
def test_counts_of_ranges_are_limited(count, fine):
    if fine:
        assert ranges.parse_range(f"1:2:{count}", most=7).number == count
        return
    with pytest.raises(ValueError, match="with a COUNT from 2 to 7$"):
        ranges.parse_range(f"1:2:{count}", most=7)
    assert ranges.MOST == 1_000_000


def slurm(task, first, count, **others):
    values = {"ID": task, "MIN": first, "COUNT": count, **others}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def test_tasks_of_an_array_are_shards(caplog):
    with caplog.at_level("INFO"):
        assert shard_of(None, slurm(5, 5, 3)) == (1, 3)
        assert shard_of(None, slurm(7, 5, 3)) == (3, 3)
        assert shard_of(None, slurm(9, 5, 3, STEP=2)) == (3, 3)
    assert caplog.messages[1] == "shard 3/3, from SLURM_ARRAY_TASK_ID (--shard 1/1 for all)"
    assert shard_of((2, 5), slurm(7, 5, 3)) == (2, 5)
    assert shard_of(None, {**slurm(7, 5, 3), "SLURM_ARRAY_TASK_ID": "7"} | {}) == (3, 3)
    assert shard_of(None, {"SLURM_ARRAY_TASK_ID": "7"}) == (1, 1)
    for wrong in (slurm(4, 5, 3), slurm(8, 5, 3), slurm(8, 5, 3, STEP=2)):
        with pytest.raises(ParameterError, match="is no shard: use --array=1-N"):
            shard_of(None, wrong)
    for wrong in (slurm("x", 5, 3), slurm(6, 5, 3, STEP=0)):
        with pytest.raises(ParameterError, match="makes no sense: give --shard I/N"):
            shard_of(None, wrong)


# --- messages ---------------------------------------------------------------------------


def test_words_and_messages_are_cut_where_they_are_too_long():
    assert one_line("x" * LONGEST_WORD) == "x" * LONGEST_WORD
    cut = f"{'x' * 100}...[201 characters]...{'x' * 50}"
    assert one_line("x" * (LONGEST_WORD + 1)) == cut
    assert one_line("ab " * 266 + "ab") == "ab " * 266 + "ab"  # 800 characters
    long = one_line("ab " * 267)
    assert long == f"{('ab ' * 267)[:400]}...[801 characters]...{('ab ' * 267)[-200:]}"
    assert (LONGEST_WORD, LONGEST) == (200, 800)


def test_progress_counts_from_the_beginning_of_what_is_done(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("vaedyn.cli.output.clock", lambda: now[0])
    lines = Lines("x", "points")
    now[0] = 30.0
    assert lines._text(30.0) == "x: 30 s so far"
    lines.update(0, 8)
    assert lines._text(30.0) == "x: 0 % (0 of 8 points), 30 s so far"
    now[0] = 40.0
    lines.update(2, 8)
    assert lines._text(40.0) == "x: 25 % (2 of 8 points), 40 s so far, about 2 min left"
    lines.update(8, 8)
    assert lines._text(40.0) == "x: 100 % (8 of 8 points), 40 s so far"


# --- somebody's own data ----------------------------------------------------------------


def test_the_users_units():
    assert convention_of(None, None, 1.0) is None
    assert convention_of(None, None, 0.5) == Convention("sum", 1.0, 0.5)
    assert convention_of("mean", None, 0.5) == Convention("mean", None, 0.5)
    assert convention_of(None, 2.0, 1.0) == Convention("sum", 2.0, 1.0)
    check_judged(LEAST, None)
    check_judged(None, LEAST)
    with pytest.raises(ParameterError, match="beta"):
        check_judged(None, 0.9 * LEAST)
    with pytest.raises(click.UsageError):
        check_judged(1.0, 1.0)


@pytest.mark.parametrize(
    ("active", "latents", "exact", "by_beta", "text"),
    [
        (1, None, True, False, "your KL weight 3 is beta = 0.5 here: 1 active unit"),
        (2, None, True, True, "your beta is 0.5: 2 active units"),
        (3, 5, False, True,
         "your beta is 0.5: at least 3 of 5 latents are active, 1 of them on noise"),
        (1, 1, True, True, "your beta is 0.5: 1 of 1 latent is active"),
        (0, 1, True, True, "your beta is 0.5: 0 of 1 latent is active: the posterior collapses"),
        (0, None, True, True, "your beta is 0.5: 0 active units: the posterior collapses"),
    ],
)  # fmt: skip
def test_verdicts_on_weights(active, latents, exact, by_beta, text):
    at = SimpleNamespace(beta=0.5, active=active, exact=exact)
    noise = max(active - 2, 0)
    assert shown.verdict(Judged(3.0, at, noise), latents, by_beta=by_beta) == text
    assert "on noise" not in shown.verdict(Judged(3.0, at, None), latents)


# --- figures ----------------------------------------------------------------------------


def test_maps_take_thirteen_values_of_both():
    def is_map(x, y, kind=None):
        varied = {"beta": [0.5 + n for n in range(x)], "lr": [0.5 + n for n in range(y)]}
        return plot_sweep._is_map(varied, "beta", "lr", kind)

    assert is_map(13, 13) and is_map(14, 13) and is_map(2, 2, "map")  # noqa: PT018
    assert not is_map(12, 13)
    assert not is_map(13, 12)
    assert not is_map(13, 13, "lines")
    assert not plot_sweep._is_map({"beta": [1.0]}, "beta", None, None)
    texts = {"beta": [1.0] * 13, "anneal": [f"linear:{n}" for n in range(13)]}
    assert not plot_sweep._is_map(texts, "beta", "anneal", None)
    with pytest.raises(click.BadParameter):
        is_map(1, 2, "map")


def test_axes_are_the_first_and_the_second_unless_told():
    varied = {"beta": [1.0], "lr": [0.5]}
    assert plot_sweep._axes(varied, None, None) == ("beta", "lr")
    assert plot_sweep._axes(varied, "lr", None) == ("lr", "beta")
    assert plot_sweep._axes(varied, None, "beta") == ("lr", "beta")
    assert plot_sweep._axes({"beta": [1.0]}, None, None) == ("beta", None)


def test_widths_and_limits_of_figures():
    width = picture.Width().convert
    assert [width(text, None, None) for text in ("one", "two", "4.5")] == [3.3, 6.75, 4.5]
    limits = picture.Limits().convert
    assert [limits(text, None, None) for text in ("1:2", "1:", ":2", " :2")] == [
        (1.0, 2.0), (1.0, None), (None, 2.0), (None, 2.0),
    ]  # fmt: skip


def test_long_names_of_files_end_in_a_digest(run):
    title = "x" * 60
    short = run(
        "plot schedule --anneal points:0=0.25,10=0.5,20=0.75,30=1 --title", title
    ).out.strip()
    assert short == f"schedule_anneal-points-0.0-0.25-10.0-0.5-20.0-0.75-30.0-1.0_title-{title}.pdf"
    assert picture.short("y" * 61) == "y" * 60
    assert picture.short((None, 1.5)) == "-1.5"
    assert picture.short("a/b c") == "a-b-c"
    assert picture.LONGEST == 200
    assert Path(short).exists()


def test_escapes_are_told_with_their_spread():
    expected, times = (
        Escape(rate=0.5, mean=12.0, std=3.0, overlap=0.4),
        np.array([10.0, 14.0, 15.0]),
    )
    assert escape._points([Escaped(100, expected, times, SimpleNamespace())]) == [{
        "dim": 100, "rate": 0.5, "theory": {"mean": 12.0, "std": 3.0},
        "simulation": {"mean": 13.0, "std": pytest.approx(np.sqrt(7)), "runs": 3},
    }]  # fmt: skip
    assert (theory.FURTHER, theory.SAVED) == (8.0, 2001)
    assert (confirm.SLOW, confirm.LONGER, confirm.SAVED, confirm.DRAWN) == (3.0, 1.5, 1401, 601)
    assert (anneal.WORTH_IT, confirm.LASTS) == (1.05, 1.3)
