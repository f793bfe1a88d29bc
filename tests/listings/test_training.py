"""Every cell, line and first sentence of listings of trainings."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn import Params
from vaedyn.listings import training
from vaedyn.listings.listing import Table


def training_of(**others):
    made = Made(
        predicted=np.array([2.5, 0.5, 0.0]), measured=np.array([2.25, 0.75, 0.005]), active=(2, 2),
        params=Params(dim=30, t_max=40, beta=0.75, lr=0.0625), warnings=["few rows"], slowed=None,
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_trainings_are_listed_beside_the_prediction():
    shown = training.listing(training_of())
    assert shown.first == "2 of 3 latents are active, 2 predicted"
    assert shown.tables == [
        Table(
            ["KL of latent", "predicted", "at t = 40"],
            [["1", "2.5", "2.25"], ["2", "0.5", "0.75"], ["3", "0", "0.005"],
             ["active units", "2", "2"]],
        )
    ]  # fmt: skip
    when = "a latent is active where its KL is above 0, measured: above 0.01 nats"
    assert shown.lines == [when, "KL weight beta = 0.75, learning rate 0.0625"]
    assert shown.warnings == ["few rows"]
    slow = training.listing(training_of(slowed="it was slow", active=(1, 3)))
    assert slow.first == "3 of 3 latents are active, 1 predicted"
    assert slow.lines[0] == "it was slow"


def test_trainings_at_many_beta_are_listed_with_what_missed():
    made = Made(
        beta=np.array([0.5, 1.5]), predicted=np.array([[2.5, 0.5], [1.0, 0.0]]),
        measured=np.array([[2.25, 0.75], [0.9, 0.005]]), missed=["at beta = 1.5"],
        lines=np.array([[3.0, 2], [1, 0], [0, 0], [0, 0]]), fine=np.array([0.5, 1, 1.75, 2]),
        look=Made(analysis=Made(warnings=["few rows"])),
    )  # fmt: skip
    assert training.of_betas(made) == Table(
        ["KL weight beta", "KL predicted", "measured", "active units predicted", "measured"],
        [["0.5", "3", "3", "2", "2"], ["1.5", "1", "0.905", "1", "1"]],
    )
    shown = training._of_collapse(made)
    assert shown.first == (
        "2 VAEs were trained, at beta from 0.5 to 1.5; predicted: all latents collapse at beta = "
        "1.75; 1 missed the prediction"
    )
    assert shown.warnings == ["few rows", "at beta = 1.5"]
    made.lines[:, 0], made.missed = 1, []
    assert training._of_collapse(made).first == "2 VAEs were trained, at beta from 0.5 to 1.5"
