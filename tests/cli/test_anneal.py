"""What commands say about schedules: warnings, times to converge, the best schedule."""

import inspect

import pytest

import vaedyn
from vaedyn.annealing import best_schedule
from vaedyn.annealing.confirm import Confirmation
from vaedyn.annealing.time_to_converge import end_of_learning, measured
from vaedyn.cli.anneal import command as anneal
from vaedyn.store import ResultStore

START = "--init m=0.03,d=0.03,Q=1,E=1,R=0,D=1"
QUICK = "--dim 500 --lr 0.1 --points 101"


def test_defaults_are_those_of_python():
    mine = {option.name: option.default for option in anneal.params}
    for name, argument in inspect.signature(vaedyn.best_schedule).parameters.items():
        if name in ("family", "knots", "tol", "criterion", "rtol", "atol"):
            assert mine[name] == argument.default, name


def test_theory_tells_when_it_converges(run):
    done = run("theory --t-max 1700 --json", START)
    assert done.json["t_converge"] == pytest.approx(1570.765, abs=0.01)
    assert done.json["converges_at"] == done.json["t_converge"]
    assert done.json["warnings"] == []
    text = run("theory --t-max 1700", START).out
    assert "eps_g stays within 0.001 of its final value, 0.00417097, from t = 1570.77 on\n" in text
    looser = run("theory --t-max 1700 --tol 0.1 --json", START).json
    assert looser["t_converge"] < 1200
    assert looser["reused"]


def test_a_run_that_is_too_short_says_how_long_it_takes(run):
    data = run("theory --t-max 300 --json", START).json
    assert data["t_converge"] is None
    assert data["converges_at"] == pytest.approx(1570.765, abs=0.01)
    assert "only from t = 1570.77 on: raise --t-max" in run("theory --t-max 300", START).out
    simulated = run("simulate --t-max 300", START)
    assert "theory gets there at t = 1570.77: raise --t-max" in simulated.out


def test_simulate_measures_when_it_converges(run):
    words = ("--t-max 400 --runs 10 --tol 0.05", QUICK, START)
    data = run("simulate --json", *words).json
    time = data["t_converge"]
    assert data["converges_at"] == pytest.approx(time["mean"], abs=5 * time["std"] + 5)
    assert 0 < time["std"] < 20
    text = run("simulate", *words).out
    assert "mean eps_g stays within 0.05 of" in text
    assert "+-" in text
    noisy = run("simulate --tol 1e-6 --dim 50 --lr 0.1 --points 101 --t-max 900", START)
    assert "raise --dim" in noisy.out
    alone = run("simulate --json --runs 1 --tol 0.05 --t-max 400", QUICK, START).json
    assert alone["t_converge"]["std"] is None


def test_it_is_said_when_it_is_not_known(run):
    done = run("theory --beta 0 --t-max 100")
    assert "when eps_g converges is not known: at beta = 0 learning has no end" in done.out
    done = run("simulate --beta 0 --t-max 100 --json")
    assert (done.json["t_converge"], done.json["converges_at"]) == (None, None)


def test_warnings_stand_on_stderr_and_in_json(run):
    words = "--beta 2.5 --anneal linear:3000 --dim 50 --t-max 20 --points 5"
    for command in ("theory", "simulate"):
        done = run(command, words, "--json -q")
        assert len(done.json["warnings"]) == 2
        assert done.err.splitlines() == [f"warning: {text}" for text in done.json["warnings"]]
        assert "warm-up is longer than the run" in done.err
        assert "all latents collapse" in done.err


def test_anneal_prints_a_schedule_that_can_be_pasted(run):
    done = run("anneal --beta 1.5", START)
    assert done.code == 0
    line = next(line for line in done.out.splitlines() if line.startswith("--beta"))
    pasted = run("theory --t-max 3000 --json", START, line).json
    data = run("anneal --beta 1.5 --json", START).json
    assert data["reused"]
    assert line == f"--beta 1.5 --anneal {data['best']['anneal']}"
    assert pasted["t_converge"] == pytest.approx(data["best"]["t_converge"], rel=1e-6)
    plain = run("theory --beta 1.5 --t-max 4000 --json", START).json
    assert plain["t_converge"] == pytest.approx(data["constant"]["t_converge"], rel=1e-6)
    assert data["best"]["gain"] > 2.3
    assert data["helps"]
    assert data["off_by_a_tenth"]["gain"] < 1.5
    assert "more than half of the gain is lost" in done.out


def test_anneal_takes_the_loss_and_says_when_the_gain_hangs_on_the_start(run, monkeypatch):
    monkeypatch.setattr(best_schedule, "SCAN", 12)
    monkeypatch.setattr(best_schedule, "FINER", (3,))
    words = "anneal --beta 1.5 --family linear --lr 0.04 --criterion elbo"
    done = run(words)
    found = vaedyn.best_schedule(beta=1.5, lr=0.04, family="linear", criterion="elbo")
    assert f"warning: {found.warning}\n" in done.err
    assert "from --init torch the same schedule gains" in found.warning
    assert "the loss, distortion + beta KL at the final beta, stays within 0.001" in done.out
    data = run(words, "--json").json
    assert data["reused"]
    assert data["criterion"] == "elbo"
    assert data["warnings"] == [found.warning]
    before, after = found.elsewhere
    assert data["another_start"] == {
        "init": "torch", "constant": before, "t_converge": after, "gain": before / after,
    }  # fmt: skip
    assert run("anneal --criterion loss").code == 2


@pytest.mark.usefixtures("coarse")
def test_anneal_says_when_it_does_not_help(run):
    done = run("anneal")
    assert "annealing does not help here: no tanh schedule gains 5%" in done.out
    assert not run("anneal --json").json["helps"]


@pytest.mark.usefixtures("coarse")
def test_anneal_measures_the_gain_in_simulations(run):
    words = ("--beta 1.5 --lr 0.1 --dim 4000 --tol 0.02 --confirm 8 --family linear", START)
    data = run("anneal --json", *words).json["measured"]
    params = vaedyn.Params(dim=4000, beta=1.5, lr=0.1, init=START.partition(" ")[2])
    kept = ResultStore("vaedyn-store")
    found = vaedyn.best_schedule(params, "linear", tol=0.02, store=kept)
    times = []
    for spec in ("constant", found.spec):
        like = {"anneal": spec, "t_max": float(f"{1.5 * found.constant:.4g}"), "points": 1401}
        at = vaedyn.Params(**{**params.to_dict(), **like})
        runs = vaedyn.simulate(at, runs=8, store=kept)
        times.append(measured(runs, end_of_learning(at), 0.02))
    assert [data["constant"], data["annealed"]] == [each[0] for each in times]
    ratios = times[0] / times[1]
    assert data["gain"] == ratios[0]
    assert data["error"] == pytest.approx(ratios[1:].std(), rel=0.01)
    # runs at N = 4000 are those of the ODE within four of their errors, 1 %, and 12 % with a gain
    for each, told in zip(times, (found.constant, found.time), strict=True):
        assert abs(each[0] - told) < 4 * each[1:].std()
    assert times[0][1:].std() < 0.015 * found.constant
    assert "measured in 8 runs at N = 4000" in run("anneal", *words).out


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(
    ("gain", "error", "helps"), [(0.85, 0.05, False), (1.03, 0.011, True), (1.03, 0.009, False)]
)
def test_what_the_runs_do_not_gain_is_no_help(run, monkeypatch, gain, error, helps):
    checked = Confirmation(100.0, 100.0 / gain, gain, error)
    monkeypatch.setattr("vaedyn.cli.anneal.measure", lambda *_, **__: checked)
    words = ("anneal --lr 0.1 --beta 1.5 --dim 60 --family linear --confirm 8", START)
    assert run(*words, "--json").json["helps"] is helps
    last = run(*words).out.splitlines()[-1]
    assert last.startswith("annealing helps") is helps
    assert helps or last == "annealing does not help at N = 60: the runs do not gain"


@pytest.mark.usefixtures("coarse")
def test_anneal_says_when_simulations_are_too_noisy(run):
    done = run("anneal --lr 0.1 --dim 20 --confirm 2", START)
    assert done.code == 1
    assert "raise --dim (20) or --confirm" in done.err


@pytest.mark.parametrize("command", ["anneal", "plot annealing"])
@pytest.mark.parametrize("words", ["--anneal tanh:0.1", "--t-max 10", "--points 5"])
def test_anneal_chooses_schedule_and_times_itself(run, tmp_path, command, words):
    done = run(command, words)
    assert (done.code, done.out) == (2, "")
    assert f"No such option {words.split()[0]!r}" in done.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
