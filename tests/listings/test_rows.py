"""Every cell, line and first sentence of listings, of results made by hand with numbers apart."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn import Params
from vaedyn.listings import (
    bifurcation_curves,
    branches,
    collapse_thresholds,
    curve,
    fixed_points,
    heldout,
    limit_cycle,
    limit_cycles,
    phase_diagram,
    report,
    sweep,
    trained_on_rows,
    training,
    trajectory,
    tuning,
)
from vaedyn.listings.listing import Listing, Table, counted, number, state_rows, with_error

NOT_MISSING = {"threshold": [], "ended": []}


def points(**others):
    """Return three fixed points: one that is reached, a saddle, and a continuum."""
    made = Made(
        types=["signal 1", "collapsed", "signals"], labels=["learned", "collapsed", "entangled"],
        stable=[True, False, False], marginal=[False, False, True],
        eps_g=np.array([0.25, 1.5, 0.75]), kl=np.array([2.5, 0.0, 1.25]),
        std={"eps_g": np.array([0.125, np.nan, 1e-13]), "kl": np.array([1e-12, 2e-12, 0.5])},
        relaxation_time=np.array([12.5, np.inf, 3.0]), multiplicity=[4, 1, None],
        reached=0, found=None, new=[False, False, True], search=None, partial="", lost="",
        missing=NOT_MISSING, warnings=[], params=Made(adam=False, sampled=False),
        thresholds={"collapse": [2.5, 0.0], "noise": 0.5, "noise_upper": 1.25, "max_lr": None},
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_fixed_points_have_a_row_each():
    assert fixed_points.table(points()) == Table(
        ["fixed point", "phase", "stable", "eps_g", "std", "KL", "std", "time", "copies", ""],
        [
            ["signal 1", "learned", "yes", "0.25", "0.125", "2.5", "0", "12.5", "4", "reached"],
            ["collapsed", "collapsed", "no", "1.5", "-", "0", "2e-12", "-", "1", ""],
            [
                "signals",
                "entangled",
                "marginal",
                "0.75",
                "0",
                "1.25",
                "0.5",
                "3",
                "continuum",
                "new",
            ],
        ],
        ("phase", "stable", ""),
        0,
    )


def test_what_a_search_found_has_a_column_and_new_ones_a_mark():
    found = fixed_points.table(points(found=[7, 0, 2], reached=1))
    assert found.columns[-2:] == ["found", ""]
    assert [row[-2:] for row in found.rows] == [["7", ""], ["0", "reached"], ["2", "new"]]


def test_the_point_that_is_reached_is_shown_beyond_the_last_row(monkeypatch):
    monkeypatch.setattr(fixed_points, "MOST_ROWS", 1)
    found = fixed_points.table(points(reached=2))
    assert [row[0] for row in found.rows] == ["signal 1", "signals"]
    assert found.more == 1
    assert fixed_points.table(points(reached=None)).more == 2


def test_under_adam_no_spread_is_derived():
    made = points(params=Made(adam=True), std=None)
    for name in (*fixed_points.OBSERVABLES, *fixed_points.NAMES):
        vars(made).setdefault(name, np.zeros((3, 2)))
    spread = fixed_points.spread_of(made)
    assert set(spread) == {*fixed_points.OBSERVABLES, *fixed_points.NAMES}
    assert all(np.isnan(x).all() for x in spread.values())
    assert spread["m"].shape == (3, 2)
    assert fixed_points.table(made).rows[0][4] == "-"


WHITE = "background noise is not fitted by a collapsed latent "
STAYS = "a latent without a signal has collapsed, to 0.01 nats, "


@pytest.mark.parametrize(
    ("kind", "noise", "upper", "line"),
    [
        ({}, 0.5, 1.25, f"{WHITE}between beta = 0.5 and 1.25"),
        ({}, 0.0, 1.25, f"{WHITE}below beta = 1.25"),
        ({}, None, None, "a collapsed latent fits background noise at any beta"),
        ({"sampled": True}, 0.5, 1.25, f"{STAYS}between beta = 0.5 and 1.25"),
        ({"sampled": True}, 0.0, 1.25, f"{STAYS}below beta = 1.25"),
        ({"adam": True}, 0.5, None, f"{STAYS}above beta = 0.5"),
        ({"adam": True}, 0.0, None, f"{STAYS}above beta = 0"),
        ({"adam": True}, None, None,
         "a latent without a signal fits more noise than 0.01 nats at any beta"),
    ],
)  # fmt: skip
def test_where_noise_is_fitted(kind, noise, upper, line):
    made = points(params=Made(**{"adam": False, "sampled": False, **kind}))
    made.thresholds |= {"noise": noise, "noise_upper": upper}
    assert fixed_points.summary(made) == [
        "signal 1 is not learned by a collapsed latent above beta = 2.5",
        "signal 2 is not learned by a collapsed latent at any beta",
        line,
    ]


def test_what_else_is_said_of_fixed_points():
    made = points(
        partial="some are left out", lost="it creeps",
        missing={"threshold": ["signal 1", "noise"], "ended": ["signal 2"]},
    )  # fmt: skip
    made.thresholds["max_lr"] = 0.75
    assert fixed_points.summary(made)[3:] == [
        "the point reached is stable up to lr = 0.75",
        "some are left out",
        "where the start leads is not known: it creeps",
        "no fixed point has a latent on: signal 1; noise (beta is beyond its threshold)",
        "no fixed point has a latent on: signal 2 (ended at a smaller learning rate or weight "
        "decay)",
    ]


WENT = {"starts": 90, "converged": 41, "unphysical": 1, "listed_found": 2, "listed": 3, "added": 1}


@pytest.mark.parametrize(
    ("unseen", "chance"), [(0.0256, "about 0.026"), (0, "less than about 0.03")]
)
def test_how_a_search_went(unseen, chance):
    made = points(found=[7, 0, 0], search={**WENT, "unseen": unseen})
    assert fixed_points.summary(made)[3:] == [
        "of 90 starts of the search 41 converged, 1 of them to order parameters that no weights "
        "have, which are dropped",
        "the search found 2 of 3 fixed points that were listed without it, and 1 more, marked new",
        "not found by it: collapsed",  # the third is new
        "a search is no proof that there are no others: a further start that leads to a fixed "
        f"point meets one with a chance of {chance}",
    ]


def test_of_many_that_a_search_has_missed_some_are_named():
    assert fixed_points.MOST_MISSED == 8
    names = [f"kind {i}" for i in range(10)]
    for count, end in ((8, "kind 7"), (9, "kind 7; and 1 more"), (10, "kind 7; and 2 more")):
        made = points(types=names[:count], found=[0] * count, new=[False] * count,
                      search={**WENT, "unseen": 0.5})  # fmt: skip
        (line,) = [x for x in fixed_points.summary(made) if x.startswith("not found by it")]
        assert line == f"not found by it: {'; '.join(names[:7])}; {end}"
    made = points(found=[1, 2, 0], search={**WENT, "unseen": 0.5})
    assert not any("not found by it" in line for line in fixed_points.summary(made))


def test_doubts_about_fixed_points_are_said_once():
    made = points(partial="some are left out", warnings=["beta is small"], reached=2)
    shown = fixed_points.listing(made)
    assert shown.first == "learning ends at: signals (entangled, marginal), eps_g = 0.75"
    assert shown.warnings == ["some are left out", "beta is small"]
    assert len(shown.lines) == 3
    lost = fixed_points.listing(points(reached=None, lost="it creeps"))
    assert lost.first == "where the start leads is not known"
    assert lost.warnings == ["it creeps"]
    assert len(lost.lines) == 3
    for reached, word in ((0, "stable"), (1, "unstable")):
        assert f", {word})" in fixed_points.listing(points(reached=reached)).first


def followed():
    """Two branches: one that loses its stability half way, and a saddle."""
    x = np.linspace(0.5, 2.5, 9)
    at = {"coefficient": -0.123456, "frequency": None}
    return Made(
        name="beta", types=["signal 1", "collapsed"], branch=np.repeat([0, 1], 9),
        varied=np.concatenate([x, x + 1]),
        growth=np.concatenate([np.where(x < 1.5, -0.1, 0.1), np.where(x > 1.5, -0.2, 0.2)]),
        events=[
            {"branch": 0, "kind": "stability", "at": 1.5, "bifurcation": "pitchfork"},
            {"branch": 0, "kind": "end", "at": 2.5, "bifurcation": None},
            {"branch": 1, "kind": "stability", "at": 2.5, "bifurcation": "fold"},
        ],
        bifurcations=[
            {"bifurcation": "pitchfork", "at": 1.5, "side": "below", "multiplicity": 2, **at,
             "branches": [0, 1, 0]},
            {"bifurcation": "Hopf", "at": 3.25, "side": None, "multiplicity": None,
             "branches": [1], "coefficient": None, "frequency": 0.56789},
            {"bifurcation": "fold", "at": 3.5, "side": None, "multiplicity": 1, **at,
             "branches": [1]},
        ],
    )  # fmt: skip


def test_branches_have_a_row_each_with_where_they_are_stable():
    assert branches.table(followed()) == Table(
        ["branch", "beta from", "to", "stable", "what happens"],
        [
            ["signal 1", "0.5", "2.5", "0.5 to 1.5", "pitchfork 1.5, end 2.5"],
            ["collapsed", "1.5", "3.5", "2.5 to 3.5", "fold 2.5"],
        ],
        ("stable", "what happens"),
    )
    rows = [
        ["pitchfork (2 at once)", "1.5", "below", "-0.1235", "-", "signal 1; collapsed"],
        ["Hopf", "3.25", "-", "-", "0.5679", "collapsed"],
        ["fold", "3.5", "-", "-0.1235", "-", "collapsed"],
    ]
    heading = ["bifurcation", "beta", "side", "coefficient", "frequency", "branches"]
    assert branches.bifurcations(followed()) == Table(heading, rows, ("side", "branches"), 0)


def test_of_many_branches_some_are_shown(monkeypatch):
    first, (table, happens), *_ = branches.listing(followed())
    assert (
        first == "2 branches of fixed points over beta from 0.5 to 3.5, 2 of them stable somewhere"
    )
    assert (table.more, happens.more) == (0, 0)
    assert branches.MOST_ROWS == 40
    monkeypatch.setattr(branches, "MOST_ROWS", 1)
    (table, happens) = branches.listing(followed()).tables
    assert (len(table.rows), table.more, table.left) == (1, 1, ("stable", "what happens"))
    assert (len(happens.rows), happens.more) == (1, 2)
    one = followed()
    one.types, one.bifurcations, one.growth = one.types[:1], [], np.zeros(18)
    assert branches.table(one).rows[0][3] == "nowhere"
    shown = branches.listing(one)
    assert shown.first.startswith("1 branch of fixed points over beta")
    assert len(shown.tables) == 1


def curves():
    """Two curves: one with a stretch of saddles in its middle, one of saddles only."""
    attracting = np.array([1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0], bool)
    return Made(
        x_name="beta", y_name="lr", kinds=["fold", "hopf"], labels=["signal 1", "noise"],
        curve=np.repeat([0, 1], [8, 3]), attracting=attracting,
        x=np.arange(11) / 8, y=2 + np.arange(11) / 4,
        ends=[("cusp", "edge"), ("edge", "edge")],
        special=[
            {"kind": "zero-Hopf", "curve": 0, "x": 0.125, "y": 2.25},
            {"kind": "cusp", "curve": 0, "x": 0.0, "y": 2.0},
            {"kind": "elsewhere", "curve": 0, "x": 0.125, "y": 2.5},
            {"kind": "of another", "curve": 1, "x": 0.125, "y": 2.25},
        ],
    )  # fmt: skip


def test_parts_of_bifurcation_curves_have_a_row_each():
    """A single point is no part."""
    assert bifurcation_curves.table(curves()) == Table(
        ["curve", "of", "beta from", "to", "lr from", "to", "ends", "on it"],
        [
            ["fold", "signal 1", "0", "0.25", "2", "2.5", "cusp to saddles",
             "zero-Hopf at beta = 0.125, lr = 2.25"],
            ["fold", "signal 1", "0.5", "0.625", "3", "3.25", "saddles to saddles", ""],
        ],
        ("of", "ends", "on it"),
    )  # fmt: skip
    whole = curves()
    whole.attracting[:] = True
    found = bifurcation_curves.listing(whole)
    assert [row[6] for row in found.tables[0].rows] == ["cusp to edge", "edge to edge"]
    whole.ends = [("end", "lost"), ("escape", "closed")]
    words = [row[6] for row in bifurcation_curves.table(whole).rows]
    assert words == ["simpler state to rounding errors", "escape to closed"]
    assert found.first == "2 curves over beta and lr that attracting fixed points meet"
    assert found.lines == []
    shown = bifurcation_curves.listing(curves())
    assert shown.first == "1 curve over beta and lr that attracting fixed points meet"
    assert shown.lines == ["1 more is of saddles only: see --json, or the arrays"]
    whole.attracting[:] = False
    assert bifurcation_curves.remark(whole).startswith("2 more are of saddles only")


def cycle(**others):
    eps_g, Q = np.array([1.0, 3.0, 2.0, 2.0]), np.zeros((4, 2, 2))
    Q[:, 0, 0], Q[:, 0, 1], Q[:, 1, 0] = eps_g, 5.0, 5.0
    made = Made(
        eps_g=eps_g, kl=2 * eps_g, m=-eps_g[:, None, None], d=1e-11 * eps_g[:, None, None], Q=Q,
        E=Q, R=Q, D=np.stack([eps_g, eps_g], axis=1) / 8, period=12.5, repeats=1, stable=True,
        params=Params(dim=300), multipliers=[0.5, 0.25 + 0.125j, -0.1], trivial=2.25e-9,
        closing=3.75e-11,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_a_limit_cycle_has_a_row_for_each_order_parameter():
    found = limit_cycle.table(cycle())
    assert found.columns == ["", "mean", "amplitude", "least", "largest"]
    rows = {row[0]: row[1:] for row in found.rows}
    assert list(rows) == [
        "eps_g", "kl", "m_1_1", "d_1_1", "Q_1_1", "Q_1_2", "Q_2_2", "E_1_1", "E_1_2", "E_2_2",
        "R_1_1", "R_1_2", "R_2_1", "R_2_2", "D_1", "D_2",
    ]  # fmt: skip
    assert rows["eps_g"] == rows["Q_1_1"] == ["2", "1", "1", "3"]
    assert rows["kl"] == ["4", "2", "2", "6"]
    assert rows["m_1_1"] == ["-2", "1", "-3", "-1"]
    assert rows["d_1_1"] == rows["Q_2_2"] == ["0", "0", "0", "0"]  # rounding
    assert rows["R_2_1"] == ["5", "0", "5", "5"]
    assert rows["D_2"] == ["0.25", "0.125", "0.125", "0.375"]


def test_a_limit_cycle_in_words():
    assert limit_cycle.listing(cycle())[::2] == (
        "period T = 12.5 (3750 steps at N = 300)",
        [
            "stable: Floquet multipliers 0.5, 0.25+0.125i, -0.1, ...",
            "accuracy: the trivial multiplier is 1 up to 2e-09, the cycle closes up to 4e-11",
        ],
    )
    six = np.array([6, 5, 4, 3, 2, 1]) + 0j
    said = limit_cycle.summary(cycle(repeats=4, stable=False, multipliers=six))
    assert said[1].startswith("after T/4 = 3.125, the period of eps_g and the KL divergence")
    assert said[2] == "unstable: Floquet multipliers 6, 5, 4, 3, 2, ..."
    # a pair of which the angle is rounding is none
    assert limit_cycle.multiplier(2 + 2e-9j) == "2"
    assert limit_cycle.multiplier(2 + 3e-9j) == "2+3e-09i"
    assert limit_cycle.multiplier(-1.5 - 0.25j) == "-1.5-0.25i"


def test_branches_of_limit_cycles_have_a_row_each():
    made = Made(
        name="lr", repeats=[2, 1], branch=np.array([0, 0, 0, 1, 1]),
        varied=np.array([0.5, 0.75, 0.625, 1.5, 1.0]), period=np.array([8.0, 7, 9, 4, 5]),
        amplitude=np.array([0.0, 0.25, 0.125, 0.5, 0.375]),
        stable=np.array([False, True, True, False, False]),
        events=[
            {"branch": 0, "kind": "hopf", "at": 0.5, "point": 0},
            {"branch": 1, "kind": "fold", "at": 0.875, "point": 3},
            {"branch": 0, "kind": "fold", "at": 0.5625, "point": 0},  # before the next point
            {"branch": 0, "kind": "lost", "at": 0.8125, "point": 2},
        ],
        without=[{"at": 0.4375, "why": "it is narrow"}],
    )  # fmt: skip
    shown = limit_cycles.listing(made)
    assert shown.first == "2 branches of limit cycles over lr, 1 of them stable somewhere"
    heading = ["lr from", "to", "stable", "period", "amplitude", "repeats", "what happens"]
    assert shown.tables == [
        Table(
            heading,
            [
                [
                    "0.5",
                    "0.75",
                    "0.5625 to 0.8125",
                    "7 to 9",
                    "0.25",
                    "2",
                    "hopf 0.5, fold 0.5625, lost 0.8125",
                ],
                ["1", "1.5", "nowhere", "4 to 5", "0.5", "1", "fold 0.875"],
            ],
            ("stable", "period", "what happens"),
        )
    ]
    assert shown.lines == ["no cycle is followed from the Hopf point at lr = 0.4375: it is narrow"]
    one = Made(name="lr", repeats=[1], without=[], branch=np.array([0]), stable=np.array([True]),
               varied=np.ones(1), period=np.ones(1), amplitude=np.ones(1), events=[])  # fmt: skip
    assert limit_cycles.listing(one).first.startswith("1 branch of limit cycles over lr, 1 of")


def test_a_phase_diagram_has_the_share_of_each_phase():
    made = Made(
        names=["collapsed", "partly learned", "learned"], x_name="beta", y_name="rho",
        x=np.array([0.5, 1.0, 2.0, 4.0]), y=np.array([0.25, 0.75]),
        phase=np.array([[0, 0, 2, 2], [2, 2, 2, 0]]), stable=np.array([[1, 1, 1, 2], [1, 1, 1, 1]]),
        eps_g=np.arange(8.0).reshape(2, 4),
    )  # fmt: skip
    shown = phase_diagram.listing(made)
    assert shown.tables == [
        Table(
            ["phase", "share of the map", "eps_g from", "to"],
            [["collapsed", "37.5 %", "0", "7"], ["learned", "62.5 %", "2", "6"]],
        )
    ]
    assert shown.first == (
        "mostly learned, 62.5 % of beta from 0.5 to 4 (4 values) and rho from 0.25 to 0.75 "
        "(2 values)"
    )
    several = "several fixed points are stable at 12.5 % of the points: the start decides which "
    assert shown.lines == [f"{several}attracts"]
    made.stable[:] = 1
    assert phase_diagram.listing(made).lines == []


def test_thresholds_of_other_likelihoods():
    made = Made(eigenvalues=np.array([2.5, 1.25]), dim=3, left_out=[], likelihood="nb",
                dispersion=0.75, samples=40, warnings=["few rows"])  # fmt: skip
    shown = collapse_thresholds.listing(made)
    assert shown.first == "all latents collapse above beta = 2.5"
    assert shown.tables == [
        Table(["latent", "grows below beta"], [["1", "2.5"], ["2", "1.25"]], more=0)
    ]
    assert shown.lines[0] == "40 samples in 3 columns; nb likelihood of dispersion 0.75"
    assert shown.lines[1:] == [collapse_thresholds.EXACT, collapse_thresholds.GUESS]
    assert shown.warnings == ["few rows"]
    vars(made).update(left_out=["a"], dim=1, likelihood="factor", dispersion=None)
    lines = collapse_thresholds.summary(made)
    assert lines[0] == "40 samples in 1 column, 1 of them constant and left out; factor likelihood"
    assert lines[-1] == collapse_thresholds.NO_MINIMUM
    weighted = collapse_thresholds.table([2.0] * 27, 1.5)
    assert weighted.columns == ["latent", "grows below beta", "KL weight"]
    assert weighted.rows[24] == ["25", "2", "3"]
    assert weighted.more == 2
    assert len(weighted.rows) == 25


def test_times_of_latents_are_listed_in_steps_and_epochs():
    made = Made(
        kl_per_latent=np.array([[0.0, 0, 0], [0.1, 0.2, 0.3], [0.5, 2.5, 1e-9]]),
        order=np.array([1, 0, 2]),
        active=np.array([True, True, False]), learned=np.array([12.5, 4.0, 1.0]), samples=60,
        params=Params(dim=30, batch=4, t_max=50, beta=0.75, lr=0.0625),
    )  # fmt: skip
    rows = [
        ["1", "2.5", "4", "120", "8"], ["2", "0.5", "12.5", "375", "25"],
        ["3", "1e-09", "-", "-", "-"],
    ]  # fmt: skip
    heading = ["latent", "KL at t = 50", "learned at t", "SGD steps", "epochs"]
    assert curve.listing(made) == Listing(
        "2 of 3 latents are learned, the last at t = 12.5 of 50",
        [Table(heading, rows)],
        [f"{curve.MEANING}; 1 of 3 latents collapsed", "beta = 0.75, learning rate 0.0625"],
    )
    later = Made(
        **{**vars(made), "learned": np.array([17.0, 6.1, 1.0]), "active": made.active.copy()}
    )
    shown, said = curve.both(Made(measured=later, predicted=made))
    assert shown.columns == ["latent learned", "predicted t", "measured t", "SGD steps", "epochs"]
    assert shown.rows == [["1", "4", "6.1", "183", "12.2"], ["2", "12.5", "17", "510", "34"]]
    assert said == [curve.APART]
    for first, apart in ((4.03, True), (4.1, False), (9.1, False), (9.2, True)):
        made.learned[1] = first  # beside 6.1: of those that are learned at first 1.5 times as much
        made.learned[0] = 17.0
        assert curve.both(Made(measured=later, predicted=made))[1] == [curve.APART] * apart
    alone, said = curve.both(Made(measured=later, predicted=None))
    assert alone.columns == ["latent learned", "measured t", "SGD steps", "epochs"]
    assert alone.rows[0] == ["1", "6.1", "183", "12.2"]
    assert said == []
    made.active[0] = False  # they differ in number
    fewer, said = curve.both(Made(measured=later, predicted=made))
    assert fewer.rows[1] == ["2", "-", "17", "510", "34"]
    assert said == [curve.APART]
    made.learned[1], later.learned[0] = 8.0, 9.0  # 6.1 and 9 are both near it
    assert curve.both(Made(measured=later, predicted=made))[1] == [curve.APART]
    later.active[:] = True
    assert curve.said(later) == curve.MEANING
    made.active[:] = later.active[:] = False
    assert curve.both(Made(measured=later, predicted=None)) == (None, [])
    assert curve.both(Made(measured=later, predicted=made)) == (None, [])
    assert curve.listing(made).first == "all latents have collapsed at t = 50"


def swept(**others):
    outcomes = [
        Made(final={"eps_g": {"mean": 0.5, "std": 0.125}, "kl": {"mean": 2.0}}, error=None),
        Made(final=None, error="it diverges"),
        Made(final={"lost": "it creeps", "eps_g": {"mean": 0.75, "std": None}}, error=None),
    ]
    made = Made(
        command="simulate", varied=["beta"], failed=1, outcomes=outcomes,
        points=[Made(values={"beta": beta}) for beta in (0.5, 1.0, 1.5)],
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_a_sweep_has_a_row_for_each_point(monkeypatch):
    assert sweep.table(swept()) == Table(
        ["beta", "eps_g", "std", "kl", "std", "active", "std", ""],
        [
            ["0.5", "0.5", "0.125", "2", "-", "-", "-", ""],
            ["1", "-", "-", "-", "-", "-", "-", "failed"],
            ["1.5", "0.75", "-", "-", "-", "-", "-", "not known"],
        ],
        ("fixed point", ""),
    )
    one = swept(command="convergence", points=swept().points[:1], outcomes=swept().outcomes[:1])
    one.outcomes[0].final["t_converge"] = 12.5
    assert sweep.table(one) == Table(
        ["beta", "converges at", "eps_g"], [["0.5", "12.5", "0.5"]], ("fixed point", "")
    )
    one.command, one.varied = "fixedpoints", ["lr"]
    one.outcomes = [Made(final={"type": "signal 1", "max_eigenvalue": -0.25}, error=None)]
    columns = ["lr", "eps_g", "kl", "active", "max eigenvalue", "time", "fixed point"]
    rows = [["0.5", "-", "-", "-", "-0.25", "-", "signal 1"]]
    assert sweep.table(one) == Table(columns, rows, ("fixed point", ""))
    one.outcomes = [Made(final=None, error=None)]
    assert sweep.table(one).rows == [["0.5", *"------"]]
    one.command, one.varied = "convergence", ["beta"]
    shown = sweep.listing(swept())
    assert shown.first == "simulate at 3 points of beta, 1 without a result"
    assert [text.partition(" at ")[0] for text in shown.warnings] == ["no result", "not known"]
    assert [text.partition(": ")[2] for text in shown.warnings] == ["it diverges", "it creeps"]
    assert [lost for lost, _ in sweep.reasons(swept())] == [True, False]
    assert sweep.MOST_ROWS == 100
    monkeypatch.setattr(sweep, "MOST_ROWS", 2)
    (table,) = sweep.listing(swept(failed=0)).tables
    assert (len(table.rows), table.more) == (2, 1)
    assert sweep.listing(one).first == "convergence at 1 point of beta, 1 without a result"


def trained(**others):
    made = Made(
        signals=np.array([1, 0, -1]), eigenvalues=np.array([4.0, 3.0, 1.5]),
        overlaps=np.array([0.75, 0.5, 0.0]), Q=np.diag([2.0, 1.0, 0.0]),
        kl_on_rows=np.array([0.5, 0.25, 0.0]), kl=np.float64(1.25), eps_g=0.625, phase="learned",
        params=Params(latent=3, signal=2, rho=(1, 2), alpha=4, dim=50),
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_what_rows_lead_to_has_a_row_for_each_latent():
    fresh = trained(eigenvalues=np.array([3.5, 2.5, 1.0]), phase="noise-fitting", eps_g=0.375)
    found = trained_on_rows.table(trained(), fresh)
    heading = ["latent on", "variance", "overlap^2", "Q", "KL", "fresh: variance", "Q", "KL"]
    assert found == Table(
        heading,
        [
            ["signal 2", "4", "0.75", "2", "0.5", "3.5", "2", "0.5"],
            ["signal 1", "3", "0.5", "1", "0.25", "2.5", "1", "0.25"],
            ["nothing: collapsed", "1.5", "0", "0", "0", "1", "0", "0"],
        ],
    )
    noisy = trained_on_rows.table(trained(Q=np.diag([2.0, 1.0, 0.5])))
    assert noisy.columns == heading[:5]
    assert noisy.rows[2] == ["noise", "1.5", "0", "0.5", "0"]
    assert trained_on_rows.summary(trained(), fresh) == {
        "phase": ["learned", "noise-fitting"],
        "eps_g on fresh data": ["0.625", "0.375"],
        "KL on the data of training": ["0.75", "0.75"],
        "KL on fresh data": ["1.25", "1.25"],
        "active units": ["2", "2"],
    }


def test_what_is_lost_in_few_rows_is_said():
    lost = "lost in the noise of so few rows: no beta learns more of it"
    assert trained_on_rows.remarks(trained()) == []
    assert trained_on_rows.remarks(trained(overlaps=np.array([0.5, 0, 0]))) == [
        f"1 signal is {lost}"
    ]
    assert trained_on_rows.remarks(trained(overlaps=np.zeros(3))) == [f"2 signals are {lost}"]
    equal = trained(params=Params(latent=3, signal=2, rho=2, alpha=4, dim=50))
    assert trained_on_rows.remarks(equal) == [
        "the rows mix signals of equal strength by a rotation: eps_g is up to that"
    ]
    shown = trained_on_rows.listing(equal)
    assert shown.first == "learned: eps_g = 0.625 on fresh data"
    assert shown.lines[0] == f"trained on 200 rows of 50 entries; {trained_on_rows.LIMIT}"
    assert shown.tables[1].columns == ["", "rows"]
    assert shown.tables[1].rows[1] == ["eps_g on fresh data", "0.625"]
    fresh = trained(params=Params(latent=3, signal=2, rho=(1, 2), dim=50))
    assert trained_on_rows.listing(fresh).lines[0].startswith("trained on fresh rows of 50 entries")


def test_numbers_have_as_many_digits_as_their_error():
    assert number(1.23456789) == "1.23457"
    assert number(np.inf) == "-"
    for value, error, text in (
        (1.23456, 0.0123, "1.235 +- 0.012"), (123.4, 12.3, "123 +- 12"),
        (1234.0, 123.0, "1230 +- 120"), (1.5, 0.0, "1.5 +- 0"), (1.5, np.inf, "1.5 +- inf"),
        (2e7, 1.0, "2e+07 +- 1"), (9999999.0, 1.0, "9999999.0 +- 1.0"), (1.5, 1e-6, "1.5 +- 1e-06"),
        (1.5, 1e-5, "1.500000 +- 0.000010"), (1.5, np.nan, "1.5 +- nan"),
    ):  # fmt: skip
        assert with_error(value, error) == text
    assert (counted(1, "row"), counted(0, "row"), counted(2, "row")) == (
        "1 row",
        "0 rows",
        "2 rows",
    )


def test_large_matrices_are_left_out_of_rows_and_named():
    made = cycle(params=Params(latent=2, signal=3))
    size = {"m": (2, 3), "d": (2, 3), "D": (2,), "Q": (2, 2), "E": (2, 2), "R": (2, 2)}
    for n, name in enumerate((*fixed_points.OBSERVABLES, *fixed_points.NAMES)):
        setattr(made, name, np.full((4, *size.get(name, ())), n / 4))
    rows = {row[0]: row[1:] for row in state_rows(made, lambda x: [x[0], x[1] + 1], "there")}
    assert rows["m, d"] == ["there", "there"]
    assert {"Q[0,0]", "Q[1,0]", "D[0]", "D[1]"} <= set(rows)
    assert "eps_g" in rows  # of one number, which has no place
    assert "" not in rows
    alone = cycle(params=Params(latent=1, signal=1))
    names = (*fixed_points.OBSERVABLES, *fixed_points.NAMES)
    for name in names:
        setattr(alone, name, np.full((4, *(1,) * len(size.get(name, ()))), 0.5))
    one = [row[0] for row in state_rows(alone, lambda x: [x[0]])]
    assert set(one) < set(names)  # some are the same for one latent
    assert {"eps_g", "kl", "m", "D"} <= set(one)
    assert rows["Q[1,0]"] == [f"{made.Q[0, 0, 0]:g}", f"{made.Q[0, 0, 0] + 1:g}"]


# ---- trainings, schedules, trajectories, rows held out, reports


def training_of(**others):
    made = Made(
        predicted=np.array([2.5, 0.5, 0.0]), measured=np.array([2.25, 0.75, 0.005]), active=(2, 2),
        params=Params(dim=30, t_max=40, beta=0.75, lr=0.0625), warnings=["few rows"], slowed=None,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_trainings_are_listed_beside_the_prediction():
    shown = training.listing(training_of())
    assert shown.first == "2 of 3 latents are active, 2 predicted"
    assert shown.tables == [
        Table(
            ["KL of latent", "predicted", "at t = 40"],
            [["1", "2.5", "2.25"], ["2", "0.5", "0.75"], ["3", "0", "0.005"],
             ["active units", "2", "2"]],
        )
    ]  # fmt: skip
    when = "a latent is active where its KL is above 0, measured: above 0.01 nats"
    assert shown.lines == [when, "KL weight beta = 0.75, learning rate 0.0625"]
    assert shown.warnings == ["few rows"]
    slow = training.listing(training_of(slowed="it was slow", active=(1, 3)))
    assert slow.first == "3 of 3 latents are active, 1 predicted"
    assert slow.lines[0] == "it was slow"


def test_trainings_at_many_beta_are_listed_with_what_missed():
    made = Made(
        beta=np.array([0.5, 1.5]), predicted=np.array([[2.5, 0.5], [1.0, 0.0]]),
        measured=np.array([[2.25, 0.75], [0.9, 0.005]]), missed=["at beta = 1.5"],
        lines=np.array([[3.0, 2], [1, 0], [0, 0], [0, 0]]), fine=np.array([0.5, 1, 1.75, 2]),
        look=Made(analysis=Made(warnings=["few rows"])),
    )  # fmt: skip
    assert training.of_betas(made) == Table(
        ["KL weight beta", "KL predicted", "measured", "active units predicted", "measured"],
        [["0.5", "3", "3", "2", "2"], ["1.5", "1", "0.905", "1", "1"]],
    )
    shown = training._of_collapse(made)
    assert shown.first == (
        "2 VAEs were trained, at beta from 0.5 to 1.5; predicted: all latents collapse at beta = "
        "1.75; 1 missed the prediction"
    )
    assert shown.warnings == ["few rows", "at beta = 1.5"]
    made.lines[:, 0], made.missed = 1, []
    assert training._of_collapse(made).first == "2 VAEs were trained, at beta from 0.5 to 1.5"


def tuned(**others):
    made = Made(
        constant=90.0, spec="tanh:0.25", family="tanh", time=45.0, off=50.0, gain=2.0, tol=0.02,
        criterion="eps_g", params=Params(beta=0.75, dim=300),
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_schedules_are_listed_beside_a_constant_one():
    rows = [["constant", "90", "1"], ["tanh:0.25", "45", "2"],
            ["the same, off by a tenth", "50", "1.8"]]  # fmt: skip
    assert tuning.table(tuned()) == Table(["beta(t)", "converged at t", "gain"], rows)
    for length, name in ((39, "x" * 39), (40, "tanh")):
        assert tuning.table(tuned(spec="x" * length)).rows[1][0] == name
    assert tuning.said(tuned()) == []
    assert tuning.said(tuned(criterion="elbo")) == [
        "converged: the loss, distortion + beta KL at the final beta, stays within 0.02 of its "
        "final value"
    ]
    shown = tuning.listing(tuned())
    assert shown.lines == ["beta = 0.75, anneal = 'tanh:0.25'"]
    assert shown.first == "annealing helps"


def test_annealing_helps_where_it_gains_a_twentieth_and_is_not_lost_by_a_tenth():
    assert tuning.verdict(tuned(gain=1.049)) == (
        "annealing does not help here: no tanh schedule gains 5%"
    )
    assert tuning.verdict(tuned(gain=1.05, off=80.0)) == "annealing helps"
    lost = "annealing helps, but more than half of the gain is lost if the pace is off by a tenth"
    assert tuning.verdict(tuned(off=60.0)) == "annealing helps"  # 1.5 times, of 2
    assert tuning.verdict(tuned(off=60.1)) == lost
    assert tuning.verdict(tuned(off=np.nan)) == lost
    for gain, error, helps in ((1.0, 0.025, True), (1.0, 0.024, False), (1.2, 0.0, True)):
        measured = Made(gain=gain, error=error)
        assert tuning.helps(tuned(), measured) == helps
        none = "annealing does not help at N = 300: the runs do not gain"
        assert (tuning.verdict(tuned(), measured) == none) == (not helps)
    assert not tuning.helps(tuned(gain=1.049), Made(gain=2.0, error=0.0))


def warmed(**others):
    made = Made(
        constant=90.0, spec="linear:20", family="linear", time=45.0, off=np.nan, gain=2.0, tol=0.02,
        torch=np.array([80.0, 50.0]), steps=lambda t: 30 * t, epochs=lambda t: t / 8,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_warm_ups_are_listed_in_steps_and_epochs():
    assert tuning.warm_up_table(warmed()) == Table(
        ["beta(t)", "converged at t", "SGD steps", "epochs", "gain"],
        [
            ["constant", "90", "2700", "11.2", "1"],
            ["linear:20", "45", "1350", "5.62", "2"],
            ["the same, off by a tenth", "-", "-", "-", "-"],
        ],
    )
    assert len(tuning.warm_up_table(warmed(spec="constant")).rows) == 2
    assert tuning.converged(warmed()) == (
        "converged: the loss, distortion + beta KL on the rows, stays within 2 % of its final value"
    )
    helps = "a warm-up helps, from standard normal weights: 2 times sooner"
    torch = "; from PyTorch's default start "
    assert tuning.warm_up_verdict(warmed()) == f"{helps}{torch}1.6 times"
    for other, end in ((80 / 1.049, f"{torch}it does not"), (80 / 1.051, f"{torch}1.05 times")):
        assert tuning.warm_up_verdict(warmed(torch=np.array([80.0, other]))) == helps + end
    assert tuning.warm_up_verdict(warmed(torch=np.array([np.nan, np.nan]))) == helps
    assert tuning.warm_up_verdict(warmed(gain=1.04)) == (
        "a warm-up does not help here: no linear one gains 5%"
    )


def test_runs_are_listed_by_mean_and_spread():
    values = np.array([[[1.0], [2.0]], [[3.0], [5.0]]])
    mean, std = trajectory.mean_and_std(values)
    assert (mean.tolist(), std.tolist()) == ([3.5], [pytest.approx(np.sqrt(4.5))])
    assert np.isnan(trajectory.mean_and_std(values[:1])[1]).all()
    made = cycle(t=np.array([0, 1, 2, 3.5]), params=Params(latent=2, signal=1))
    for name, size in {"m": (2, 1), "d": (2, 1), "D": (2,), "Q": (2, 2), "E": (2, 2),
                       "R": (2, 2)}.items():  # fmt: skip
        setattr(made, name, np.full((4, *size), 0.5))
    for name in fixed_points.OBSERVABLES:
        setattr(made, name, np.arange(4.0))
    shown = trajectory.listing(made)
    end = "the generalisation error ends at eps_g = 3, the KL at 3 nats"
    assert shown.first == end
    assert shown.tables[0].columns == ["t = 3.5", "theory"]
    for name in (*fixed_points.OBSERVABLES, *fixed_points.NAMES):
        setattr(made, name, np.stack([getattr(made, name), getattr(made, name) + 1]))
    shown = trajectory.listing(made)
    assert shown.first == "the generalisation error ends at eps_g = 3.5, the KL at 3.5 nats, on " \
        "average over 2 runs"  # fmt: skip
    assert shown.tables[0].columns == ["t = 3.5", "mean of 2", "std"]


def reported(**others):
    made = Made(
        kl_per_latent=np.array([2.5, 0.5]), predicted=np.array([2.0, 0.25]), kl=3.0,
        mean_variance=np.array([0.75, 0.125]), posterior_variance=np.array([0.5, 0.875]),
        order=np.array([1, 0]), in_force=None, predicted_kl=2.25, active_kl=2, active_variance=1,
        predicted_active=2, beta=0.75, verdict="healthy", advice="go on", notes=["few rows"],
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_reports_have_a_row_for_each_latent_and_one_for_all(monkeypatch):
    heading = ["latent", "KL (nats)", "predicted", "variance of mu", "posterior variance"]
    rows = [["2", "2.5", "2", "0.75", "0.5"], ["1", "0.5", "0.25", "0.125", "0.875"]]
    shown = report.listing(reported())
    assert shown.tables == [Table(heading, [*rows, ["all", "3", "2.25", "", ""]], more=0)]
    assert shown.first == "healthy: go on"
    units = (
        "active units: 2 with KL above 0.01 nats, 1 with a variance of mu above 0.01; 2 predicted"
    )
    assert shown.lines == [units, "note: few rows"]
    force = Made(per_latent=np.array([0.625, 0.5]), beta=0.5, spread=0.0312)
    forced = reported(in_force=force, predicted=None, predicted_kl=None)
    table = report.table(forced)
    assert table.columns == [*heading, "beta in force"]
    assert table.rows[0] == ["2", "2.5", "-", "0.75", "0.5", "0.625"]
    assert table.rows[-1] == ["all", "3", "-", "", "", ""]
    line = "beta in force: 0.5, spread 3.1 % among active units; yours is 0.75"
    assert report.summary(forced) == [f"{units} (a first guess)", line]
    force.spread = np.nan
    assert report.summary(forced)[1] == "beta in force: 0.5; yours is 0.75"
    force.beta = np.nan
    assert len(report.summary(forced)) == 1
    assert report.MOST_ROWS == 25
    monkeypatch.setattr(report, "MOST_ROWS", 1)
    assert report.table(reported()).more == 1
    assert len(report.table(reported()).rows) == 2


def scored(beta, **others):
    made = Made(
        beta=beta, active=2.0, explained=0.625, explained_error=0.0125, squared_error=1.25,
        squared_error_error=0.125, log_likelihood=-20.0, log_likelihood_error=0.5,
    )  # fmt: skip
    vars(made).update(others)
    return made


def held(**others):
    made = Made(
        folds=Made(variances=np.array([[4.0, 1.0, 0.0]]), total=np.array([5.0]), rows=[0, 0, 0]),
        dim=3, samples=40, best=scored(0.75), simplest=scored(1.5), score=scored, doubts=[],
        unbounded=False,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_rows_held_out_are_listed_at_round_weights_and_those_that_matter():
    """From a third of the best, where no variance is smaller, to the largest variance."""
    listed = heldout.listed(held(), beta=1.25)
    marks = {each.beta: mark for each, mark in listed if mark}
    assert marks == {0.75: "best", 1.25: "yours", 1.5: "simplest"}
    betas = [each.beta for each, _ in listed]
    assert betas == sorted(set(betas))
    assert min(betas) <= 0.25 * 1.0001
    assert max(betas) >= 4.0 / 2.5
    twice = heldout.listed(held(), 2.0)
    assert "yours" not in [mark for _, mark in twice]
    assert {round(2 * each.beta, 12) for each, mark in twice if not mark} >= {1.0, 2.0, 5.0}
    same = heldout.listed(held(simplest=scored(0.75)))
    assert [mark for each, mark in same if each.beta == 0.75] == ["best"]
    table = heldout.table([(scored(0.75), "best")], factor=2.0)
    assert table == Table(
        ["KL weight beta", "active units", "explained variance", "squared error",
         "log likelihood", ""],
        [["1.5", "2", "62.5 +- 1.2 %", "1.25 +- 0.12", "-20.00 +- 0.50", "best"]], [""],
    )  # fmt: skip
    assert heldout.table([], Made()).columns[0] == "KL weight"


@pytest.mark.parametrize(
    ("variances", "best", "low"),
    [
        ([[4.0, 1.0, 0.0]], 0.75, 0.25), ([[4.0, 1.0, 0.0]], 9.0, 1.0),
        ([[4.0, 1.0], [0.001, 0.0]], 9.0, 0.001 * 5 / 3), ([[4.0, 0.002]], 9.0, 0.002),
    ],
)  # fmt: skip
def test_where_the_table_of_rows_held_out_begins(monkeypatch, variances, best, low):
    """At the smallest variance, or a thousandth of their mean, in your KL weights."""
    asked = []
    monkeypatch.setattr(heldout, "steps", lambda *ends: asked.append(ends) or [1.0, 3.0])
    made = held(best=scored(best))
    made.folds.variances = np.array(variances)
    listed = heldout.listed(made, 2.0)
    assert asked == [(pytest.approx(2 * low), 8.0)]
    heldout.listed(made)  # in those of the model
    assert asked[1] == (pytest.approx(low), 4.0)
    marks = [(each.beta, mark) for each, mark in listed]
    assert marks == sorted([(0.5, ""), (1.5, "simplest"), (best, "best")])


def test_which_weight_is_best_in_words():
    assert heldout.answer(held()) == [
        "best: KL weight beta = 0.75, 2 active units",
        "simplest within one standard error: KL weight beta = 1.5, 2 active units",
    ]
    assert heldout.answer(held(), Made(), 2.0)[0] == (
        "best: KL weight 1.5 (beta = 0.75), 2 active units"
    )
    assert heldout.size(held()) == (
        "40 samples in 3 dimensions, 3 folds: likelihoods are in nats per row held out"
    )
    assert heldout.answer(held(unbounded=True)) == [heldout.EDGE]
    assert heldout.answer(held(doubts=["rows repeat", "more"], unbounded=True)) == [
        "no KL weight is recommended, as rows repeat"
    ]
    shown = heldout.listing(held(doubts=["rows repeat"]))
    assert shown.lines == [heldout.size(held())]
    assert shown.warnings == ["rows repeat"]
