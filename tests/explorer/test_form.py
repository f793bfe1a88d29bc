"""What stands in the fields describes the model, to the last digit."""

import pytest

from vaedyn import ParameterError, Params
from vaedyn.explorer.form import beside, model_of, texts_of

START = {"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4, "D": 0.5}
MODELS = [
    {},
    {"latent": 3, "signal": 2, "rho": (2, 2), "dim": 5000, "t_max": 12.5, "points": 7},
    {"signal": 2, "rho": (3.1234567890123, 0.1), "lr": (0.1, 0.2, 0.3), "batch": 4},
    {"momentum": 0.75, "lam": 1 / 3, "beta": 1e-7, "latents": "sampled"},
    {"optimiser": "adam", "adam_betas": (0.8, 0.99), "lr": 1.25},
    {"noise": "1.2*0.5,0.6*0.5", "alpha": 1.5},
    {"anneal": "points:0.0=0.0,1.5=2.5", "beta": 2.5, "init_seed": 3},
    {"latent": 2, "init": START},
    {"init": "m=0.1,d=-0.2,Q=1,E=1,R=0,D=1", "anneal": "cyclical:3:0.25", "t_max": 30},
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_fields_of_a_model_describe_it(model):
    params = Params(**model)
    assert model_of(texts_of(params), params) == params
    # from another model all but what no field shows arrives, in as many digits
    shown = model_of(texts_of(params), Params(points=params.points))
    assert shown.replace(**{name: getattr(params, name) for name in HIDDEN}) == params


HIDDEN = ("noise", "alpha", "latents", "adam_betas", "adam_epsilon")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"beta": "1.25", "dim": "1e3"}, {"beta": 1.25, "dim": 1000}),
        ({"rho": "4, 2", "signal": "2"}, {"rho": (4.0, 2.0), "signal": 2}),
        ({"signal": "3"}, {"rho": (2.0, 2.0, 2.0), "signal": 3}),
        ({"lr": "0.1,0.2,0.3"}, {"lr": (0.1, 0.2, 0.3)}),
        ({"optimiser": "momentum", "momentum": "0.5"}, {"momentum": 0.5, "optimiser": "sgd"}),
        ({"optimiser": "sgd", "momentum": "0.5"}, {"momentum": 0.0}),
        ({"optimiser": "adam", "momentum": "0.5"}, {"momentum": 0.0, "optimiser": "adam"}),
        ({"anneal": "linear:20"}, {"anneal": "linear:20.0"}),
        ({"t_max": "0.1", "dim": "100"}, {"t_max": 0.1, "points": 11}),
        ({"init": "torch", "init_seed": "5"}, {"init": "torch", "init_seed": 5}),
    ],
)
def test_a_field_changes_its_parameter(texts, expected):
    base = Params(rho=2, lr=0.05)
    found = model_of({**texts_of(base), **texts}, base)
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_start_that_is_given_has_no_seed():
    base = Params(init_seed=4)
    start = "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"
    assert model_of({**texts_of(base), "init": start}, base).init_seed == 0


def test_a_start_of_numbers_fits_any_number_of_latents_and_signals():
    start = "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"
    base = Params(init=start)
    found = model_of({**texts_of(base), "latent": "2", "signal": "3"}, base)
    assert found == Params(init=start, latent=2, signal=3)
    base = Params(latent=2, init=START)
    with pytest.raises(ParameterError, match="must have shape"):
        model_of({**texts_of(base), "latent": "3"}, base)


def test_adam_leaves_nothing_behind():
    base = Params(optimiser="adam", adam_betas=(0.5, 0.9), momentum=0)
    found = model_of({**texts_of(base), "optimiser": "sgd"}, base)
    assert found == Params()


@pytest.mark.parametrize(
    ("texts", "name", "reason"),
    [
        ({"beta": ""}, "beta", "expected a number, got ''"),
        ({"beta": "one"}, "beta", "expected a number"),
        ({"eta": "nan"}, "eta", "expected a finite number"),
        ({"t_max": "inf"}, "t_max", "expected a finite number"),
        ({"dim": "1.5"}, "dim", "expected a whole number"),
        ({"dim": "2"}, "dim", "must be at least"),
        ({"dim": "-1e9"}, "dim", "must be at least"),
        ({"latent": "0"}, "latent", "at least 1"),
        ({"rho": "4,2"}, "rho", "expected one number or 1"),
        ({"rho": "4,,2"}, "rho", "expected a number, got ''"),
        ({"lam": "-1"}, "lam", "must be"),
        ({"t_max": "0"}, "t_max", "must be"),
        ({"t_max": "1e300"}, "t_max", "must be at most"),
        ({"momentum": "1", "optimiser": "momentum"}, "momentum", "below 1"),
        ({"optimiser": "momentum"}, "momentum", "is 0"),
        ({"optimiser": "sdg"}, "optimiser", "expected sgd, momentum, adam"),
        ({"anneal": "file:/etc/passwd"}, "anneal", "files are read by the command line only"),
        ({"anneal": "linear:-3"}, "anneal", "expected linear:T"),
        ({"init": "{"}, "init", "expected an object"),
        ({"init": "[1]"}, "init", "expected"),
        ({"init": "m=1"}, "init", "d"),
    ],
)
def test_what_describes_no_model_is_said(texts, name, reason):
    base = Params()
    with pytest.raises(ParameterError, match=reason) as raised:
        model_of({**texts_of(base), **texts}, base)
    assert raised.value.name == name


def test_what_no_field_shows_is_listed():
    assert beside(Params(beta=2, points=7)) == {}
    assert beside(Params(alpha=2, latents="sampled")) == {"alpha": 2.0, "latents": "sampled"}
