"""Learning curves and warm-ups for users' data on the command line."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from vaedyn.store import ResultStore


@pytest.fixture
def table(tmp_path):
    """Signals of strengths 8 and 3 in unit noise."""
    x = np.random.default_rng(3).standard_normal((500, 12))
    x[:, :2] *= np.sqrt([9, 4])
    np.save(tmp_path / "data.npy", x + 7)


SETTINGS = "--data data.npy --beta 2 --latent 3 --lr 0.05 --t-max 2000 --init-seed 1"


def test_theory_prints_when_each_latent_is_learned(run, table):
    text, data = run(f"theory {SETTINGS}"), run(f"theory {SETTINGS} --json").json
    lines = text.out.splitlines()
    assert lines[0].split("   ") == [
        "latent", "KL at t = 2000", "learned at t", "SGD steps", "epochs"
    ]  # fmt: skip
    s = np.linalg.eigvalsh(np.cov(np.load("data.npy").T, bias=True))[:-3:-1]
    cells = [line.split() for line in lines[2:5]]
    kl = np.array([float(row[1]) for row in cells])
    np.testing.assert_allclose(kl[:2], 0.5 * np.log(s / 2), atol=5e-3)
    for row in cells[:2]:
        t, steps, epochs = (float(cell) for cell in row[2:])
        assert steps == pytest.approx(12 * t, rel=1e-3)
        assert epochs == pytest.approx(12 * t / 500, rel=1e-2)
        assert min(abs(t - each) for each in data["learned"]["t"] if each) < 1e-3 * t
    assert cells[2][2:] == ["-", "-", "-"]
    assert lines[5].endswith("half of its final value; 1 of 3 latents collapsed")
    assert lines[6] == "beta = 2, learning rate 0.05"
    assert data["collapsed"]["t"].count(None) == 2
    assert data["command"] == "theory"
    np.testing.assert_allclose(np.sort(data["final"]["kl_per_latent"])[::-1], kl, rtol=1e-4)


def test_theory_says_when_learning_is_not_over(run, table):
    done = run("theory --data data.npy --beta 2 --latent 3 --lr 0.05 --t-max 30")
    assert "learning is not over at t = 30" in done.out
    assert "raise --t-max" in done.out
    assert (
        "not over" in run("theory --data data.npy --beta 2 --t-max 30 --json").json["warnings"][-1]
    )
    assert "not over" not in run(f"theory {SETTINGS}").out


def test_simulate_compares_with_it(run, table):
    done, data = run(f"simulate {SETTINGS}"), run(f"simulate {SETTINGS} --json").json
    head, _, first, second, gap = done.out.splitlines()[:5]
    assert head.split("   ") == [
        "latent learned", "predicted t", "measured t", "SGD steps", "epochs"
    ]  # fmt: skip
    assert gap == ""
    curve = data["learning_curve"]
    for line, n in ((first, 0), (second, 1)):
        cells = line.split()
        times = [sorted(x for x in curve[name]["learned"]["t"] if x) for name in
                 ("predicted", "measured")]  # fmt: skip
        assert [float(cell) for cell in cells[1:3]] == [float(f"{x[n]:.4g}") for x in times]
        # one run of SGD at a small rate
        assert times[0][n] == pytest.approx(times[1][n], rel=0.1)
    assert curve["why"] is None
    theory = run(f"theory {SETTINGS} --json").json
    assert theory["learned"] == curve["predicted"]["learned"]
    assert theory["reused"]
    assert "do not agree" not in done.out


def test_times_that_do_not_agree_are_said_so(run, table):
    """From this start two latents compete, and the noise of so large steps decides."""
    done = run("simulate --data data.npy --beta 2 --latent 3 --lr 0.05 --t-max 2000 --seed 1")
    (said,) = [line for line in done.out.splitlines() if "times do not agree" in line]
    assert "try another --seed, or a lower --lr" in said


def test_what_is_not_derived_is_left_out_of_training_and_refused_by_theory(run, table):
    done = run("simulate --data data.npy --beta 2 --lam 0.1 --t-max 50")
    assert done.code == 0
    assert "learning curve is not predicted: lam is not derived for learning curves" in done.err
    assert "predicted t" not in done.out
    assert run("simulate --data data.npy --beta 2 --lam 0.1 --t-max 50 --json").json[
        "learning_curve"
    ]["predicted"] is None  # fmt: skip
    for command in ("theory", "anneal"):
        done = run(f"{command} --data data.npy --beta 2 --lam 0.1")
        assert done.code == 2
        assert "--lam: is not derived" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("theory --data data.npy --bands", "--bands does not apply"),
        ("theory --data data.npy --random-start", "--random-start does not apply"),
        ("theory --data data.npy --tol 0.1", "--tol does not apply"),
        ("theory --data data.npy --eta 1", "--eta and data exclude each other"),
        ("theory --data data.npy --beta 0", "beta"),
        ("theory --data nothing.npy", "nothing.npy"),
        ("theory --spikes 2", "--spikes goes with --data"),
        ("anneal --standardise", "--standardise goes with --data"),
        ("anneal --data data.npy --knots 2", "--knots and --data exclude each other"),
        ("anneal --data data.npy --family free", "--family: expected one of"),
        ("anneal --data data.npy --tol 2", "--tol: must be below 1"),
        ("anneal --data data.npy --beta 20", "--beta: must be below"),
        ("anneal --data data.npy --confirm 1", "--confirm"),
        ("plot learning-curve --data data.npy --vary beta=1,2", "--vary and --data exclude"),
        ("plot learning-curve --data data.npy --animate a.gif", "--animate and --data exclude"),
        ("plot learning-curve --data data.npy --band sem", "--band and --data exclude"),
        ("plot learning-curve --data data.npy --y-scale log", "--y-scale and --data exclude"),
        ("plot learning-curve --data data.npy --runs 3", "--runs does not apply"),
        ("plot learning-curve --data data.npy -o a.txt", "--output"),
        ("plot learning-curve --data data.npy --x-lim=-1:5", "--x-lim"),
        ("plot learning-curve --estimator median", "--estimator goes with --data"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(run, table, words, said):
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]


def test_plot_draws_it(run, table):
    done = run(f"plot learning-curve {SETTINGS}")
    assert (done.code, done.out) == (0, "learning-curve_data.pdf\n")
    assert Path("learning-curve_data.pdf").stat().st_size > 10_000
    data = run(f"plot learning-curve {SETTINGS} -o a.png --x-scale linear --json").json
    assert [each["kind"] for each in data["records"]] == ["course", "rows"]
    assert all(each["reused"] for each in data["records"])
    assert data["why"] is None


def test_anneal_prints_steps_and_epochs_and_does_not_praise_what_is_no_help(run, table):
    words = "anneal --data data.npy --beta 2 --latent 2 --lr 0.05 --family linear"
    text, data = run(words), run(words, "--json").json
    lines = text.out.splitlines()
    assert lines[0].split("   ")[-1].strip() == "gain"
    constant = lines[2].split()
    assert constant[0] == "constant"
    assert float(constant[1]) == pytest.approx(data["constant"]["t"], rel=1e-4)
    assert float(constant[2]) == pytest.approx(12 * data["constant"]["t"], abs=0.6)
    assert data["constant"]["epochs"] == pytest.approx(12 * data["constant"]["t"] / 500)
    assert "the loss, distortion + beta KL on the rows, stays within 1 %" in text.out
    assert data["helps"] == (data["best"]["gain"] >= 1.05)
    said = "a warm-up helps" if data["helps"] else "a warm-up does not help here"
    assert lines[-1].startswith(said)
    assert f"--beta 2 --anneal {data['best']['anneal']}" in lines
    assert (data["command"], data["family"], data["tol"]) == ("anneal", "linear", 0.01)
    assert run(words, "--tol 0.2 --json").json["tol"] == 0.2


def test_tolerances_of_the_integration_are_those_asked_for(run, table):
    words = "anneal --data data.npy --beta 6 --latent 1 --lr 0.05 --tol 0.2"
    key = run(words, "--rtol 1e-5 --atol 3e-8 --json").json["key"]
    params = ResultStore("vaedyn-store").find(key).params
    assert (params["rtol"], params["atol"]) == (1e-5, 3e-8)


def test_anneal_confirms_by_training(run, table):
    words = "anneal --data data.npy --beta 6 --latent 1 --lr 0.05 --family linear --tol 0.2"
    done = run(words, "--confirm 2")
    assert done.code == 0
    assert "measured in 2 trainings: t = " in done.out
    measured = run(words, "--confirm 2 --json").json["measured"]
    assert set(measured) == {"constant", "annealed", "gain", "error"}


def test_the_command_of_a_record_makes_it_again(run, table):
    run(f"plot learning-curve {SETTINGS}")
    run("anneal --data data.npy --beta 2 --latent 2 --lr 0.05 --family linear")
    for kind in ("course", "rows", "warmup"):
        (path,) = Path("vaedyn-store").glob(f"{kind}-*.h5")
        shown = run(f"store show {path.stem.partition('-')[2]}").out
        (again,) = [line for line in shown.splitlines() if line.startswith("again")]
        words = shlex.split(again)[1:]
        assert words[0] == "vaedyn"
        done = run(shlex.join(words[1:]))
        assert done.code == 0
        assert f"reused {kind}" in done.err


@pytest.mark.parametrize(
    "make",
    [
        lambda random: random.standard_normal((4, 2)),
        lambda random: random.standard_normal((5, 30)),
        lambda random: np.c_[random.standard_normal((50, 3)), np.ones(50)],
        lambda random: np.repeat(random.standard_normal((1, 50)), 3, axis=0).T,
        lambda random: 1e150 * random.standard_normal((30, 3)),
        lambda random: 1e-150 * random.standard_normal((30, 3)),
        lambda random: random.standard_normal((200, 4)) * [1e4, 1, 1, 1e-3],
        lambda random: np.exp(2 * random.standard_normal((100, 3))),
    ],
)
def test_odd_tables_are_answered_or_refused_in_one_line(run, monkeypatch, make):
    from vaedyn.data import suited

    monkeypatch.setattr(suited, "BUDGET", 0.2)
    np.save("odd.npy", make(np.random.default_rng(0)))
    for words in ("theory --data odd.npy --latent 2", "simulate --data odd.npy --latent 2"):
        done = run(words)
        assert done.code in (0, 1, 2)
        assert "Traceback" not in done.err
        assert "nan" not in done.out
        if done.code:
            assert done.err.splitlines()[-1].startswith("error: ")
