"""Options from the environment and from a file: which one counts, and what is said of bad ones."""

import pytest

SHORT = "--dim 50 --t-max 20 --points 3"


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file of options, called ``model.toml``."""

    def write(text):
        (tmp_path / "model.toml").write_text(text)

    return write


def beta_of(done):
    assert done.code == 0, done.err
    return done.json["params"]["beta"]


def test_the_command_line_goes_before_environment_file_and_default(run, file, monkeypatch):
    file("beta = 1.1\n[theory]\nlam = 0.2\n[simulate]\nlam = 0.3")
    words = f"theory {SHORT} --json"
    assert beta_of(run(words)) == 1
    assert beta_of(run(words, "--config model.toml")) == 1.1
    monkeypatch.setenv("VAEDYN_BETA", "1.2")
    assert beta_of(run(words, "--config model.toml")) == 1.2
    monkeypatch.setenv("VAEDYN_THEORY_BETA", "1.3")
    assert beta_of(run(words, "--config model.toml")) == 1.3
    assert beta_of(run(words, "--config model.toml --beta 1.4")) == 1.4
    assert beta_of(run(f"simulate {SHORT} --runs 1 --json")) == 1.2
    assert run(words, "--config model.toml").json["params"]["lam"] == 0.2


def test_a_file_that_nobody_names_is_not_read(run, tmp_path):
    (tmp_path / "vaedyn.toml").write_text("beta = 3\n")
    assert beta_of(run(f"theory {SHORT} --json")) == 1


@pytest.mark.parametrize(
    "words",
    [
        "theory --config model.toml",
        "--config model.toml theory",
        "--config other.toml theory --config model.toml",
    ],
)
def test_a_file_may_be_named_before_or_after_the_command(run, file, words):
    file("beta = 1.5")
    assert beta_of(run(words, SHORT, "--json")) == 1.5


def test_the_environment_may_name_the_file(run, file, monkeypatch):
    file("beta = 1.5")
    monkeypatch.setenv("VAEDYN_CONFIG", "model.toml")
    assert beta_of(run(f"theory {SHORT} --json")) == 1.5
    monkeypatch.setenv("VAEDYN_CONFIG", "none.toml")
    assert beta_of(run(f"--config model.toml theory {SHORT} --json")) == 1.5


def test_a_file_holds_every_kind_of_value(run, file, tmp_path):
    file(
        "latent = 2\nsignal = 2\nrho = [3, 1.5]\nt_max = 20\npoints = 3.0\njson = true\n"
        'anneal = "tanh:0.1"\nstore = "kept"\nruns = 2\nvary = "lam=0,0.1"\n'
        "init = {m = 0.1, d = 0.1, Q = 1, E = 1, R = 0, D = 1}\n"
        '[sweep]\nlr = 0.1\n[sweep.theory]\nvary = ["beta=1,2", "lr=0.1,0.2"]\n'
    )
    found = run("theory --config model.toml").json["params"]
    assert found["rho"] == [3, 1.5]
    assert found["anneal"] == "tanh:0.1"
    assert found["t_max"] == 20
    assert found["init"]["Q"] == [[1, 0], [0, 1]]
    assert found["lr"] == 0.01
    assert (tmp_path / "kept").is_dir()
    assert run("sweep theory --config model.toml").json["varied"] == {
        "beta": [1, 2],
        "lr": [0.1, 0.2],
    }
    # what is varied goes before a value that is not on the command line
    file("beta = 3\n")
    done = run(f"sweep theory {SHORT} --config model.toml --vary beta=1,2 --json")
    assert done.json["varied"] == {"beta": [1, 2]}


def test_a_store_in_the_file_is_not_the_table_of_the_command_store(run, file):
    file("store = 'kept'")
    assert run(f"theory {SHORT} --config model.toml").code == 0
    listed = run("store list --config model.toml --json kind=theory")
    assert listed.code == 0, listed.err
    assert listed.json["store"] == "kept"
    assert len(listed.json["records"]) == 1


def test_flags_may_be_set_by_the_environment(run, monkeypatch):
    monkeypatch.setenv("VAEDYN_JSON", "1")
    monkeypatch.setenv("VAEDYN_QUIET", "true")
    done = run(f"theory {SHORT}")
    assert done.json["command"] == "theory"
    assert done.err == ""
    monkeypatch.setenv("VAEDYN_THEORY_AS_JSON", "0")
    assert run(f"theory {SHORT}").out.startswith("t = 20")


def test_a_version_in_the_environment_is_no_option(run, monkeypatch):
    monkeypatch.setenv("VAEDYN_VERSION", "2")
    assert run(f"theory {SHORT}").code == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("VAEDYN_BETA", "x", "'--beta': 'x' is not a valid float (from VAEDYN_BETA)"),
        ("VAEDYN_BETA", "-1", "--beta: must be >= 0, got -1 (from VAEDYN_BETA)"),
        ("VAEDYN_THEORY_T_MAX", "0", "--t-max: must be > 0, got 0 (from VAEDYN_THEORY_T_MAX)"),
        ("VAEDYN_RHO", "1,2", "(from VAEDYN_RHO)"),
        ("VAEDYN_ANNEAL", "tahn", "(did you mean tanh:GAMMA?) (from VAEDYN_ANNEAL)"),
        ("VAEDYN_RTOL", "0", "(from VAEDYN_RTOL)"),
        ("VAEDYN_JSON", "perhaps", "(from VAEDYN_JSON)"),
        ("VAEDYN_CONFIG", "nowhere", "--config: nowhere: there is no such file"),
    ],
)
def test_bad_variables_are_named(run, tmp_path, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    done = run("theory")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("VAEDYN_CONFIG", raising=False)
    fine = run(f"theory {SHORT} --beta 1 --t-max 20 --rho 1 --anneal constant --rtol 1e-8 --quiet")
    assert fine.code == (2 if name == "VAEDYN_JSON" else 0), fine.err


BAD_FILES = {
    "beta = 'x'": "'--beta': 'x' is not a valid float (from model.toml)",
    "beta = -1": "--beta: must be >= 0, got -1 (from model.toml)",
    "beta = true": "beta: expected a number or text, or a list of them, got True",
    "beta = [1, 2]": "'1,2' is not a valid float (from model.toml)",
    "recompute = 1": "recompute: expected true or false, got 1",
    "betta = 1": "model.toml: no option is called 'betta' (did you mean beta?)",
    "[theroy]\nbeta = 1": "model.toml: no command is called 'theroy' (did you mean theory?)",
    "[theory]\nruns = 1": "model.toml: no option is called 'runs' in [theory]",
    "[plot.branches]\nbeeta = 1": "'beeta' in [plot.branches] (did you mean beta?)",
    "[simulate]\nrus = 1": "'rus' in [simulate] (did you mean runs?)",
    "config = 'other.toml'": "no option is called 'config'",
    "t-max = 1\nt_max = 2": "t_max is given twice",
    "beta = ": "it is no TOML: Invalid value",
    "beta = 1\nbeta = 2": "it is no TOML",
    "x = " + "[" * 9999: "it is no TOML",
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.items(), ids=[t[:20] for t in BAD_FILES])
def test_bad_files_are_named_with_their_key(run, file, tmp_path, text, message):
    file(text)
    done = run("theory --config model.toml")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "model.toml" in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.toml"]


def test_training_on_data_minds_only_the_command_line(run, file, tmp_path):
    file("rho = 3\nruns = 9\neta = 2\ndim = 500\nlr = 0.05\nt-max = 10\nstandardise = true")
    (tmp_path / "x.csv").write_text("1,2\n2,1\n4,5\n-3,1\n0,0.5\n-2,-2\n")
    done = run("simulate --data x.csv --json -q --config model.toml --spikes 1")
    assert done.code == 0, done.err
    assert done.json["params"]["lr"] == 0.05
    assert done.json["params"]["dim"] == 2
    assert "--rho and data exclude" in run("simulate --data x.csv --rho 1").err
    assert run(f"simulate {SHORT} --runs 1 --config model.toml").code == 0


# --- words that nearly mean something -------------------------------------------------------


SLIPS = {
    "theory --betaa 1": "No such option '--betaa'. Did you mean '--beta'?",
    "theory --runs 3": "'--runs' here: it is an option of simulate, sweep simulate, plot annealing",
    "spectrum x.npy --engine exact": "'--engine' here: it is an option of simulate",
    "--beta 1 theory": "'--beta' here: it is an option of simulate, theory",
    "anneal --family linaer": "(did you mean linear?)",
    "simulate --engine exat": "(did you mean exact?)",
    "plot sweep --y eps": "(did you mean eps_g?)",
    "branches": "Did you mean 'vaedyn plot branches'?",
    "plot thoery": "No such command 'thoery'. (see",
    "plot brances": "Did you mean 'branches'?",
}


@pytest.mark.parametrize(("words", "message"), SLIPS.items(), ids=SLIPS)
def test_slips_are_answered_by_what_is_near(run, words, message):
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", ["theory --data x", "check --epochs 3", "theory --q 1"])
def test_what_is_not_near_is_not_offered(run, words):
    done = run(words)
    assert done.code == 2
    assert "Did you mean" not in done.err
