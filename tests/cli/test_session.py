"""What every command is given, and that no list forgets an option of simulations."""

import json
from inspect import signature

import vaedyn
from vaedyn.cli import again, options, sweep
from vaedyn.cli import main as cli
from vaedyn.cli.session import Session


def test_an_answer_is_one_object_or_lines(capsys):
    Session().answer({"a": 1}, "one", 2, b"three")
    assert capsys.readouterr().out == "one\n2\nthree\n"
    Session(as_json=True).answer({"a": 1}, "one")
    assert json.loads(capsys.readouterr().out) == {"a": 1}


def test_the_store_is_opened_once_and_read_as_it_is(tmp_path):
    session = Session(tmp_path, recompute=True)
    assert session.store is session.store
    assert session.store.recompute
    assert not session.reader.recompute
    assert session.reader.path == tmp_path


def test_options_of_simulations_are_the_arguments_of_simulate():
    arguments = {*signature(vaedyn.simulate).parameters} - {"params", "store", "progress"}
    assert {*options.SIMULATION} == arguments
    assert {*again.OPTIONS["simulate"]} == arguments
    simulate = cli.command.get_command(None, "simulate")
    assert arguments < {option.name for option in simulate.params}
    swept = {option.name for option in sweep.command.commands["simulate"].params}
    assert arguments - {"random_start"} < swept


def test_an_ensemble_arrives_whole(run):
    words = "--dim 20 --t-max 5 --points 3 --runs 3 --seed 2 --random-start --engine vector"
    assert run("simulate", words).code == 0
    (record,) = run("store list kind=simulate --json").json["records"]
    assert record["length"] == 3
    chosen = {name: record["params"][name] for name in ("seed", "random_start", "engine")}
    assert chosen == {"seed": 2, "random_start": True, "engine": "vector"}
