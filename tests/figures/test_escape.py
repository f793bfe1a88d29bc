"""`vaedyn plot escape`: when runs leave the initial plateau, against N."""

import pytest

import vaedyn
from vaedyn.learning.escape import escape_times
from vaedyn.store import ResultStore


def test_escapes_are_those_of_the_runs_and_of_theory(run, tmp_path):
    words = "plot escape -o e.pdf --lr 0.5 --runs 100 --seed 3 --vary dim=800,200"
    done = run(words, "--json")
    assert (tmp_path / "e.pdf").stat().st_size > 5000
    points = done.json["points"]
    assert [point["dim"] for point in points] == [200, 800]
    for point in points:
        told = vaedyn.escape(vaedyn.Params(dim=point["dim"], lr=0.5))
        assert point["rate"] == pytest.approx(told.rate)
        assert point["theory"] == {"mean": pytest.approx(told.mean), "std": pytest.approx(told.std)}
        t_max = float(f"{told.mean + 8 * told.std:.3g}")
        at = vaedyn.Params(dim=point["dim"], lr=0.5, t_max=t_max, points=2001)
        kept = ResultStore("vaedyn-store")
        runs = vaedyn.simulate(at, runs=100, seed=3, random_start=True, store=kept)
        times = escape_times(runs, told.overlap)
        found = point["simulation"]
        assert found == {"mean": times.mean(), "std": times.std(ddof=1), "runs": 100}
        # four standard errors are 12 % of the mean; theory itself is to leading order in 1/N
        assert abs(found["mean"] - told.mean) < 4 * told.std / 10
        # of a spread known to 4/sqrt(200)
        assert found["std"] == pytest.approx(told.std, rel=0.29)
    assert "computed" not in run(words).err


def test_two_runs_have_a_spread(run):
    done = run("plot escape -o e.svg --lr 0.5 --runs 2 --vary dim=50,100", "--json")
    assert done.code == 0
