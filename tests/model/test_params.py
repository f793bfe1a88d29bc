import dataclasses
import pickle

import numpy as np
import pytest

from vaedyn import ParameterError, Params
from vaedyn.model import start as initial
from vaedyn.model.params import Fields
from vaedyn.model.schedules import parse_schedule
from vaedyn.model.start import weights_with

BAD = {
    "dim": [0, -5, 2, 2.5, "many"],
    "latent": [0, 1.5],
    "signal": [0],
    "rho": [0, -1, (1, 2), float("nan"), "x"],
    "eta": [0, -1, float("inf")],
    "lam": [-1],
    "lr": [0, float("nan"), None, (0.1, 0.2), (0.1, 0.2, 0), "0.1,0.2,0.3", ()],
    "t_max": [0, 1e300, 1e12],
    "points": [1, 10**9],
    "anneal": [None, "tahn:1", "tanh", "tanh:0", "tanh:x", "tanh:inf", "constant:1", ""],
    "init": [
        None,
        [1],
        "gausian",
        "m=1",
        "m=0,d=0,Q=1,E=1,R=0,D=0",
        "m=0,m=0,Q=1,E=1,R=0,D=1",
        "m=a",
    ],
    "init_seed": [-1],
    "beta": [-0.1, float("nan"), 1e300],
    "batch": [0, 1.5, None, 2**53],
    "momentum": [-0.1, 1, float("nan"), "p"],
    "latents": ["average", None, "SAMPLED", 1],
    "optimiser": ["adamw", None, ""],
    "adam_betas": [0.9, (0.9,), (0.9, 1), (0.9, 0), (-0.1, 0.9), "0.9,0.99", (0.9, 0.99)],
    "adam_epsilon": [-1, float("inf"), 1e-7],
}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_a_bad_value_is_refused_by_name(name, value):
    with pytest.raises(ParameterError, match=f"^{name}: ") as caught:
        Params(**{"dim": 10**5, name: value} if name == "t_max" else {name: value})
    assert caught.value.name == name


def test_errors_survive_pickling_as_between_processes():
    error = pickle.loads(pickle.dumps(ParameterError("t_max", "must be > 0")))
    assert (type(error), error.name, error.reason) == (ParameterError, "t_max", "must be > 0")
    assert str(error) == "t_max: must be > 0"


def test_dimensions_must_hold_all_weight_vectors():
    assert Params(dim=5, latent=2).dim == 5
    with pytest.raises(ParameterError, match=r"^dim: must be at least 2 latent \+ signal = 5"):
        Params(dim=4, latent=2)


def test_more_signals_than_latents_are_allowed():
    assert Params(latent=2, signal=3).strengths.tolist() == [1, 1, 1]


def test_equal_models_are_equal_however_they_are_written():
    plain = Params(dim=100, rho=2, lr=1, anneal="tanh:0.5")
    other = Params(dim=np.int64(100), rho=np.array([2]), lr=np.float32(1), anneal=" tanh:.50")
    assert plain == other
    assert hash(plain) == hash(other)
    assert plain.to_dict() == other.to_dict()
    spec = "m=0.1,d=0,Q=1,E=1,R=0,D=1"
    values = {"m": [[0.1]], "d": -0.0, "Q": 1, "E": np.eye(1), "R": 0, "D": [1.0]}
    assert Params(init=spec) == Params(init=values)
    assert Params(init=spec).to_dict() == Params(init=values).to_dict()


def test_replace_checks_the_changed_model():
    params = Params(init="m=0.1,d=0,Q=1,E=1,R=0,D=1", rho=2)
    assert params.replace() == params
    assert params.replace(beta=2.0) == dataclasses.replace(params, beta=2.0)
    with pytest.raises(ParameterError, match="beta"):
        params.replace(beta=-1)
    with pytest.raises(ParameterError, match=r"^init: m must have shape \(2, 1\)"):
        params.replace(latent=2)
    with pytest.raises(TypeError, match=r"^replace\(\) .* 'etta' \(did you mean eta\?\)$"):
        params.replace(etta=1)


def test_more_signals_of_equal_strength_keep_it():
    assert Params(signal=2, rho=3).replace(signal=3).rho == (3, 3, 3)
    assert Params(signal=2, rho=3).replace(signal=1).rho == (3,)
    assert Params(signal=2, rho=3).replace(signal=3, rho=(1, 2, 3)).rho == (1, 2, 3)
    with pytest.raises(ParameterError, match="^rho: expected one number or 2"):
        Params(signal=3, rho=(3, 3, 1)).replace(signal=2)


def test_keywords_are_the_parameters():
    """The types, too; only what is worked out, such as `steps`, cannot be given."""
    assert Fields.__annotations__ == Params.__annotations__
    assert list(Fields.__annotations__) == [field.name for field in dataclasses.fields(Params)]


def test_to_dict_keeps_every_digit_and_drops_what_does_not_matter():
    data = Params(eta=0.1 + 0.2).to_dict()
    assert data["eta"] == 0.1 + 0.2
    assert data["init_seed"] == 0
    given = Params(init="m=0,d=0,Q=1,E=1,R=0,D=1").to_dict()
    assert "init_seed" not in given
    assert given["init"]["Q"] == [[1.0]]
    with pytest.raises(ParameterError, match="init_seed: applies to starts that are drawn"):
        Params(init="m=0,d=0,Q=1,E=1,R=0,D=1", init_seed=2)


def test_saved_times_are_whole_numbers_of_steps():
    params = Params(dim=7, t_max=3.1, points=5)
    steps = params.save_steps()
    assert steps[0] == 0
    assert steps[-1] == params.steps == 22
    np.testing.assert_array_equal(params.times() * 7, steps)
    assert len(np.unique(Params(dim=3, t_max=4, points=13).save_steps())) == 13


def test_scalars_fill_the_diagonals():
    values = Params(dim=20, latent=2, signal=3, init="m=0.3,d=0.2,Q=1,E=2,R=0.1,D=0.5").overlaps()
    np.testing.assert_array_equal(values["m"], [[0.3, 0, 0], [0, 0.3, 0]])
    np.testing.assert_array_equal(values["R"], 0.1 * np.eye(2))
    np.testing.assert_array_equal(values["D"], [0.5, 0.5])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Q": 0.01}, "positive semi-definite"),
        ({"R": 1.5}, "positive semi-definite"),
        ({"Q": [[1, 2], [2, 1]]}, "positive semi-definite"),
        ({"E": [[1, 0.2], [0.1, 1]]}, "E must be symmetric"),
        ({"m": [[1, 2, 3]]}, r"m must have shape \(2, 2\)"),
        ({"D": -1}, "D must be positive"),
        ({"Q": float("nan")}, "Q must be finite"),
        ({"Q": True}, "Q is not a matrix of numbers: True"),
        ({"Q": [[np.True_]]}, "Q is not a matrix of numbers"),
        ({"Q": "1"}, "Q is not a matrix of numbers: '1'"),
        ({"Q": [["1"]]}, "Q is not a matrix of numbers"),
        ({"Q": 10**400}, r"Q is not a matrix of numbers: 10{56}\.\.\.$"),
        ({"Q": "a"}, "not a matrix"),
        ({"X": 1}, "unknown: X"),
    ],
)
def test_impossible_overlaps_are_refused_with_the_reason(change, reason):
    start = {"m": 0.2, "d": 0.2, "Q": 1, "E": 1, "R": 0, "D": 1}
    Params(latent=2, signal=2, init=start)
    with pytest.raises(ParameterError, match=f"^init: .*{reason}"):
        Params(latent=2, signal=2, init={**start, **change})


def test_overlaps_of_a_trillion_are_the_largest():
    start = "m=0,d=0,Q={},E=1,R=0,D=1"
    assert Params(init=start.format("1e12")).overlaps()["Q"] == 1e12
    with pytest.raises(ParameterError, match="^init: Q must be finite, at most 1e12"):
        Params(init=start.format("1.0000001e12"))


def test_overlaps_on_the_edge_of_the_possible_are_allowed():
    """Decoder and encoder along the signal: nothing is left beyond it."""
    params = Params(init="m=0.5,d=0.3,Q=0.25,E=0.09,R=0.15,D=1")
    W, V = params.weights()
    np.testing.assert_allclose(W, 0.5, atol=1e-12)
    np.testing.assert_allclose(V, 0.3, atol=1e-12)


def test_weights_are_built_with_the_overlaps_asked_for():
    rng = np.random.default_rng(0)
    W, V, teacher = rng.standard_normal((3, 2, 50))
    teacher = np.linalg.qr(teacher.T)[0].T * np.sqrt(50)
    wanted = {
        "m": W @ teacher.T / 50,
        "d": V @ teacher.T / 50,
        "Q": W @ W.T / 50,
        "E": V @ V.T / 50,
        "R": W @ V.T / 50,
        "D": np.ones(2),
    }
    W2, V2 = weights_with(31, **wanted)
    from vaedyn.model.start import teacher as basis_teacher

    T = basis_teacher(31, 2)
    for name, got in (("m", W2 @ T.T), ("Q", W2 @ W2.T), ("E", V2 @ V2.T), ("R", W2 @ V2.T)):
        np.testing.assert_allclose(got / 31, wanted[name], atol=1e-12)


def test_schedules_print_what_they_are_parsed_from():
    for spec in ("constant", "tanh:0.002", "tanh:1e-05"):
        assert parse_schedule(spec).spec == spec
    t = np.array([0.0, 1.0, 2.0])
    np.testing.assert_array_equal(parse_schedule("constant")(t, 1.5), [1.5, 1.5, 1.5])
    np.testing.assert_allclose(parse_schedule("tanh:0.5")(t, 2), 2 * np.tanh(0.5 * t))


def test_points_of_a_schedule_may_be_numbers():
    written = Params(beta=1.5, anneal="points:0=0,300=0.3,900=1.5")
    pairs = [(0, 0), (300, 0.3), (900, 1.5)]
    for given in (pairs, np.array(pairs), tuple(pairs)):
        assert Params(beta=1.5, anneal=given) == written
    params = Params(beta=1.5, anneal=pairs)
    np.testing.assert_allclose(params.schedule(np.array([150.0, 600, 1e4]), 1.5), [0.15, 0.9, 1.5])
    for bad in (None, 3, {0: 0, 300: 1.5}, [1, 2], [(0, "a")], [(0, 1, 2)]):
        with pytest.raises(ParameterError, match=r"^anneal: expected text such as .*, or pairs"):
            Params(anneal=bad)
    with pytest.raises(ParameterError, match="^anneal: .*times must not fall"):
        Params(anneal=[(5, 0), (3, 1)])


def test_overlaps_that_are_symmetric_up_to_rounding_are_symmetric():
    start = {"m": 0, "d": 0, "Q": [[1, 0.3], [0.30000000000000004, 1]], "E": 1, "R": 0, "D": 1}
    Q = Params(latent=2, signal=2, init=start).overlaps()["Q"]
    np.testing.assert_array_equal(Q, Q.T)


def test_a_start_that_takes_long_to_read_off_is_said_once_and_read_once(monkeypatch, caplog):
    caplog.set_level("INFO", logger="vaedyn")
    quick = Params(dim=50, latent=2, init_seed=987)
    first = quick.overlaps()
    assert caplog.text == ""
    for values in first.values():
        values[...] = 7.0
    weights = np.concatenate(quick.weights())
    np.testing.assert_allclose(quick.overlaps()["Q"], weights[:2] @ weights[:2].T / 50, rtol=1e-12)
    monkeypatch.setattr(initial, "SECONDS_PER_DRAW", 1.0)
    slow = Params(dim=50, latent=2, init_seed=988)
    slow.overlaps(), slow.overlaps()
    assert caplog.text.count("takes about 100 seconds; overlaps given by --init take none") == 1
    Params(dim=60, init="m=0,d=0,Q=1,E=1,R=0,D=1").overlaps()
    assert len(caplog.records) == 1
