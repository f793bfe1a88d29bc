"""Figures of phase diagrams: every phase can be told from every other, by everybody."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet

import vaedyn
from vaedyn.figures import phase_diagram as figures_phases
from vaedyn.fixedpoints import attractors
from vaedyn.fixedpoints.phase_diagram import phase_diagram

# Machado, Oliveira and Fernandes (2009), severity 1; the first is the eye without a lack
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def seen(colour, eye):
    """Return CIE L*a*b* of a colour as an eye sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ np.clip(np.array(EYES[eye]) @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def alike(tints, patterns, eye):
    """Return the pairs of phases that an eye hardly tells apart, by colour or by pattern."""
    return [
        (one, two)
        for one, two in combinations(range(len(tints)), 2)
        if patterns.get(one) == patterns.get(two)
        and np.linalg.norm(seen(tints[one], eye) - seen(tints[two], eye)) < 9
    ]


@pytest.mark.parametrize("eye", EYES)
def test_phases_can_be_told_apart_by_every_eye(eye):
    assert alike(figures_phases.TINTS, figures_phases.PATTERNS, eye) == []


def test_pale_tints_are_not_told_apart():
    assert alike(["#E6F3FB", "#FFFFFF", "#3A2F50"], {}, "grey") == [(0, 1)]
    assert alike(["#D0A000", "#9AB000"], {}, "normal") == []
    assert alike(["#C08A30", "#9A9A30"], {}, "protanopia") == [(0, 1)]


def test_patterns_are_drawn_where_their_phase_is():
    result = phase_diagram(vaedyn.Params(), ("beta", [0.5, 1.0, 1.5]), ("eta", [0.5, 1.0, 1.5]))
    phase = result.phase.copy()
    phase[1, 1] = attractors.UNDECIDED
    figure = figures_phases.phase_diagram(replace(result, phase=phase))
    hatches = [each.hatches for each in figure.axes[0].collections if isinstance(each, ContourSet)]
    patterns = [each[0] for each in hatches if each and each[0]]
    assert patterns == [figures_phases.PATTERNS[attractors.UNDECIDED]]
    legend = figure.legends[0]
    words = [text.get_text() for text in legend.get_texts()]
    assert legend.legend_handles[words.index("undecided")].get_hatch() == patterns[0]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, [r"$M = M^* = 1$", r"$\rho = 1$", r"$\tau = 0.01$"]),
        (
            {"lr": (0.03, 0.02, 0.06), "batch": 4, "momentum": 0.5, "latents": "sampled"},
            [r"$M = M^* = 1$", r"$\rho = 1$", r"$\tau = (0.03,\,0.02,\,0.06)$", "$b = 4$",
             "$p = 0.5$", "sampled latents"],
        ),
    ],
)  # fmt: skip
def test_the_way_to_train_is_written_above_a_map(model, words):
    result = phase_diagram(vaedyn.Params(**model), ("beta", [0.5, 1.0]), ("eta", [0.5, 1.0]))
    assert figures_phases.constants(result) == words
