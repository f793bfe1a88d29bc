"""Values that vary, ranges and shards: every form, its neighbours, and what is refused."""

import click
import numpy as np
import pytest

from vaedyn.cli import grids, ranges, values
from vaedyn.cli.grids import ShardType, Varied, VariedType, by_name, note_counts, shard_of
from vaedyn.cli.ranges import Range, RangeType, Span, parse_range
from vaedyn.errors import ParameterError

NAMES = (
    "dim, latent, signal, rho, eta, beta, lam, lr, t_max, points, anneal, init_seed, noise, alpha, "
    "batch, momentum, latents, optimiser, adam_epsilon"
)
TWENTY = [0.05 * i for i in range(1, 21)]


def refused(kind, text):
    with pytest.raises(click.BadParameter) as error:
        kind.convert(text, None, None)
    return error.value.message


@pytest.mark.parametrize(
    ("text", "name", "wanted", "counted"),
    [
        ("beta=0.5", "beta", [0.5], True),
        (" beta =0.5,2", "beta", [0.5, 2.0], True),
        ("t-max=1,2", "t_max", [1.0, 2.0], True),
        ("beta=1:3:3", "beta", [1.0, 2.0, 3.0], True),
        ("beta=1:3:2", "beta", [1.0, 3.0], True),
        ("beta=3:1:3", "beta", [3.0, 2.0, 1.0], True),
        ("beta=log:1:9:3", "beta", [1.0, 3.0, 9.0], True),
        ("beta=0.05:1", "beta", TWENTY, False),
        ("dim=10,20", "dim", [10, 20], True),
        ("dim=10:30:3", "dim", [10, 20, 30], True),
        ("dim=3:1", "dim", [3, 2, 1], False),
        ("dim=1:19", "dim", [*range(1, 20)], False),
        ("dim=1:20", "dim", [*range(1, 21)], False),
        ("dim=log:1:3", "dim", [1, 2, 3], False),
        ("anneal=constant; linear:5", "anneal", ["constant", "linear:5"], True),
        ("noise=1*0.5,2*0.5;3*1", "noise", ["1*0.5,2*0.5", "3*1"], True),
        ("optimiser=sgd, adam", "optimiser", ["sgd", "adam"], True),
        ("latents=sampled", "latents", ["sampled"], True),
        ("rho=3/1,4", "rho", [(3.0, 1.0), 4.0], True),
        ("lr=0.1/0.2/0.3", "lr", [(0.1, 0.2, 0.3)], True),
    ],
)
def test_values(text, name, wanted, counted):
    found = VariedType().convert(text, None, None)
    assert (found.name, found.counted) == (name, counted)
    assert found.values == (pytest.approx(wanted) if isinstance(wanted[0], float) else wanted)
    assert [type(x) for x in found.values] == [type(x) for x in wanted]
    assert VariedType().convert(found, None, None) is found


def test_whole_numbers_of_a_long_range_are_twenty_at_most():
    found = VariedType().convert("dim=1:21", None, None)
    assert (len(found.values), found.values[0], found.values[-1]) == (20, 1, 21)
    found = VariedType().convert("dim=log:10:1000", None, None).values
    assert found[:3] == [10, 13, 16]
    assert len(found) == 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bete=1", f"expected one of {NAMES} before '=', got 'bete=1' (did you mean beta?)"),
        ("init=1", f"expected one of {NAMES} before '=', got 'init=1'"),
        ("beta=1,x", "expected numbers with commas, or START:STOP:COUNT, got 'beta=1,x'"),
        ("beta=inf", "expected numbers with commas, or START:STOP:COUNT, got 'beta=inf'"),
        ("beta=nan", "expected numbers with commas, or START:STOP:COUNT, got 'beta=nan'"),
        ("eta=1/2", "expected numbers with commas, or START:STOP:COUNT, got 'eta=1/2'"),
        ("lr=1/-inf", "expected numbers with commas, or START:STOP:COUNT, got 'lr=1/-inf'"),
        ("beta=", "expected numbers with commas, or START:STOP:COUNT, got 'beta='"),
        ("dim=1.5", "dim must be whole numbers, got 'dim=1.5'"),
        ("dim=1:2:3", "dim must be whole numbers, got 'dim=1:2:3'"),
        ("dim=1:2.5", "dim must be whole numbers, got 'dim=1:2.5'"),
        ("anneal=constant;", "expected anneal=SPEC;SPEC;..., got 'anneal=constant;'"),
        ("latents=,sampled", "expected latents=SPEC,SPEC,..., got 'latents=,sampled'"),
    ],
)
def test_values_that_are_refused(text, message):
    assert refused(VariedType(), text) == message


def test_names_of_numerics_vary_where_they_are_options():
    assert ", ".join(VariedType().names) == NAMES
    assert VariedType(["seed"]).names[-2:] == ("adam_epsilon", "seed")
    assert VariedType(["seed"]).convert("seed=0:2", None, None).values == [0, 1, 2]
    assert VariedType(["runs"]).convert("runs=2,3", None, None).values == [2, 3]
    assert VariedType().get_metavar(None, None) == "NAME=START:STOP[:COUNT]|A,B,..."
    offered = VariedType(["seed"]).shell_complete(None, None, "se")
    assert [each.value for each in offered] == ["seed="]


def of(*given, dim="DEFAULT"):
    command = click.Command("x", params=[click.Option(["--dim"]), click.Option(["--t-max"])])
    context = click.Context(command)
    for name in ("dim", "t_max"):
        context.set_parameter_source(name, getattr(click.core.ParameterSource, dim))
    with context:
        return by_name(given)


def test_names_stand_once_and_not_beside_options():
    one, two = Varied("dim", [1, 2]), Varied("beta", [0.5])
    assert of(one, two) == {"dim": [1, 2], "beta": [0.5]}
    assert of(one, dim="ENVIRONMENT") == {"dim": [1, 2]}
    with pytest.raises(click.UsageError) as error:
        of(one, one)
    assert error.value.message == "expected --vary dim=... once, got it twice"
    with pytest.raises(click.UsageError) as error:
        of(Varied("t_max", [1]), dim="COMMANDLINE")
    assert error.value.message == "--t-max and --vary t_max=... exclude each other"


def test_only_counts_that_were_not_given_are_noted(caplog):
    caplog.set_level("INFO")
    note_counts([Varied("dim", [1, 2]), Varied("beta", [0.5, 1, 2], counted=False)])
    assert [r.getMessage() for r in caplog.records] == [
        "beta takes 3 values: beta=START:STOP:COUNT for others"
    ]


def test_shards():
    kind = ShardType()
    assert (kind.convert("1/1", None, None), kind.convert("2/3", None, None)) == ((1, 1), (2, 3))
    assert kind.convert((2, 3), None, None) == (2, 3)
    assert kind.get_metavar(None, None) == "I/N"
    for text in ("0/1", "2/1", "1/0", "1", "1/2/3", "a/b", "1/2 "):
        assert refused(kind, text) == f"expected I/N with 1 <= I <= N, got {text!r}"


def slurm(task, first, count, **more):
    return {
        "SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_MIN": first,
        "SLURM_ARRAY_TASK_COUNT": count, **more,
    }  # fmt: skip


def test_tasks_of_arrays(caplog):
    caplog.set_level("INFO")
    assert shard_of(None, {}) == (1, 1)
    assert shard_of((2, 5), slurm("1", "1", "3")) == (2, 5)
    for task, place in (("4", 1), ("5", 2), ("6", 3)):
        assert shard_of(None, slurm(task, "4", "3")) == (place, 3)
    assert shard_of(None, slurm("8", "4", "3", SLURM_ARRAY_TASK_STEP="2")) == (3, 3)
    assert caplog.messages[0] == "shard 1/3, from SLURM_ARRAY_TASK_ID (--shard 1/1 for all)"
    assert len(caplog.messages) == 4
    for name in slurm("1", "1", "3"):
        left = slurm("1", "1", "3")
        del left[name]
        assert shard_of(None, left) == (1, 1)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (slurm("7", "4", "3"), "task 7 of 3 from 4 on is no shard: use --array=1-N"),
        (slurm("3", "4", "3"), "task 3 of 3 from 4 on is no shard: use --array=1-N"),
        (slurm("5", "4", "3", SLURM_ARRAY_TASK_STEP="2"),
         "task 5 of 3 from 4 on is no shard: use --array=1-N"),
        (slurm("x", "4", "3"), "SLURM_ARRAY_TASK_ID=x, SLURM_ARRAY_TASK_MIN=4, "
         "SLURM_ARRAY_TASK_COUNT=3 makes no sense: give --shard I/N"),
        (slurm("5", "4", "3", SLURM_ARRAY_TASK_STEP="0"), "SLURM_ARRAY_TASK_ID=5, "
         "SLURM_ARRAY_TASK_MIN=4, SLURM_ARRAY_TASK_COUNT=3 makes no sense: give --shard I/N"),
    ],
)  # fmt: skip
def test_tasks_that_are_no_shards(environment, reason):
    with pytest.raises(ParameterError) as error:
        shard_of(None, environment)
    assert (error.value.name, error.value.reason) == ("shard", reason)


def test_constants_of_ranges():
    assert (grids.COUNT, ranges.COUNT, ranges.MOST, ranges.MOST_OF_ONE) == (20, 100, 10**6, 2000)
    assert ranges.NEAR_ZERO == 0.001


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1:2", Span(1.0, 2.0, None, False)),
        ("2:-1:2", Span(2.0, -1.0, 2, False)),
        ("log:0.5:2:7", Span(0.5, 2.0, 7, True)),
        ("0:1:1000000", Span(0.0, 1.0, 10**6, False)),
        ("1e308:-1e308", Span(1e308, -1e308, None, False)),
    ],
)
def test_ranges(text, span):
    assert parse_range(text) == span


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "expected START:STOP or START:STOP:COUNT, perhaps with log: before it"),
        ("1:2:3:4", "expected START:STOP or START:STOP:COUNT, perhaps with log: before it"),
        ("1:x", "expected START:STOP or START:STOP:COUNT, perhaps with log: before it"),
        ("1:2:1.5", "expected START:STOP or START:STOP:COUNT, perhaps with log: before it"),
        ("1:2:1", "expected START:STOP:COUNT with a COUNT from 2 to 1,000,000"),
        ("1:2:1000001", "expected START:STOP:COUNT with a COUNT from 2 to 1,000,000"),
        ("1:inf", "expected finite numbers"),
        ("-inf:1", "expected finite numbers"),
        ("nan:1", "expected finite numbers"),
        ("1:nan", "expected finite numbers"),
        ("2:2", "expected START and STOP to differ"),
        ("log:0:2", "expected log:START:STOP with START and STOP above zero"),
        ("log:2:0", "expected log:START:STOP with START and STOP above zero"),
        ("log:-1:2", "expected log:START:STOP with START and STOP above zero"),
    ],
)
def test_ranges_that_are_refused(text, message):
    with pytest.raises(ValueError, match=r"^expected") as error:
        parse_range(text)
    assert str(error.value) == message


def test_ranges_of_constants():
    kind = RangeType()
    assert kind.get_metavar(None, None) == "NAME=LOW:HIGH[:COUNT]"
    assert [each.value for each in kind.shell_complete(None, None, "be")] == ["beta="]
    found = kind.convert(" beta = 0:2", None, None)
    assert found == Range("beta", 0.0, 2.0, 100, False, False)
    assert kind.convert(found, None, None) is found
    assert found.start == 0.002
    assert len(found.values) == 99
    assert (found.values[0], found.values[-1]) == (pytest.approx(2 / 99), 2.0)
    eta = kind.convert("eta=0:2:3", None, None)
    assert (eta.values.tolist(), eta.start, eta.counted) == ([0.0, 1.0, 2.0], 0.0, True)
    log = kind.convert("beta=log:1:4:3", None, None)
    np.testing.assert_allclose(log.values, [1, 2, 4], rtol=1e-14)
    assert (log.start, log.logarithmic) == (1.0, True)
    assert kind.convert("beta=0:2:2000", None, None).points == 2000
    assert Range("beta", 1.0, 2.0, 2).counted is True
    assert Range("beta", 1.0, 2.0, 2).logarithmic is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("beta=0:2:2001", "expected beta=LOW:HIGH:COUNT with a COUNT from 2 to 2,000"),
        ("beta=1", "expected beta=LOW:HIGH or beta=LOW:HIGH:COUNT, perhaps with log: before it"),
        ("beta=2:1", "expected LOW < HIGH"),
        ("latent", "expected one of "),
    ],
)
def test_ranges_of_constants_that_are_refused(text, message):
    found = refused(RangeType(), text)
    assert found.startswith(message)
    if text != "latent":
        assert found == f"{message}, got {text!r}"
    else:
        assert "before '=', got 'latent'" in found


class Named:
    name = "runs"


@pytest.mark.parametrize(
    ("given", "wanted"), [("7", 7), ("-7", -7), ("1e3", 1000), ("2.0", 2), (4, 4), (" 5 ", 5)]
)
def test_whole_numbers(given, wanted):
    found = values.WholeNumber().convert(given, None, None)
    assert (found, type(found)) == (wanted, int)


def test_whole_numbers_that_are_refused():
    for text in ("1.5", "x", "inf", "nan", ""):
        assert refused(values.WholeNumber(), text) == f"{text!r} is not a whole number"
    assert values.WholeNumber(2).convert("2", Named, None) == 2
    with pytest.raises(ParameterError, match=r"runs.*2") as error:
        values.WholeNumber(2).convert("1", Named, None)
    assert error.value.name == "runs"
    assert values.WholeNumber(0).convert("0", Named, None) == 0


def test_one_number_or_several():
    many, alone = values.Numbers(), values.Numbers(alone=True)
    assert (many.convert("2", None, None), alone.convert("2", None, None)) == ((2.0,), 2.0)
    assert many.convert("2,3", None, None) == alone.convert("2,3", None, None) == (2.0, 3.0)
    assert (many.convert(0.5, None, None), alone.convert(0.5, None, None)) == ((0.5,), 0.5)
    assert many.convert((1.0,), None, None) == alone.convert((1.0,), None, None) == (1.0,)
    assert refused(many, "1,x") == "'1,x' is not a number, nor numbers with commas"


def test_folders_have_names():
    assert refused(values.Folder(), "") == "the name of a folder must not be empty"
    assert values.Folder().convert("x", None, None) == "x"


def test_starts(tmp_path):
    kind = values.Start()
    for same in ("gaussian", "torch", "m=0.1", {"m": 1}):
        assert kind.convert(same, None, None) == same
    assert kind.get_metavar(None, None) == "gaussian|torch|m=...,d=...,...|FILE.json"
    assert kind.convert('{"m": 1, "s": "="}', None, None) == {"m": 1, "s": "="}
    file = tmp_path / "a.json"
    file.write_text('{"Q": 2}')
    assert kind.convert(str(file), None, None) == {"Q": 2}
    file.write_text("[1]")
    keys = "must hold an object with the keys m, d, Q, E, R, D"
    assert refused(kind, str(file)) == f"{str(file)!r} {keys}"
    assert refused(kind, "") == "expected a start, got nothing"
    twice = refused(kind, '{"m": 1, "Q": 2, "Q": 3}')
    assert twice.endswith("as JSON: 'Q' stands there twice")
    assert refused(kind, "torsch").startswith(
        "expected 'gaussian', 'torch', 'm=...,d=...,Q=...,E=...,R=...,D=...' or a JSON file; "
        "cannot read 'torsch': No such file or directory"
    )
    assert "torch" in refused(kind, "torsch").rpartition("directory")[2]
