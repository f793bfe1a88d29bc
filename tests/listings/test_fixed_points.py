"""Every cell, line and first sentence of listings of fixed points."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn.listings import fixed_points
from vaedyn.listings.listing import Table

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
