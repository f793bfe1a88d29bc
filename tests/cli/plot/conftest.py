"""Figures and computations that are replaced by fakes."""

import pytest

import vaedyn.figures.style
from vaedyn.cli.plot import (
    collapse,
    course,
    diagnose,
    heldout,
    phase_diagram,
    picture,
    rate_distortion,
    spectrum,
    sweep,
)
from vaedyn.cli.session import Session
from vaedyn.figures.layout import Look


@pytest.fixture(autouse=True)
def all_in_sight(monkeypatch):
    """Yield the figures of which it was asked whether they are empty."""
    asked = []
    for module in (picture, collapse, course, diagnose, heldout, phase_diagram, rate_distortion,
                   spectrum, sweep):  # fmt: skip
        monkeypatch.setattr(module, "say_if_empty", asked.append)
    return asked


@pytest.fixture
def drawn(monkeypatch, all_in_sight):
    """Yield a function that lets a figure be drawn by a fake; and what is saved, and where."""

    class Drawn(dict):
        def of(self, name, function=None):
            home = f"vaedyn.figures.{name}"
            own = function or name

            def figure(*given, **options):
                self[own] = given, options
                return f"figure of {own}"

            monkeypatch.setattr(f"{home}.{own}", figure)

    asked, checked = Drawn(), []

    def save(figure, path, *, keywords=()):
        # the still picture beside an animation is not looked at
        assert "learning_animation" in asked or all_in_sight == [figure]
        all_in_sight.clear()
        asked.update(saved=(figure, str(path), [*keywords]), checked=[*checked])
        checked.clear()

    monkeypatch.setattr(vaedyn.figures.style, "save", save)
    monkeypatch.setattr(Look, "check", lambda self, *scales: checked.append(scales))
    return asked


@pytest.fixture
def science(monkeypatch):
    """Yield a function that replaces a function of a module and notes what it is asked for."""
    asked = {}

    def put(module, name, answer):
        def fake(*given, **options):
            for each in ("progress", "watch"):
                given_ = options.pop(each, None)
                if each == "progress" and given_ is not None:
                    given_(1, 2)
            options.pop("store", None)
            given = tuple(x for x in given if not isinstance(x, Session))
            asked.setdefault(name, []).append((given, options))
            return answer

        monkeypatch.setattr(module, name, fake)
        return asked

    return put
