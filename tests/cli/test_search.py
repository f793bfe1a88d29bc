"""`vaedyn fixedpoints --search`: what is printed, kept, and refused."""

import pytest

from vaedyn.cli.again import command_of
from vaedyn.store import ResultStore

MODEL = "--dim 50 --latent 3 --rho 1.6 --beta 0.7 --lr 0.04 --t-max 20 --points 3"


def test_a_search_is_printed_and_kept(run, tmp_path):
    data = run(f"fixedpoints {MODEL} --search 200 --json").json
    points, went = data["fixed_points"], data["search"]
    assert went["starts"] == 200
    assert went["listed"] + went["added"] == len(points)
    assert sum(point["found"] for point in points) == went["converged"] - went["unphysical"]
    new = [point for point in points if point["new"]]
    assert {"three on signal 1", "three on noise"} <= {point["type"] for point in new}
    assert {"multiplicity", "eps_g", "stable", "residual", "eigenvalues"} <= set(new[0])
    again = run(f"fixedpoints {MODEL} --search 200")
    assert "reused fixedpoints" in again.err
    assert f"of 200 starts of the search {went['converged']} converged" in again.out
    assert f"and {went['added']} more, marked new" in again.out
    assert "a search is no proof that there are no others" in again.out
    row = next(line for line in again.out.splitlines() if line.startswith("three on signal 1  "))
    assert row.split()[-1] == "new"
    plain = run(f"fixedpoints {MODEL} --json").json
    assert "search" not in plain
    assert "found" not in plain["fixed_points"][0]
    assert len(plain["fixed_points"]) == went["listed"]
    store = ResultStore(tmp_path / "vaedyn-store")
    commands = [command_of(record) for record in store.records() if record.kind == "fixedpoints"]
    assert sum("--search 200 --search-seed 0" in (each or "") for each in commands) == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--search 0", "--search"),
        ("--search -1", "--search"),
        ("--search nan", "--search"),
        ("--search 1e9", "--search: must be at most 1000000"),
        ("--search 1.5", "'1.5' is not a whole number"),
        ("--search 9 --search-seed -1", "--search-seed: must be at least 0"),
        ("--search-seed 4", "--search-seed goes with --search"),
        ("--search 9 --cycle", "expected --search without --vary"),
        ("--search 9 --vary beta=1:2", "expected --search without --vary"),
        ("--search 9 --alpha 2", "expected --search without --vary"),
        ("--search 9 --optimiser adam", "--search: is not derived for adam"),
        ("--search 9 --beta 0", "--beta"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_line(run, options, text):
    outcome = run(f"fixedpoints {options}")
    assert outcome.code == 2
    assert text in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    ["--cycle", "--alpha 2", "--vary beta=1:2 --vary lr=0.1:1"],
)
def test_groups_are_refused_where_they_have_no_part(run, options):
    for more in ("", " --follow loss") if "--vary" in options else ("",):
        outcome = run(f"fixedpoints {options}{more} --groups 1")
        assert outcome.code == 2
        assert "--groups goes with lists of fixed points" in outcome.err
