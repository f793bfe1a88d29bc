"""How long a gaussian start takes to read off, as it is said."""

import numpy as np
import pytest

from vaedyn.model import start


@pytest.mark.parametrize(
    ("dim", "latent", "seconds"),
    [
        (125_000_000, 1, None), (62_500_000, 2, None), (62_600_000, 2, "5"), (10**9, 3, "120"),
        (4 * 10**10, 1, "1,600"),
    ],
)  # fmt: skip
def test_more_than_five_seconds_are_announced(monkeypatch, caplog, dim, latent, seconds):
    """At 40 ns for each coordinate and latent."""
    caplog.set_level("INFO", logger="vaedyn")
    monkeypatch.setattr(start, "drawn_rows", lambda *_: iter(()))
    start._drawn_products.__wrapped__("gaussian", dim, latent, 1, 0)
    wanted = [] if seconds is None else [
        f"reading the gaussian start off N = {dim:g} coordinates takes about {seconds} seconds; "
        "overlaps given by --init take none"
    ]  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == wanted


def test_a_start_is_read_off_block_by_block(monkeypatch):
    dim, latent, signal = 50, 2, 3
    weights = np.concatenate(start.drawn_weights("gaussian", dim, latent, 5))
    along = weights @ start.teacher(dim, signal).T / dim
    whole = start._drawn_products.__wrapped__("gaussian", dim, latent, signal, 5)
    monkeypatch.setattr(start, "BLOCK", 17)
    for gram, means in (
        whole,
        start._drawn_products.__wrapped__("gaussian", dim, latent, signal, 5),
    ):
        np.testing.assert_allclose(gram, weights @ weights.T / dim, rtol=1e-12)
        np.testing.assert_allclose(means, along, rtol=1e-12, atol=1e-14)
