"""`vaedyn fixedpoints --cycle`, and its picture."""

import dataclasses

import numpy as np
import pytest

from vaedyn.cli import cycles as printed
from vaedyn.cli.again import command_of
from vaedyn.figures.branches import branches as draw
from vaedyn.fixedpoints import limit_cycles as module
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.follow_cycle import Followed
from vaedyn.fixedpoints.limit_cycle import attracting
from vaedyn.listings import limit_cycles as listed
from vaedyn.model.params import Params
from vaedyn.model.records import Source
from vaedyn.store import ResultStore

MODEL = "--latent 2 --signal 2 --rho 3,1 --beta 1.19"


def test_a_cycle_is_printed_and_kept(run, tmp_path):
    data = run(f"fixedpoints {MODEL} --lr 1.07 --cycle --json").json
    assert data["period"] == pytest.approx(16.40325, abs=1e-4)
    assert data["repeats"] == 4
    assert data["stable"]
    assert data["period_in_steps"] == pytest.approx(200 * data["period"])
    assert len(data["multipliers"]) == 19
    assert data["amplitude"]["eps_g"] == pytest.approx(0.5 * np.ptp(data["eps_g"]))
    again = run(f"fixedpoints {MODEL} --lr 1.07 --cycle")
    assert "reused cycle" in again.err
    assert "period T = 16.403" in again.out
    assert "stable: Floquet multipliers -0.01399-0.008283i" in again.out


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--lr 0.1 --cycle", "the ODE ends at a fixed point at learning rate 0.1"),
        ("--cycle --along", "expected --cycle without --along"),
        ("--cycle --vary lr=0.1:1 --vary beta=0.1:1", "with one --vary at most"),
        ("--cycle --alpha 2", "--alpha: is not derived for limit cycle"),
        ("--cycle --optimiser adam", "not derived for limit cycle"),
        ("--cycle --vary lr=2:1", "--vary"),
        ("--cycle --vary batch=1:3", "--vary: batch varies in maps only"),
    ],
)
def test_what_is_no_cycle_is_refused(run, options, text):
    outcome = run(f"fixedpoints {MODEL} {options}")
    assert outcome.code != 0
    assert text in outcome.err


@pytest.fixture(scope="module")
def found():
    """Return two branches of one and two points as they come out of the continuation."""
    params = Params(latent=2, signal=2, rho=(3, 1), beta=1.19)
    one = attracting(params.replace(lr=1.07))
    two = one._replace(x=1.1, multipliers=2 / np.nanmax(np.abs(one.multipliers)) * one.multipliers)
    events = [("hopf", 1.05, 0), ("lost", 1.1, 1)]
    return module._joined(params, "lr", [Followed([one], []), Followed([one, two], events)])


def test_branches_of_cycles_are_listed(found, capsys):
    columns, rows, _, _ = listed.table(found)
    assert columns[:3] == ["lr from", "to", "stable"]
    assert rows[0][:3] == ["1.07", "1.07", "1.07 to 1.07"]
    assert rows[1][:3] == ["1.07", "1.1", "1.05 to 1.07"]
    assert rows[1][-1] == "hopf 1.05, lost 1.1"
    assert found.stable.tolist() == [True, True, False]
    assert found.eps_g_max - found.eps_g_min == pytest.approx([2 * 0.30974] * 3, abs=1e-4)
    branch = printed._branch(found, 1)
    assert branch["lr"] == [1.07, 1.1]
    assert [event["kind"] for event in branch["events"]] == ["hopf", "lost"]
    assert len(branch["multipliers"][1]) == 19
    assert "2 branches of limit cycles over lr, 2 of them stable somewhere" in (
        listed.listing(found).first
    )


def test_each_interval_of_stability_is_listed_from_event_to_event(found):
    """A branch from a Hopf point, stable up to a doubling, and from a fold to the edge again."""
    params = found.params
    stable = attracting(params.replace(lr=1.07))
    size = np.nanmax(np.abs(stable.multipliers))
    unstable = stable._replace(multipliers=2 / size * stable.multipliers)
    places = [(1.05, stable), (1.06, stable), (1.08, unstable), (1.1, unstable), (1.09, stable),
              (0.9, stable)]  # fmt: skip
    cycles = [cycle._replace(x=x) for x, cycle in places]
    events = [("hopf", 1.04, 0), ("period doubling", 1.07, 1), ("fold", 1.11, 3), ("edge", 0.9, 5)]
    result = module._joined(params, "lr", [Followed(cycles, events)])
    assert listed.table(result)[1][0][2] == "1.04 to 1.07, 0.9 to 1.11"


def test_cycles_are_drawn_open_where_unstable(found):
    along = branches(found.params, "lr", 0.9, 1.2, groups=0)
    figure = draw(along, cycles=found)
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert named[-2:] == ["limit cycle (least, largest)", "unstable limit cycle"]
    marks = [line for line in figure.axes[0].lines if line.get_markersize() == 2]
    drawn = {(line.get_markerfacecolor(), len(line.get_xdata())) for line in marks}
    assert drawn == {("black", 1), ("white", 0), ("white", 1)}
    stable = branches(found.params.replace(beta=5), "lr", 0.1, 0.3, groups=0)
    low, high = draw(stable, cycles=found, bands=True).axes[0].get_ylim()  # bands cut nothing off
    assert low < found.eps_g_min.min() < found.eps_g_max.max() < high
    assert "limit cycle" not in str([t.get_text() for t in draw(along).legends[0].get_texts()])


def test_the_command_of_a_record_makes_it_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TRIED", ())
    store = ResultStore(tmp_path)
    kept = module.limit_cycles(Params(), "lr", 0.1, 0.2, groups=0, store=store)
    (record,) = [each for each in store.records() if each.key == kept.source.key]
    words = command_of(record)
    assert words.startswith("vaedyn fixedpoints --cycle ")
    assert words.endswith("--vary lr=0.1:0.2")


def test_hopf_points_without_a_cycle_are_printed(run, monkeypatch):
    params = Params(latent=2, signal=2, rho=(3, 1), beta=1.19)
    lacking = [{"at": 1.0625, "frequency": 0.4, "why": "the first cycle is not found"}]
    result = module._joined(params, "lr", [], lacking)
    result = dataclasses.replace(result, source=Source(key="k", reused=False, path="p", params={}))
    monkeypatch.setattr(printed, "limit_cycles", lambda *_, **__: result)
    outcome = run(f"fixedpoints {MODEL} --cycle --vary lr=0.9:1.2 --json")
    assert outcome.json["without_cycle"] == lacking
    text = "no cycle is followed from the Hopf point at lr = 1.0625: the first cycle is not found"
    assert text in outcome.err
