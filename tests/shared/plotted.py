"""What commands of figures are asked for, and hand on, where nothing is computed."""

from types import SimpleNamespace

from tests.shared.kept import PROVENANCE, SOURCE
from vaedyn.figures.layout import Look

USUAL = {"runs": 5, "seed": 0, "engine": None, "random_start": False, "jobs": None}
EVERY = "--runs 3 --seed 4 --engine vector --random-start --jobs 2"
SOME = "--runs 3 --seed 4 --engine vector --jobs 2"
NO_START = {"runs": 5, "seed": 0, "engine": None, "jobs": None}
SOME_GIVEN = {"runs": 3, "seed": 4, "engine": "vector", "jobs": 2}
GIVEN = {"runs": 3, "seed": 4, "engine": "vector", "random_start": True, "jobs": 2}
TOLERANCES, FINER = {"rtol": 1e-8, "atol": 1e-10}, {"rtol": 1e-7, "atol": 1e-9}
LOOKS = "--width one --title T --no-caption --x-lim 1:2 --y-lim 3:"
LOOKED = Look(3.3, False, "T", (1.0, 2.0), (3.0, None))
PLAIN = Look(None, True, "", (None, None), (None, None))


def made(kind, **others):
    return SimpleNamespace(**{"source": SOURCE, "kind": kind, **others})


def records(*kinds):
    return [{"kind": kind, **PROVENANCE} for kind in kinds]
