"""What the shell offers on the tabulator key."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from vaedyn.cli import main as cli
from vaedyn.cli import model_options
from vaedyn.cli.complete import silent

SHORT = "--dim 50 --t-max 20 --points 3"


def items(words, incomplete):
    prefix = cli.command.context_settings
    shell = ShellComplete(cli.command, dict(prefix), "vaedyn", cli.COMPLETION)
    return shell.get_completions(words.split(), incomplete)


def offered(words, incomplete=""):
    return [item.value for item in items(words, incomplete) if item.type == "plain"]


def files(words, incomplete=""):
    return any(item.type == "file" for item in items(words, incomplete))


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("", "the", ["theory"]),
        ("plot", "bra", ["branches"]),
        ("", "dia", ["diagnose"]),
        ("theory", "--bet", ["--beta"]),
        ("sweep theory --vary", "be", ["beta="]),
        ("sweep simulate --vary", "se", ["seed="]),
        ("plot sweep --vary", "t", ["t_max="]),
        ("fixedpoints --vary", "", ["beta=", "eta=", "rho=", "lam=", "lr=", "batch=", "alpha="]),
        ("plot branches --vary", "l", ["lam=", "lr="]),
        ("plot sweep --x", "be", ["beta"]),
        ("plot sweep --hue", "la", ["latent", "lam", "latents"]),
        ("theory --anneal", "t", ["tanh:"]),
        ("theory --anneal", "con", ["constant"]),
        ("theory --anneal", "c", ["constant", "cosine:", "cyclical:"]),
        ("theory --init", "ga", ["gaussian"]),
        ("anneal --family", "li", ["linear"]),
        ("plot sweep --y", "eps", ["eps_g", "eps_g_rotation"]),
        ("store list --sort", "kind,-cr", ["kind,-created"]),
        ("store list --sort", "se", ["seconds"]),
        ("store list", "bet", ["beta="]),
        ("store list", "ki", ["kind="]),
        ("plot branches -o", "a", ["a.pdf", "a.svg", "a.eps", "a.png"]),
        ("plot learning-curve --output", "x/b.s", ["x/b.svg"]),
        ("plot branches -o", "x/", []),
        ("store export -o", "r.c", ["r.csv"]),
        ("store show --store nowhere", "a", []),
        ("plot nonsense", "--b", []),
        ("theory --foo 3 --anneal", "ta", ["tanh:"]),
        ("theory --config nowhere.toml --anneal", "ta", ["tanh:"]),
    ],
)
def test_what_is_offered(words, incomplete, expected):
    assert offered(words, incomplete) == expected


@pytest.mark.parametrize(
    "words",
    ["spectrum", "simulate --data", "theory --config", "theory --init", "plot branches -o",
     "plot collapse", "plot spectrum", "diagnose", "diagnose --data", "plot diagnose"],
)  # fmt: skip
def test_files_are_completed_by_the_shell(words):
    assert files(words, "a")


def test_a_schedule_in_a_file_is_completed_by_the_shell():
    assert [(item.value, item.type) for item in items("theory --anneal", "file:be")] == [
        ("be", "file")
    ]


@pytest.mark.parametrize("command", ["show", "path", "export", "rm"])
def test_keys_are_those_of_the_store(run, monkeypatch, command):
    points = run(f"sweep theory {SHORT} --vary beta=1,2 --json").json["points"]
    keys = [point["key"] for point in points]
    assert offered(f"store {command}") == sorted(key[:12] for key in keys)
    assert offered(f"store {command}", keys[0][:3]) == [keys[0][:12]]
    assert offered(f"store {command}", keys[0][:20]) == [keys[0]]
    assert offered(f"store {command} --store elsewhere") == []
    monkeypatch.setenv("VAEDYN_STORE", "vaedyn-store")
    assert len(offered(f"store {command}")) == 2


def test_a_store_named_by_a_file_of_options_is_looked_into(run, tmp_path):
    (tmp_path / "model.toml").write_text("store = 'kept'\n")
    words = f"sweep theory {SHORT} --config model.toml --vary beta=1 --json"
    key = run(words).json["points"][0]["key"]
    assert offered("store show --config model.toml") == [key[:12]]


def test_what_goes_wrong_offers_nothing():
    @silent
    def complete(*_):
        raise OSError("no such store")

    assert complete(None, None, "x") == []


@pytest.mark.parametrize(
    "words",
    ["theory --anneal t", "nonsense -", "theory --config model.toml --b", "store show x",
     "plot foo -", "--beta 3 theory -"],
)  # fmt: skip
def test_the_shell_gets_no_message_and_no_compiler(tmp_path, words):
    (tmp_path / "model.toml").write_text("betta = [")
    environment = {
        **os.environ, "_VAEDYN_COMPLETE": "bash_complete", "COMP_WORDS": f"vaedyn {words}",
        "COMP_CWORD": str(len(words.split())), "VAEDYN_BETA": "nonsense",
    }  # fmt: skip
    code = (
        "import sys\nfrom vaedyn.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'numba', 'scipy', 'matplotlib'} & set(sys.modules), 'slow'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    if "--anneal" in words:
        assert done.stdout == "plain,tanh:\n"


def test_an_error_while_completing_is_silent(run, monkeypatch):
    monkeypatch.setenv("_VAEDYN_COMPLETE", "bash_complete")
    monkeypatch.setattr(cli.command, "main", lambda *_, **__: 1 / 0)
    done = run("theory")
    assert (done.code, done.out, done.err) == (1, "", "")


def test_properties_are_completed_from_a_list_that_exists(run):
    run(f"sweep theory {SHORT} --vary beta=1")
    from vaedyn.cli.complete import PROPERTIES

    assert all(
        "no result has a property" not in run(f"store list --sort {name}").err
        for name in PROPERTIES
        if name != "length"  # of simulations
    )
    assert "beta" in model_options.MODEL
    assert Path("vaedyn-store").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("kind=thoery", "no result is of the kind 'thoery' (did you mean theory?)"),
        ("bata=1", "no result has a property 'bata' (did you mean beta?)"),
        ("--sort crated", "'crated' (did you mean created?)"),
        ("kind=simulate", "no result is of the kind 'simulate'\n"),
    ],
)
def test_slips_in_filters_are_answered(run, words, message):
    run(f"sweep theory {SHORT} --vary beta=1")
    done = run(f"store list {words}")
    assert done.code == 0
    assert message in done.err
