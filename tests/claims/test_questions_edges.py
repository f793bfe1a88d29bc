"""What `vaedyn check` asks: every number, and how answers are judged, with made-up simulations."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn.claims import meanwhile, selfcheck
from vaedyn.claims.selfcheck import Check, Question

QUESTIONS = [
    ("fixed point, eps_g", 2 - 2 * 3**0.5 + 1.5, 1e-7),
    ("fixed point, KL", 0.5 * np.log(2), 1e-7),
    ("fixed point at lr = 0.2, eps_g", 0.0847571955051575547, 1e-10),
    ("beta that loses a signal, lam = 0.3", 3 / 1.3 - 0.1, 1e-7),
    ("beta that loses noise, lr = 0.05", 1.01257247742547478, 1e-9),
    ("ODE at collapse, eps_g", 1.0, 1e-8),
    ("ODE, M = M* = 1, eps_g", 0.180185010417770381, 1e-7),
    ("ODE, M = M* = 2, annealed, distortion", -1.99135048191482172, 1e-7),
    ("SGD at N = 10^5, ends at the ODE, eps_g", 0.180185010417770381, 0.007),
    ("exact and vector engine in law, z", 0.0, 6.0),
    ("numbers that depend on threads", 0.0, 0.0),
    ("runs alike at two seeds", 0.0, 0.0),
]


def test_all_that_is_asked():
    asked = [(each.name, each.expected, each.tolerance) for each in selfcheck.QUESTIONS]
    assert [name for name, *_ in asked] == [name for name, *_ in QUESTIONS]
    for (name, expected, tolerance), (_, number, allowed) in zip(asked, QUESTIONS, strict=True):
        assert expected == pytest.approx(number, rel=1e-13, abs=0), name
        assert tolerance == allowed, name
    assert (selfcheck.RUNS, selfcheck.MOST_Z, selfcheck.SLOW) == (2000, 6.0, 1e-9)
    assert (
        vaedyn.Params(dim=100_000, lr=0.1, t_max=60, points=2, init="m=0.1,d=0.2,Q=1,E=1,R=0.3,D=1")
        == selfcheck.SINGLE
    )
    assert vaedyn.Params(beta=3, lr=0.1, t_max=1000, points=2) == selfcheck.COLLAPSING
    assert vaedyn.Params(dim=20, lr=0.5, t_max=10, points=3) == selfcheck.SMALL
    pair = selfcheck.PAIR.to_dict()
    init = pair.pop("init")
    assert pair == {
        "dim": 200, "latent": 2, "signal": 2, "rho": [3, 1.5], "eta": 0.8, "beta": 0.9,
        "lam": 0.05, "lr": 0.1, "t_max": 30, "points": 2, "anneal": "tanh:0.05",
    }  # fmt: skip
    assert init == {
        "m": [[0.3, 0.1], [-0.2, 0.4]], "d": [[0.2, -0.1], [0.1, 0.3]],
        "Q": [[1.2, 0.2], [0.2, 0.9]], "E": [[1, -0.1], [-0.1, 1.1]],
        "R": [[0.3, 0.1], [-0.2, 0.2]], "D": [1, 0.8],
    }  # fmt: skip


def test_answers_are_judged():
    for found, expected, tolerance, passed in (
        (1.5, 1.0, 0.5, True), (0.5, 1.0, 0.5, True), (1.51, 1.0, 0.5, False),
        (float("nan"), 1.0, 0.5, False), ("a", "a", 0.0, True), ("a", "b", 9.0, False),
        (1.0, "1", 9.0, False), (0.0, 0.0, 0.0, True),
    ):  # fmt: skip
        assert Check("", found, expected, tolerance).passed == passed
    bounds = [Check("", 1.0, *rest).is_bound for rest in ((0.0, 6.0), (0.0, 0.0), (1.0, 6.0))]
    assert bounds == [True, False, False]
    assert Question("n", lambda: 3.0, 2.0).answer() == Check("n", 3.0, 2.0, 0.0, "")
    wrong = Question("n", lambda: 1 / 0, 2.0, 0.5).answer()
    assert (wrong.note, wrong.passed) == ("ZeroDivisionError: division by zero", False)
    assert np.isnan(wrong.found)


def test_the_law_of_both_engines(monkeypatch):
    """Means and mean squares about them, in units of their errors; the start does not count."""
    rng = np.random.default_rng(1)
    states = {3: rng.normal(0.5, 1, (50, 3, 2)), 4: rng.normal(0.25, 1.5, (50, 3, 2))}
    asked = []

    def simulate(params, **options):
        asked.append((params, options))
        return SimpleNamespace(states=states[options["seed"]])

    monkeypatch.setattr(selfcheck, "simulate", simulate)
    monkeypatch.setattr(selfcheck, "RUNS", 50)
    found = selfcheck._laws()
    a, b = states[3][:, 1:], states[4][:, 1:]
    z = []
    for x, y in ((a, b), ((a - a.mean(0)) ** 2, (b - b.mean(0)) ** 2)):
        error = np.sqrt((x.std(0, ddof=1) ** 2 + y.std(0, ddof=1) ** 2) / 50)
        z.append(np.abs(x.mean(0) - y.mean(0)) / error)
    assert found == pytest.approx(np.max(z), rel=1e-12)
    assert asked == [
        (selfcheck.SMALL, {"runs": 50, "seed": 3}),
        (selfcheck.SMALL, {"runs": 50, "seed": 4, "engine": "vector"}),
    ]
    asked.clear()
    states[0] = states[3]
    monkeypatch.setattr(
        selfcheck, "simulate", lambda params, **options: asked.append((params, options))
    )
    selfcheck.use_engines()
    assert asked == [
        (selfcheck.SMALL, {"runs": 4, "jobs": 1}),
        (selfcheck.SMALL, {"runs": 1, "engine": "vector"}),
    ]


def test_threads_and_seeds(monkeypatch):
    asked = []

    def simulate(params, *, runs, engine, jobs=None, seed=0):
        asked.append((params, runs, engine, jobs, seed))
        states = np.zeros((6, 3, 2)) + (engine == "vector") * seed
        if jobs == 4:
            states[:2, 1] += 1
        return SimpleNamespace(states=states, m=states[:, :, :1, None])

    monkeypatch.setattr(selfcheck, "simulate", simulate)
    assert selfcheck._threads() == 2 * 2 * 2
    small = selfcheck.SMALL
    assert asked == [(small, 6, e, jobs, 0) for e in ("exact", "vector") for jobs in (1, 4)]
    asked.clear()
    assert selfcheck._seeds() == 6  # those of the exact engine
    assert asked == [(small, 6, e, None, seed) for e in ("exact", "vector") for seed in (0, 1)]


def test_no_process_compiles_what_is_compiled(monkeypatch):
    """Nor where nothing can be kept, nor on one core."""
    started = []

    class Process:
        def __init__(self, *given, **options):
            started.append((given, options))

        def wait(self):
            return "waited"

        def kill(self):
            started.append("killed")

    monkeypatch.setattr(meanwhile.subprocess, "Popen", Process)
    monkeypatch.setattr(meanwhile, "cores", lambda: 2)
    fresh = SimpleNamespace(stats=SimpleNamespace(cache_path="folder"))
    unkept = SimpleNamespace(stats=SimpleNamespace(cache_path=None))
    done = SimpleNamespace(stats=SimpleNamespace(cache_path="folder"))
    monkeypatch.setattr(meanwhile, "cached_files", lambda kernel: ["file"] * (kernel is done))
    for kernels, cores, starts in (
        ((fresh, fresh), 2, True), ((fresh, done), 2, False), ((fresh, unkept), 2, False),
        ((fresh,), 1, False),
    ):  # fmt: skip
        started.clear()
        monkeypatch.setattr(meanwhile, "cores", lambda cores=cores: cores)
        with meanwhile.compiled_meanwhile(kernels, "code") as wait:
            assert wait() == ("waited" if starts else None)
        assert len(started) == (2 if starts else 0)
        if starts:
            (command,), options = started[0]
            assert command[2] == meanwhile.START + "code"
            assert options["process_group"] == 0
            assert started[1] == "killed"
