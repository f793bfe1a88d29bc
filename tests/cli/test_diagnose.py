"""`vaedyn diagnose` and its picture, as a user meets them."""

import json

import numpy as np
import pytest

import vaedyn
from tests.shared.own_vae import at_the_end

BETA = 0.6
ROWS = np.random.default_rng(7).normal(size=(300, 5)) * [2.0, 1.4, 1.0, 0.5, 0.3] + 3
MU, D, DECODER = at_the_end(ROWS, BETA, 4)
VALUES = np.linalg.eigvalsh(np.cov(ROWS.T, bias=True))[::-1]


@pytest.fixture
def saved(run):
    """Return a function that writes FILE.npz with these arrays, besides mu and logvar."""

    def save(name="a.npz", **arrays):
        np.savez(name, **{"mu": MU, "logvar": np.log(D), **arrays})
        return name

    return save


def test_what_is_printed_is_what_python_finds(run, saved):
    saved(data=ROWS, beta=BETA, decoder=DECODER)
    monitor = vaedyn.CollapseMonitor(ROWS)
    monitor.update(MU, np.log(D))
    report = monitor.report(BETA, decoder=DECODER)
    done = run("diagnose a.npz --json")
    assert done.code == 0
    data = done.json
    for name in ("verdict", "advice", "beta", "weight", "rows", "off_centre", "slowdown"):
        assert data[name] == getattr(report, name)
    assert data["verdict"] == "expected"
    assert data["kl_per_latent"]["measured"] == report.kl_per_latent.tolist()
    np.testing.assert_allclose(data["kl_per_latent"]["predicted"], report.predicted, rtol=1e-12)
    assert data["active_units"] == {"kl": 3, "variance": 3, "predicted": 3}
    assert data["kl"]["error"] == report.kl_error
    assert data["in_force"]["per_latent"][3] is None
    assert data["in_force"]["beta"] == pytest.approx(BETA)
    text = run("diagnose a.npz -q").out.splitlines()
    assert text[0].split("   ")[-1] == "beta in force"
    assert text[2].split() == [
        "1",
        *(f"{x:.6g}" for x in (report.kl_per_latent[0], report.predicted[0],
                               report.mean_variance[0], D[0], BETA)),
    ]  # fmt: skip
    assert text[-3 - len(report.notes) :][:3] == [
        "active units: 3 with KL above 0.01 nats, 3 with a variance of mu above 0.01; 3 predicted",
        "beta in force: 0.6, spread 0.0 % among active units; yours is 0.6",
        "expected: nothing to do",
    ]


def test_the_table_and_eigenvalues_may_come_from_three_places(run, saved):
    np.save("x.npy", ROWS)
    wanted = run("diagnose", saved(data=ROWS), f"--beta {BETA} --json").json
    of_values = run("diagnose", saved(spectrum=VALUES), f"--beta {BETA} --json").json
    of_table = run("diagnose", saved(), f"--beta {BETA} --data x.npy --json").json
    for found in (of_values, of_table):
        np.testing.assert_allclose(
            found["kl_per_latent"]["predicted"],
            wanted["kl_per_latent"]["predicted"],
            rtol=1e-9,
            atol=1e-12,
        )
    standard = run("diagnose", saved(), f"--beta {BETA} --data x.npy --standardise --json").json
    assert standard["kl"]["predicted"] != pytest.approx(wanted["kl"]["predicted"], rel=0.01)
    # what an option says comes before what the file says
    data = run("diagnose", saved(eigenvalues=VALUES, beta=9.0, weight=3), f"--beta {BETA} --json")
    assert data.json["beta"] == BETA


def test_weights_are_those_of_the_users_code(run, saved):
    weight = BETA * 2 / 5 * 4  # means over entries and over latents
    name = saved(data=ROWS, weight=weight)
    for words in ("", f"--weight {weight}"):
        found = run("diagnose", name, "--loss mean --kl mean --json", words).json
        assert found["beta"] == pytest.approx(BETA)
        assert found["verdict"] == "expected"
    wrong = run("diagnose", saved(data=ROWS, decoder=DECODER), "--weight 0.6 --loss sum").out
    assert "2 times yours; likely the squared error has a factor 1/2 too many" in wrong
    found = run("diagnose", saved(eigenvalues=VALUES, dim=5), "--weight 0.24 --loss mean --json")
    assert found.json["beta"] == pytest.approx(BETA)


def test_for_a_cross_entropy_only_collapse_is_predicted(run, saved):
    rows = (ROWS.mean(axis=0) < ROWS).astype(float)
    name = saved(data=rows)
    text = run("diagnose", name, "--likelihood bernoulli --beta 0.5 -q").out
    assert "3 with a variance of mu above 0.01; 4 predicted (a first guess)" in text
    assert "unknown: how many units are active" in text
    np.savez("b.npz", mu=0.01 * MU, logvar=0 * D, data=rows)
    found = run("diagnose b.npz --likelihood bernoulli --beta 3 --json").json
    assert (found["verdict"], found["kl_per_latent"]["predicted"]) == ("collapsed", None)
    done = run("diagnose", name, "--likelihood bernoulli --beta 1 --standardise")
    assert (done.code, "--standardise: does not apply" in done.err) == (2, True)


WRONG = [
    ({}, "--beta 1 --data none.npy", "there is no file none.npy"),
    ({}, "--beta 1", "give one of --data, or data or eigenvalues in FILE"),
    ({"data": ROWS, "spectrum": VALUES}, "--beta 1", "got data and spectrum"),
    ({"data": ROWS}, "", "give --beta or --weight, or put one of them into FILE"),
    ({"data": ROWS, "beta": 1, "weight": 1}, "", "has both beta and weight"),
    ({"data": ROWS, "beta": [1, 2]}, "", "beta must be a number, got shape (2,)"),
    ({"data": ROWS, "beta": -1.0}, "", "FILE: beta must be"),
    ({"data": ROWS, "beta": np.nan}, "", "FILE: beta must be finite"),
    ({"data": ROWS}, "--beta 0", "--beta: must be"),
    ({"data": ROWS}, "--beta 1 --weight 1", "--weight and --beta exclude each other"),
    ({"data": ROWS, "decoder": DECODER.T}, "--beta 1", "FILE: decoder must have the shape (5, 4)"),
    ({"data": ROWS, "mu": MU[0]}, "--beta 1", "FILE: mu must have the shape (batch, latents)"),
    ({"data": ROWS, "mu": MU * np.nan}, "--beta 1", "FILE: mu must be finite, got nan"),
    ({"data": ROWS, "logvar": D[1:]}, "--beta 1", "FILE: logvar must have the shape"),
    ({"data": ROWS, "logvar": np.array([None])}, "--beta 1", "a.npz:logvar holds object"),
    ({"data": ROWS, "mu": MU.astype(str)}, "--beta 1", "a.npz:mu holds <U"),
    ({"data": ROWS[:, 0]}, "--beta 1", "a table has two axes"),
    ({"spectrum": np.eye(3)}, "--beta 1", "spectrum must have one axis, got shape (3, 3)"),
    ({"spectrum": -VALUES}, "--beta 1", "FILE: eigenvalues must be > "),
    ({"spectrum": VALUES}, "--beta 1 --standardise", "--standardise goes with --data"),
    ({"spectrum": VALUES}, "--weight 1 --loss mean", "FILE: dim is needed"),
    ({"spectrum": VALUES, "dim": 0.5}, "--beta 1", "FILE: dim must be a whole number"),
    ({"data": ROWS}, "--beta 1 --decoder-variance learned", "--decoder-variance: learned is not"),
    ({"data": ROWS, "decoder": DECODER}, "--beta 1 --likelihood factor", "FILE: decoder beta is"),
    ({"data": ROWS}, "--beta 1 --like scvii", "did you mean scvi?"),
]


@pytest.mark.parametrize(("arrays", "words", "said"), WRONG, ids=range(len(WRONG)))
def test_bad_input_is_one_line(run, saved, tmp_path, arrays, words, said):
    done = run("diagnose", saved(**arrays), words)
    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert not list(tmp_path.glob("vaedyn-store/*.h5")) or "data" in arrays


def test_damaged_files_are_one_line(run, saved, tmp_path):
    whole = (tmp_path / saved(data=ROWS)).read_bytes()
    with_pickle = tmp_path / "pickle.npz"
    np.savez(with_pickle, mu=np.array([{}]), logvar=D)
    at = whole.index(b"\x93NUMPY") + 150  # among the numbers of the first array
    contents = {
        "empty.npz": b"",
        "text.npz": b"mu, logvar\n1, 2\n",
        "short.npz": whole[: len(whole) // 2],
        "bits.npz": whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :],
        "header.npz": whole.replace(b"(300, 4)", b"(301, 4)"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    np.savez("none.npz", mu=MU)
    (tmp_path / "folder.npz").mkdir()
    for name in (*contents, "none.npz", "pickle.npz", "folder.npz", "nowhere.npz", "."):
        done = run("diagnose", name, "--beta 1")
        assert (done.code, done.out) == (2, ""), name
        assert len(done.err.splitlines()) == 1, done.err
        assert "Invalid value for FILE: " in done.err
        assert (name if name != "none.npz" else "no array logvar") in done.err


def test_the_picture_is_drawn_and_the_verdict_said(run, saved, tmp_path):
    saved(data=ROWS, beta=BETA)
    done = run("plot diagnose a.npz -o a.png --json")
    assert json.loads(done.out) == {
        "command": "plot diagnose", "output": "a.png", "verdict": "expected",
    }  # fmt: skip
    assert "expected: nothing to do" in done.err
    assert (tmp_path / "a.png").stat().st_size > 1000
    assert run("plot diagnose a.npz").out == "diagnose_a.pdf\n"
    assert run("plot diagnose a.npz -o a.txt").code == 2
