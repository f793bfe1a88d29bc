"""Every cell, line and first sentence of listings of when latents are learned."""

from types import SimpleNamespace as Made

import numpy as np

from vaedyn import Params
from vaedyn.listings import curve
from vaedyn.listings.listing import Listing, Table


def test_times_of_latents_are_listed_in_steps_and_epochs():
    made = Made(
        kl_per_latent=np.array([[0.0, 0, 0], [0.1, 0.2, 0.3], [0.5, 2.5, 1e-9]]),
        order=np.array([1, 0, 2]),
        active=np.array([True, True, False]), learned=np.array([12.5, 4.0, 1.0]), samples=60,
        params=Params(dim=30, batch=4, t_max=50, beta=0.75, lr=0.0625),
    )  # fmt: skip
    rows = [
        ["1", "2.5", "4", "120", "8"], ["2", "0.5", "12.5", "375", "25"],
        ["3", "1e-09", "-", "-", "-"],
    ]  # fmt: skip
    heading = ["latent", "KL at t = 50", "learned at t", "SGD steps", "epochs"]
    assert curve.listing(made) == Listing(
        "2 of 3 latents are learned, the last at t = 12.5 of 50",
        [Table(heading, rows)],
        [f"{curve.MEANING}; 1 of 3 latents collapsed", "beta = 0.75, learning rate 0.0625"],
    )
    later = Made(
        **{**vars(made), "learned": np.array([17.0, 6.1, 1.0]), "active": made.active.copy()}
    )
    shown, said = curve.both(Made(measured=later, predicted=made))
    assert shown.columns == ["latent learned", "predicted t", "measured t", "SGD steps", "epochs"]
    assert shown.rows == [["1", "4", "6.1", "183", "12.2"], ["2", "12.5", "17", "510", "34"]]
    assert said == [curve.APART]
    for first, apart in ((4.03, True), (4.1, False), (9.1, False), (9.2, True)):
        made.learned[1] = first  # beside 6.1: of those that are learned at first 1.5 times as much
        made.learned[0] = 17.0
        assert curve.both(Made(measured=later, predicted=made))[1] == [curve.APART] * apart
    alone, said = curve.both(Made(measured=later, predicted=None))
    assert alone.columns == ["latent learned", "measured t", "SGD steps", "epochs"]
    assert alone.rows[0] == ["1", "6.1", "183", "12.2"]
    assert said == []
    made.active[0] = False  # they differ in number
    fewer, said = curve.both(Made(measured=later, predicted=made))
    assert fewer.rows[1] == ["2", "-", "17", "510", "34"]
    assert said == [curve.APART]
    made.learned[1], later.learned[0] = 8.0, 9.0  # 6.1 and 9 are both near it
    assert curve.both(Made(measured=later, predicted=made))[1] == [curve.APART]
    later.active[:] = True
    assert curve.said(later) == curve.MEANING
    made.active[:] = later.active[:] = False
    assert curve.both(Made(measured=later, predicted=None)) == (None, [])
    assert curve.both(Made(measured=later, predicted=made)) == (None, [])
    assert curve.listing(made).first == "all latents have collapsed at t = 50"
