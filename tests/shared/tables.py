"""Tables of the spiked model, and what is found in them."""

from unittest import mock

import numpy as np

from vaedyn.data.analyse import analyse
from vaedyn.data.spectrum import covariance_spectrum


def blocks(data, rows=1000):
    return lambda: (data[start : start + rows] for start in range(0, len(data), rows))


def spiked(rng, samples, dim, rho=(), eta=1.0, turned=False):
    """Draw data (samples, dim) of the spiked model; signals lie along the axes unless turned."""
    data = np.sqrt(eta) * rng.normal(size=(samples, dim))
    data[:, : len(rho)] *= np.sqrt(1 + np.array(rho) / eta)
    return data @ np.linalg.qr(rng.normal(size=(dim, dim)))[0] if turned else data


def analysed(data, **options):
    return analyse(covariance_spectrum(blocks(data)), **options)


class Unwatched:
    """In the place of `Watch`, which costs as much as all else."""

    def see(self, block):
        """Take in a block."""

    def doubts(self):
        return ()


def drawn(data, **options):
    """Return what is found in one of very many tables, whose columns nobody need doubt."""
    with mock.patch("vaedyn.data.blocks.Watch", Unwatched):
        return analysed(data, **options)


def warned(data, **options):
    texts = analysed(data, **options).warnings
    assert all("\n" not in text for text in texts)
    return " | ".join(texts)
