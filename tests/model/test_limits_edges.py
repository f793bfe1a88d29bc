"""Values that are just allowed and those just beyond, with every word that refuses them."""

import math

import numpy as np
import pytest

import vaedyn
from vaedyn.model import asked, checks, coordinates, noise, params, schedules, training
from vaedyn.model.params import Params

ALLOWED = [
    (lambda: checks.integer("n", 2.0, 2), 2),
    (lambda: checks.integer("n", 2**53 - 1, 2), 9007199254740991),
    (lambda: checks.real("x", "0.5"), 0.5),
    (lambda: checks.real("x", 0, least_allowed=True), 0.0),
    (lambda: checks.real("x", -0.0, least_allowed=True), 0.0),
    (lambda: checks.real("x", 2, 2.0, least_allowed=True), 2.0),
    (lambda: checks.real("x", 1e12), 1000000000000.0),
    (lambda: training.rates(0.5), 0.5),
    (lambda: training.rates([0.5]), 0.5),
    (lambda: training.rates([0.5, 0.5, 0.5]), 0.5),
    (lambda: training.rates([0.5, 0.25, 0.5]), (0.5, 0.25, 0.5)),
    (lambda: training.pace(Params(lr=0.125)), "0.125"),
    (lambda: training.pace(Params(lr=(0.125, 0.5, 0.25))), "0.125, 0.5, 0.25"),
    (
        lambda: training.pace(Params(lr=(0.125, 0.5, 0.25), momentum=0.75)),
        "0.125, 0.5, 0.25 and momentum 0.75",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0, 0.5), 0),
        {
            "batch": 1,
            "momentum": 0.0,
            "latents": "averaged",
            "optimiser": "adam",
            "adam_betas": (0.0, 0.5),
            "adam_epsilon": 0.0,
        },
    ),
    (
        lambda: training.checked(2, 0.25, "sampled", "sgd", (0.9, 0.999), 1e-8),
        {
            "batch": 2,
            "momentum": 0.25,
            "latents": "sampled",
            "optimiser": "sgd",
            "adam_betas": (0.9, 0.999),
            "adam_epsilon": 1e-08,
        },
    ),
    (lambda: noise.parse_noise("1.5*0.5,0.5*0.5"), ((1.5, 0.5), (0.5, 0.5))),
    (lambda: noise.parse_noise("0.5,1.5,0.5,0.5"), ((1.5, 0.25), (0.5, 0.75))),
    (lambda: noise.parse_noise("1e12*1"), ((1000000000000.0, 1.0),)),
    (lambda: noise.parse_noise("1*1.0000009"), ((1.0, 1.0),)),
    (
        lambda: noise.parse_noise("1*0.5,2*0.5000009"),
        ((2.0, 0.500000449999595), (1.0, 0.4999995500004051)),
    ),
    (
        lambda: noise.parse_noise("1*0.5,2*0.4999991"),
        ((2.0, 0.499999549999595), (1.0, 0.500000450000405)),
    ),
    (lambda: noise.mean_of([(1.5, 0.25), (0.5, 0.75)]), 0.75),
    (lambda: noise.mean_of([(1.5, 0.25)]), 1.5),
    (lambda: noise.text_of([(1.5, 0.25), (0.5, 0.75)]), "1.5*0.25,0.5*0.75"),
    (lambda: Params(dim=5, latent=2, t_max=80).dim, 5),
    (lambda: Params(eta=2, noise="1*0.5,3*0.5").noise, "3.0*0.5,1.0*0.5"),
    (lambda: Params(eta=1, noise="1*0.5,3*0.5").eta, 2.0),
    (lambda: Params(alpha=math.inf).alpha, None),
    (lambda: Params(dim=10, alpha=0.16, t_max=80).samples, 2),
    (
        lambda: (
            Params(
                init={"m": 0, "d": 0, "Q": 1, "E": 1, "R": [[0.25, 0.5], [0.125, 0.25]], "D": 1},
                latent=2,
            )
            .overlaps()["R"]
            .tolist()
        ),
        [[0.25, 0.5], [0.125, 0.25]],
    ),
    (lambda: Params(dim=10, t_max=0.5, points=6).times().tolist(), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
    (lambda: Params(beta=2, anneal="points:0=1,5=2").anneal, "points:0.0=1.0,5.0=2.0"),
    (lambda: Params(anneal="cyclical:3:1").anneal, "cyclical:3.0:1.0"),
    (lambda: Params(anneal=[[0, 3], [5, 1]]).anneal, "points:0.0=3.0,5.0=1.0"),
    (lambda: Params(anneal="points:1=1,1=1").anneal, "points:1.0=1.0,1.0=1.0"),
    (lambda: Params(anneal=[(t, 1) for t in range(1000)]).anneal.count("="), 1000),
    (lambda: Params(anneal="cyclical:0.001:0.5", t_max=1000.0).anneal, "cyclical:0.001:0.5"),
    (lambda: Params(rho=2, signal=2).replace(signal=3).rho, (2.0, 2.0, 2.0)),
    (lambda: Params(eta=2).replace(noise="1*0.5,2*0.5").eta, 1.5),
    (lambda: Params(lr=(0.5, 0.25, 0.125), momentum=0.75).rate, 2.0),
    (lambda: Params(lr=0.5, momentum=0.75).rate, 2.0),
    (lambda: Params(lr=(0.5, 0.25, 0.125)).rates.tolist(), [0.5, 0.25, 0.125]),
    (
        lambda: [
            Params(**x).plain
            for x in (
                {},
                {"batch": 2},
                {"momentum": 0.5},
                {"latents": "sampled"},
                {"optimiser": "adam"},
                {"lr": (1, 2, 3)},
            )
        ],
        [True, False, False, False, False, False],
    ),
    (lambda: Params(eta=0.5, rho=0.25).bound(np.array([-1.0])), 20000.0),
    (lambda: Params(eta=0.125, rho=0.25).bound(np.array([-3.0])), 80000.0),
    (lambda: Params(eta=2.0, rho=(0.25, 5), signal=2).bound(np.array([3.0])), 70000.0),
    (lambda: Params(eta=2.0, rho=(0.25, 5), signal=2).bound(np.array([3.0, -11.0])), 110000.0),
    (lambda: coordinates.counts(np.array([[2.0, 0.5], [1.0, 0.5]]), 7, 2).tolist(), [3, 2]),
    (lambda: coordinates.counts(np.array([[2.0, 0.3], [1.0, 0.7]]), 12, 2).tolist(), [3, 7]),
    (
        lambda: coordinates.counts(
            np.array([[2.0, 0.35], [1.5, 0.35], [1.0, 0.3]]), 12, 2
        ).tolist(),
        [4, 3, 3],
    ),
    (
        lambda: coordinates.variances(
            np.array([[2.0, 0.5], [1.0, 0.5]]), np.array([3.0, 4.0]), 0.25, 7
        ).tolist(),
        [3.25, 4.25, 2.0, 2.0, 2.0, 1.0, 1.0],
    ),
]

KINDS = (
    "constant or tanh:GAMMA or linear:T or sigmoid:T or cosine:T or cyclical:PERIOD:RATIO or "
    "points:T1=BETA1,T2=BETA2,... or decay:START:T or file:PATH"
)
OVERLAPS = "'gaussian', 'torch', 'm=...,d=...,Q=...,E=...,R=...,D=...' or a JSON file"
REFUSED = [
    (lambda: checks.real("x", 1e12 + 1), "x: must be at most 1e+12, got 1000000000001.0"),
    (lambda: checks.real("x", 0.9999999, 1.0), "x: must be > 1, got 0.9999999"),
    (lambda: checks.integer("n", 2.5, 2), "n: must be a whole number, got 2.5"),
    (lambda: checks.integer("n", "2", 2), "n: must be a whole number, got '2'"),
    (lambda: checks.integer("n", 1, 2), "n: must be at least 2, got 1"),
    (lambda: checks.integer("n", 2**53, 2), "n: must be below 2^53, got 9007199254740992"),
    (lambda: checks.real("x", "a"), "x: must be a number, got 'a'"),
    (lambda: checks.real("x", None), "x: must be a number, got None"),
    (lambda: checks.real("x", math.nan), "x: must be finite, got nan"),
    (lambda: checks.real("x", -math.inf), "x: must be finite, got -inf"),
    (lambda: checks.real("x", 0), "x: must be > 0, got 0"),
    (lambda: checks.real("x", -1e-300, least_allowed=True), "x: must be >= 0, got -1e-300"),
    (lambda: checks.real("x", 2, 2.0), "x: must be > 2, got 2"),
    (lambda: checks.real("x", 1.01e12), "x: must be at most 1e+12, got 1.01e+12"),
    (
        lambda: training.rates([0.5, 0.5]),
        ("lr: expected one number or three (decoder, encoder, encoder variances), got [0.5, 0.5]"),
    ),
    (
        lambda: training.rates([0.5, 0.5, 0.5, 0.5]),
        (
            "lr: expected one number or three (decoder, encoder, encoder variances), got "
            "[0.5, 0.5, 0.5, 0.5]"
        ),
    ),
    (lambda: training.rates([0.5, 0.5, 0]), "lr: must be > 0, got 0"),
    (
        lambda: training.checked(0, 0, "averaged", "sgd", (0.9, 0.999), 1e-8),
        "batch: must be at least 1, got 0",
    ),
    (
        lambda: training.checked(1, 1, "averaged", "sgd", (0.9, 0.999), 1e-8),
        "momentum: must be below 1, got 1",
    ),
    (
        lambda: training.checked(1, -0.1, "averaged", "sgd", (0.9, 0.999), 1e-8),
        "momentum: must be >= 0, got -0.1",
    ),
    (
        lambda: training.checked(1, 0, "sample", "sgd", (0.9, 0.999), 1e-8),
        "latents: expected averaged or sampled, got 'sample' (did you mean sampled?)",
    ),
    (
        lambda: training.checked(1, 0, 3, "sgd", (0.9, 0.999), 1e-8),
        "latents: expected averaged or sampled, got 3",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "Adam", (0.9, 0.999), 1e-8),
        "optimiser: expected sgd or adam, got 'Adam' (did you mean adam?)",
    ),
    (
        lambda: training.checked(1, 0.5, "averaged", "adam", (0.9, 0.999), 1e-8),
        "momentum: belongs to sgd; Adam has its own, adam_betas",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0.9,), 1e-8),
        "adam_betas: expected two numbers, got (0.9,)",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0.9, 0.5, 0.5), 1e-8),
        "adam_betas: expected two numbers, got (0.9, 0.5, 0.5)",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0.5, 0), 0),
        "adam_betas: must be > 0, got 0",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (1, 0.5), 0),
        "adam_betas: must be below 1, got 1",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0.5, 1), 0),
        "adam_betas: must be below 1, got 1",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "adam", (0.5, 0.25), -1),
        "adam_epsilon: must be >= 0, got -1",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "sgd", (0.5, 0.25), 1e-8),
        "adam_betas: applies to the optimiser adam only",
    ),
    (
        lambda: training.checked(1, 0, "averaged", "sgd", (0.9, 0.999), 1e-7),
        "adam_epsilon: applies to the optimiser adam only",
    ),
    (
        lambda: noise.parse_noise(""),
        "noise: expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got ''",
    ),
    (lambda: noise.parse_noise([]), "noise: expected variances, such as 1.2*0.5,0.8*0.5, got none"),
    (
        lambda: noise.parse_noise("1.01e12*1"),
        (
            "noise: variances and shares must be above zero, variances at most 1e+12 and "
            "shares at most 1, got 1.01e+12*1"
        ),
    ),
    (
        lambda: noise.parse_noise("0*1"),
        (
            "noise: variances and shares must be above zero, variances at most 1e+12 and "
            "shares at most 1, got 0*1"
        ),
    ),
    (
        lambda: noise.parse_noise("1*0,2*1"),
        (
            "noise: variances and shares must be above zero, variances at most 1e+12 and "
            "shares at most 1, got 1*0"
        ),
    ),
    (
        lambda: noise.parse_noise("1*1.000002"),
        (
            "noise: variances and shares must be above zero, variances at most 1e+12 and "
            "shares at most 1, got 1*1.000002"
        ),
    ),
    (lambda: noise.parse_noise("1*0.5,2*0.500002"), "noise: shares must add up to 1, got 1.000002"),
    (lambda: noise.parse_noise("1*0.5,2*0.499998"), "noise: shares must add up to 1, got 0.999998"),
    (lambda: noise.parse_noise("1*0.5,2"), "noise: either every variance has a share, or none"),
    (
        lambda: noise.parse_noise("1,x*0.5"),
        "noise: expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got 'x*0.5'",
    ),
    (
        lambda: noise.parse_noise("1," + "y" * 50),
        (
            "noise: expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got "
            "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'"
        ),
    ),
    (
        lambda: noise.parse_noise("1,  " + "y" * 40 + "  "),
        (
            "noise: expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got "
            "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'"
        ),
    ),
    (lambda: noise.parse_noise([1, 2]), "noise: expected pairs (variance, share), got [1, 2]"),
    (
        lambda: noise.parse_noise([[1, 2, 3]]),
        "noise: expected pairs (variance, share), got [[1, 2, 3]]",
    ),
    (
        lambda: noise.parse_noise("z"),
        "noise: expected VARIANCE*SHARE,... such as 1.2*0.5,0.8*0.5, got 'z'",
    ),
    (
        lambda: noise.parse_noise([["a" * 53, 1]]),
        (
            "noise: expected pairs (variance, share), got "
            "[['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'..."
        ),
    ),
    (
        lambda: noise.parse_noise([["a" * 52, 1]]),
        (
            "noise: expected pairs (variance, share), got "
            "[['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',..."
        ),
    ),
    (
        lambda: noise.parse_noise("file:/nowhere/at/all"),
        "noise: cannot read 'file:/nowhere/at/all': No such file or directory",
    ),
    (lambda: Params(dim=0), "dim: must be at least 1, got 0"),
    (
        lambda: Params(dim=4, latent=2),
        "dim: must be at least 2 latent + signal = 5 to hold all weight vectors, got 4",
    ),
    (lambda: Params(latent=0), "latent: must be at least 1, got 0"),
    (lambda: Params(signal=0), "signal: must be at least 1, got 0"),
    (
        lambda: Params(rho=[1, 2]),
        (
            "rho: expected one number or 1 (one per signal), got 2, which need --signal 2 "
            "(in Python signal=2)"
        ),
    ),
    (lambda: Params(rho=[]), "rho: expected one number or 1 (one per signal), got 0"),
    (
        lambda: Params(rho=[1, 2], signal=3),
        (
            "rho: expected one number or 3 (one per signal), got 2, which need --signal 2 "
            "(in Python signal=2)"
        ),
    ),
    (lambda: Params(rho=[1, 0], signal=2), "rho: must be > 0, got 0"),
    (
        lambda: Params(eta=2.5, noise="1*0.5,3*0.5").noise,
        "eta: excludes noise, whose mean it is (2), got 2.5",
    ),
    (
        lambda: Params(dim=10, alpha=0.14, t_max=80),
        "alpha: makes fewer than 2 rows of 10 entries: 0.14",
    ),
    (lambda: Params(alpha=0), "alpha: must be > 0, got 0"),
    (lambda: Params(init=3), "init: expected text or a mapping, got 3"),
    (lambda: Params(init={"m": 1}), "init: expected exactly m, d, Q, E, R and D; d is missing"),
    (
        lambda: Params(init="m=0,d=0,Q=1,E=1,R=0,D=1", init_seed=1),
        "init_seed: applies to starts that are drawn only",
    ),
    (
        lambda: Params(init="m=0,d=0,Q=1,E=1,R=0,D=1,X=2,A=3"),
        "init: expected exactly m, d, Q, E, R and D; unknown: A, X",
    ),
    (
        lambda: Params(init="m=0,d=0,Q=1,E=1"),
        "init: expected exactly m, d, Q, E, R and D; R is missing",
    ),
    (lambda: Params(init="gauss"), f"init: expected {OVERLAPS}, got 'gauss'"),
    (lambda: Params(init="m=0,m=0"), f"init: expected {OVERLAPS}, got 'm=0,m=0'"),
    (lambda: Params(init="m=0,d"), f"init: expected {OVERLAPS}, got 'm=0,d'"),
    (
        lambda: Params(init={"m": "a" * 100, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        (
            "init: m is not a matrix of numbers: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
        ),
    ),
    (
        lambda: Params(init={"m": "a" * 58, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        (
            "init: m is not a matrix of numbers: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."
        ),
    ),
    (
        lambda: Params(init={"m": "a" * 57, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        (
            "init: m is not a matrix of numbers: "
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
        ),
    ),
    (
        lambda: Params(init={"m": True, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        "init: m is not a matrix of numbers: True",
    ),
    (
        lambda: Params(init={"m": [[0, 0]], "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        "init: m must have shape (1, 1), got (1, 2)",
    ),
    (
        lambda: Params(init={"m": math.nan, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 1}),
        "init: m must be finite, at most 1e12",
    ),
    (
        lambda: Params(init={"m": 0, "d": 0, "Q": 1.1e12, "E": 1, "R": 0, "D": 1}),
        "init: Q must be finite, at most 1e12",
    ),
    (
        lambda: Params(init={"m": 0, "d": 0, "Q": 1, "E": 1, "R": 0, "D": 0}),
        "init: D must be positive, got [0.0]",
    ),
    (
        lambda: Params(init={"m": 0, "d": 0, "Q": 1, "E": 1, "R": 0, "D": -2}, latent=2),
        "init: D must be positive, got [-2.0, -2.0]",
    ),
    (
        lambda: Params(
            init={"m": 0, "d": 0, "Q": [[1, 0.5], [0.25, 1]], "E": 1, "R": 0, "D": 1}, latent=2
        ),
        "init: Q must be symmetric",
    ),
    (
        lambda: Params(
            init={"m": 0, "d": 0, "Q": 1, "E": [[1, 0.5], [0.25, 1]], "R": 0, "D": 1}, latent=2
        ),
        "init: E must be symmetric",
    ),
    (
        lambda: Params(init="m=2,d=0,Q=1,E=1,R=0,D=1"),
        (
            "init: no weights have these overlaps: [[Q, R], [R^T, E]] - [m; d] [m; d]^T "
            "must be positive semi-definite (so Q >= m m^T, E >= d d^T), its least "
            "eigenvalue is -3"
        ),
    ),
    (lambda: Params(t_max=1e12, dim=10**5), "t_max: 1e+17 steps are more than any machine makes"),
    (lambda: Params(t_max=2**53 / 200), "t_max: must be at most 1e+12, got 4.5036e+13"),
    (
        lambda: Params(dim=10, t_max=0.5, points=7),
        "points: there are 5 steps (t_max times dim), too few for 7 saved times",
    ),
    (lambda: Params(points=1), "points: must be at least 2, got 1"),
    (lambda: Params(t_max=0), "t_max: must be > 0, got 0"),
    (lambda: Params(beta=-1), "beta: must be >= 0, got -1"),
    (lambda: Params(lam=-1), "lam: must be >= 0, got -1"),
    (lambda: Params(init_seed=-1), "init_seed: must be at least 0, got -1"),
    (
        lambda: Params(anneal="points:0=1,5=2"),
        "anneal: ends at beta = 2.0, so --beta must be 2.0, too",
    ),
    (
        lambda: Params(anneal="tan:3"),
        f"anneal: expected {KINDS}, got 'tan:3' (did you mean tanh:GAMMA?)",
    ),
    (lambda: Params(anneal="cycle"), f"anneal: expected {KINDS}, got 'cycle'"),
    (lambda: Params(anneal=""), f"anneal: expected {KINDS}, got ''"),
    (
        lambda: Params(anneal="linear"),
        "anneal: expected linear:T, got 'linear' (T must be a positive number)",
    ),
    (
        lambda: Params(anneal="constant:3"),
        "anneal: expected constant, got 'constant:3' (it takes no number)",
    ),
    (
        lambda: Params(anneal="cyclical:3:1.5"),
        ("anneal: expected cyclical:PERIOD:RATIO, got 'cyclical:3:1.5' (RATIO must be at most 1)"),
    ),
    (
        lambda: Params(anneal="tanh:inf"),
        "anneal: expected tanh:GAMMA, got 'tanh:inf' (GAMMA must be a positive number)",
    ),
    (
        lambda: Params(anneal="decay:2"),
        "anneal: expected decay:START:T, got 'decay:2' (T must be a positive number)",
    ),
    (
        lambda: Params(anneal="decay:2:0"),
        "anneal: expected decay:START:T, got 'decay:2:0' (T must be a positive number)",
    ),
    (
        lambda: Params(anneal=3),
        "anneal: expected text such as 'linear:500', or pairs (t, beta), got 3",
    ),
    (
        lambda: Params(anneal=[[1, 2, 3]]),
        ("anneal: expected text such as 'linear:500', or pairs (t, beta), got [[1, 2, 3]]"),
    ),
    (
        lambda: Params(anneal="points:1"),
        ("anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:1' (each point is T=BETA)"),
    ),
    (
        lambda: Params(anneal="points:1=2=3"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:1=2=3' (each point "
            "is T=BETA)"
        ),
    ),
    (
        lambda: Params(anneal="points:1=-1"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:1=-1' (times and "
            "values must be finite and not negative)"
        ),
    ),
    (
        lambda: Params(anneal="points:-1=1"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:-1=1' (times and "
            "values must be finite and not negative)"
        ),
    ),
    (
        lambda: Params(anneal="points:1=nan"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:1=nan' (times and "
            "values must be finite and not negative)"
        ),
    ),
    (
        lambda: Params(anneal="points:2=1,1=1"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:2=1,1=1' (times "
            "must not fall)"
        ),
    ),
    (
        lambda: Params(anneal="points:1=1,1=2,1=1"),
        (
            "anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:1=1,1=2,1=1' (no "
            "more than two points may have the same time)"
        ),
    ),
    (
        lambda: Params(anneal=[]),
        ("anneal: expected points:T1=BETA1,T2=BETA2,..., got 'points:' (each point is T=BETA)"),
    ),
    (
        lambda: Params(anneal="file:/nowhere"),
        (
            "anneal: expected file:PATH, got 'file:/nowhere' (cannot read it: No such file "
            "or directory)"
        ),
    ),
    (
        lambda: Params(anneal="cyclical:0.001:0.5", t_max=1000.01),
        ("anneal: cyclical:0.001:0.5 has more than 1000000 cycles up to t = 1000.01: raise PERIOD"),
    ),
    (
        lambda: Params().replace(bet=3),
        "replace() got an unexpected keyword argument 'bet' (did you mean beta?)",
    ),
    (
        lambda: Params(rho=(2, 1), signal=2).replace(signal=3),
        (
            "rho: expected one number or 3 (one per signal), got 2, which need --signal 2 "
            "(in Python signal=2)"
        ),
    ),
    (
        lambda: vaedyn.theory(Params(), bet=2),
        "theory() got an unexpected keyword argument 'bet' (did you mean beta?)",
    ),
    (
        lambda: vaedyn.theory(Params(), stores=2),
        "theory() got an unexpected keyword argument 'stores' (did you mean store?)",
    ),
    (lambda: vaedyn.theory(3), "theory() expects Params or keywords, got 3"),
    (
        lambda: vaedyn.limit_cycle(optimiser="adam"),
        "optimiser: adam is not derived for limit cycle; leave it out",
    ),
    (
        lambda: vaedyn.fixed_points(noise="1*0.5,2*0.5"),
        "noise: is not derived for fixed points; leave it out",
    ),
    (
        lambda: coordinates.counts(np.array([[2.0, 0.05], [1.0, 0.95]]), 7, 2).tolist(),
        ("noise: the share 0.05 of the variance 2 is less than one of 5 directions: raise --dim"),
    ),
]


def test_what_is_allowed():
    for number, (call, expected) in enumerate(ALLOWED):
        found = call()
        assert (found, type(found)) == (expected, type(expected)), number


def test_what_is_refused():
    for number, (call, expected) in enumerate(REFUSED):
        with pytest.raises((vaedyn.VaedynError, TypeError)) as caught:
            call()
        assert str(caught.value) == expected, number


def test_a_long_schedule_is_not_repeated_whole():
    text = "points:" + ",".join(f"{t}=1" for t in range(1001))
    with pytest.raises(vaedyn.ParameterError) as caught:
        Params(anneal=text)
    begin, _, rest = str(caught.value).partition("got ")
    shown, _, why = rest.partition(" (")
    assert begin == "anneal: expected points:T1=BETA1,T2=BETA2,..., "
    assert shown == repr(text)[:197] + "..."
    assert why == "there must be 1 to 1000 points, not 1001)"
    for more, cut in ((0, False), (1, True)):
        spec = "tanh:" + "x" * (193 + more)
        with pytest.raises(vaedyn.ParameterError) as caught:
            Params(anneal=spec)
        assert ("..." in str(caught.value)) == cut
        assert (repr(spec) in str(caught.value)) != cut


def test_one_class_is_white_noise_of_its_variance():
    data = Params(noise="3*1").to_dict()
    assert data == {
        "dim": 200, "latent": 1, "signal": 1, "rho": [1.0], "eta": 3.0, "beta": 1.0, "lam": 0.0,
        "lr": 0.01, "t_max": 1500.0, "points": 401, "anneal": "constant", "init": "gaussian",
        "init_seed": 0,
    }  # fmt: skip


def test_numbers_that_are_documented():
    assert (checks.LARGEST, noise.LARGEST, noise.ROUNDING) == (1e12, 1e12, 1e-6)
    assert (schedules.MOST_POINTS, schedules.MOST_CYCLES) == (1000, 1_000_000)
    assert training.RATES == ("decoder", "encoder", "encoder variances")
    assert asked.TRAINING == (
        "batch", "momentum", "latents", "rates", "optimiser", "adam_betas", "adam_epsilon"
    )  # fmt: skip
    assert {"dim", "t_max", "points", "anneal", "init", "init_seed"} == params.IN_TIME
