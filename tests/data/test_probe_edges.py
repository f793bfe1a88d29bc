"""How a loss of one's own is read, step by step: fits, batches, places, and each text."""

from itertools import pairwise

import numpy as np
import pytest

from vaedyn.data import probe as module
from vaedyn.data.probe import FORMS, Probed, _answer, _kl, _Loss, _noise, _none, _slope, probe
from vaedyn.errors import ParameterError

RANDOM = np.random.default_rng(5)
X, ZERO = RANDOM.uniform(0, 1, (6, 4)), np.zeros((6, 3))


def squares(y, x, mu, logvar):
    return 0.7 * ((y - x) ** 2).sum() + 0.3 * _kl(mu, logvar)


def test_a_factor_fits_to_a_thousandth_and_to_single_precision():
    sums = np.array([4.0, -2.0, 1.0])
    assert _slope(sums, 2.5 * sums, 0.0) == pytest.approx(2.5, rel=1e-15)
    # orthogonal to the sums, so that the factor stays: 0.001 of 2.5 times the largest, 4
    for size, fits in ((0.00999, True), (0.01001, False)):
        off = np.array([0.0, 0.5, 1.0]) * size
        assert (_slope(sums, 2.5 * sums + off, 0.0) is not None) == fits
        assert (_slope(sums, 2.5 * sums - off, 0.0) is not None) == fits
    # each by itself: the last is off by 0.001 of its own at most
    for size, fits in ((0.00249, True), (0.00251, False)):
        off = np.array([0.0, 0.5, 1.0]) * size
        assert (_slope(sums, 2.5 * sums + off, 0.0, each=True) is not None) == fits
        assert _slope(sums, 2.5 * sums + off, 0.0) is not None
    # and by a millionth of the loss itself
    for base, fits in ((7000, False), (8000, True), (-8000, True)):
        off = np.array([0.0, 0.5, 1.0]) * 0.01
        assert (_slope(sums, 2.5 * sums + off, base, each=True) is not None) == fits
    for bad in (np.nan, np.inf):
        assert _slope([bad, 1], [1, 1], 1.0) is None
        assert _slope([1, 1], [1, bad], 1.0) is None
    assert _slope([0, 0], [0, 0], 1.0) is None
    assert _slope([0, 2], [0, 3], 0.0) == 1.5
    assert _noise(-3.0) == pytest.approx(3e-6, rel=1e-12)


def test_energies_are_those_of_the_likelihoods_but_for_constants():
    """Of an entry of 1, by the densities: differences from one output to another."""
    y, z, x = 0.3, 0.8, 1.0
    likelihoods = {
        "squared error": lambda y: -((1 - y) ** 2),
        "binary cross entropy of probabilities": np.log,
        "binary cross entropy of logits": lambda y: np.log(1 / (1 + np.exp(-y))),
        "Poisson of means": lambda y: np.log(y * np.exp(-y)),
        "Poisson of logarithms of means": lambda y: np.log(np.exp(y) * np.exp(-np.exp(y))),
    }
    assert [*FORMS] == [*likelihoods]
    names = "gaussian", "bernoulli", "bernoulli", "poisson", "poisson"
    assert tuple(name for name, _ in FORMS.values()) == names
    for form, density in likelihoods.items():
        energy = FORMS[form][1]
        wanted = density(y) - density(z)
        assert energy(z, x) - energy(y, x) == pytest.approx(wanted, rel=1e-12)
    none = FORMS["binary cross entropy of probabilities"][1]
    assert none(y, 0.0) == pytest.approx(-np.log(0.7), rel=1e-14)
    assert none(y, 0.25) == pytest.approx(-0.25 * np.log(0.3) - 0.75 * np.log(0.7), rel=1e-14)


def test_the_kl_divergence_is_that_from_a_standard_gaussian():
    mu, logvar = np.array([[0.5, -2.0]]), np.array([[0.3, -1.1]])
    wanted = sum(0.5 * (m * m + np.exp(v) - 1 - v) for m, v in zip(mu[0], logvar[0], strict=True))
    assert _kl(mu, logvar) == pytest.approx(wanted, rel=1e-14)


TEXT = "reconstruction: FORM, times 0.7; KL: times 0.3, both as sums over the batch; so beta = 0.25"


@pytest.mark.parametrize(
    ("grown", "batch", "more"),
    [
        ((1.0, 1.0), "sum", ", whatever the batch size (both are a sum over it)"),
        ((2.2, 2.2), "mean", ", whatever the batch size (both are a mean over it)"),
        ((1.0, 2.2), "mixed",
         " for batches of this size only: over the batch, reconstruction is a sum, KL a mean"),
        ((2.2, 1.0), "mixed",
         " for batches of this size only: over the batch, reconstruction is a mean, KL a sum"),
        ((1.0099, 0.9901), "sum", ", whatever the batch size (both are a sum over it)"),
        ((2.2 * 1.0099, 2.2), "mean", ", whatever the batch size (both are a mean over it)"),
        ((1.0101, 1.0), None, None), ((1.0, 0.9899), None, None),
        ((2.2 * 1.0101, 2.2), None, None), ((1.0, 1.5), None, None),
    ],
)  # fmt: skip
def test_answers_in_words(grown, batch, more):
    found = _answer("gaussian", "FORM", 0.7, 0.3, 0.25, grown, 2.2)
    more = more or (
        " for batches of this size: with a part of the batch, terms change unlike sums or means"
    )
    assert found == Probed(0.25, "gaussian", 0.7, 0.3, batch, TEXT + more)


def test_no_answer_keeps_what_is_known():
    assert _none("why", "poisson", 0.7, 0.3) == Probed(
        None, "poisson", 0.7, 0.3, None, "no beta: why"
    )
    assert _none("why") == Probed(None, None, None, None, None, "no beta: why")


def read(loss, x=X, mu=ZERO, **options):
    return probe(loss, x, mu, mu, **options)


def test_a_squared_error_is_twice_its_part_of_the_model():
    found = read(squares)
    assert found.beta == pytest.approx(0.3 / 1.4, rel=1e-12)
    assert found.reconstruction_factor == pytest.approx(0.7, rel=1e-12)
    assert found.kl_factor == pytest.approx(0.3, rel=1e-9)
    assert found.text == (
        "reconstruction: squared error, times 0.7; KL: times 0.3, both as sums over the batch; so "
        "beta = 0.214286, whatever the batch size (both are a sum over it)"
    )
    energy = FORMS["Poisson of means"][1]
    poisson = read(lambda y, x, mu, lv: 0.7 * energy(y, x).sum() + 0.3 * _kl(mu, lv))
    assert poisson.beta == pytest.approx(0.3 / 0.7, rel=1e-9)


@pytest.mark.parametrize("rows", [5, 6])
def test_half_of_the_batch_is_given_too(rows):
    sizes = set()

    def mean(y, x, mu, logvar):
        sizes.add((len(y), len(x), len(mu), len(logvar)))
        return squares(y, x, mu, logvar) / len(x)

    found = read(mean, X[:rows], ZERO[:rows])
    half = rows // 2
    assert sizes == {(rows,) * 4, (half,) * 4}
    assert found.batch == "mean"


def test_reasons_why_there_is_no_beta():
    def text(loss):
        found = read(loss)
        assert found.beta is None
        return found.text

    assert text(lambda *_: np.inf) == "no beta: the loss is inf where KL is 0 and x_hat 0.5 "\
        "everywhere"  # fmt: skip
    assert text(lambda y, x, m, v: squares(y, x, m, v) + RANDOM.normal()) == (
        "no beta: the loss is random: it differs at the same arguments. Is KL estimated from "
        "samples? Give the mean over them, or the analytic KL"
    )
    assert text(lambda y, x, m, v: squares(y, x, m, 2 * v)) == (
        "no beta: the loss is not linear in the KL divergence of N(mu, exp(logvar)) from N(0, 1), "
        "all latents and samples alike: free bits, a target capacity, or another parametrisation?"
    )
    only_half = read(lambda y, x, m, v: squares(y, x, m, v * (1 + (len(x) == 3))))
    assert only_half.text.startswith("no beta: the loss is not linear in the KL")
    assert text(lambda y, x, m, v: ((y - x) ** 2).sum()) == (
        "no beta: the KL divergence does not enter the loss"
    )
    none = read(lambda y, x, m, v: abs(y - x).sum() + 0.3 * _kl(m, v))
    assert none.text == (
        "no beta: the loss is none of: squared error, binary cross entropy, Poisson; or its "
        "weights differ from entry to entry"
    )
    assert (none.reconstruction_factor, none.kl_factor) == (None, pytest.approx(0.3))
    for signs in ((-0.7, 0.3), (0.7, -0.3)):
        found = read(lambda y, x, m, v, s=signs: s[0] * ((y - x) ** 2).sum() + s[1] * _kl(m, v))
        assert found.text == "no beta: the reconstruction or KL has the wrong sign"
        assert (found.reconstruction, found.reconstruction_factor, found.kl_factor) == (
            "gaussian", pytest.approx(signs[0]), pytest.approx(signs[1]),
        )  # fmt: skip
    both = read(
        lambda y, x, m, v: squares(y, x, m, v) + ((y - 0.5) ** 2).sum() * (m**2).sum() / 100
    )
    assert both.text == "no beta: reconstruction and KL do not simply add up"
    assert (both.reconstruction, both.reconstruction_factor) == ("gaussian", pytest.approx(0.7))


def test_shapes_that_do_not_fit_are_refused():
    def refused(x, mu, logvar):
        with pytest.raises(ParameterError) as error:
            probe(squares, x, mu, logvar)
        return str(error.value)

    text = "x: must be finite, two samples at least, got shape "
    assert refused(X[:1], ZERO[:1], ZERO[:1]) == f"{text}(1, 4)"
    assert refused(X[:, 0], ZERO, ZERO) == f"{text}(6,)"
    infinite = X.copy()
    infinite[2, 1] = np.inf
    assert refused(infinite, ZERO, ZERO) == f"{text}(6, 4)"
    text = "mu: and logvar must be (batch, latents), got "
    assert refused(X, ZERO[:5], ZERO[:5]) == f"{text}(5, 3) and (5, 3)"
    assert refused(X, ZERO, ZERO[:, :2]) == f"{text}(6, 3) and (6, 2)"
    assert refused(X, ZERO[0], ZERO[0]) == f"{text}(3,) and (3,)"
    assert read(squares, X[:2], ZERO[:2]).beta == pytest.approx(0.3 / 1.4)


def test_losses_that_fail_say_why():
    def fails(message):
        def loss(*_):
            raise ValueError(message)

        with pytest.raises(ParameterError) as error:
            read(loss)
        return str(error.value)

    text = "loss_fn: fails, or returns no number ({}): does it need convert=torch.from_numpy?"
    assert fails("shapes differ\nin line 3") == text.format("shapes differ")
    assert fails("") == text.format("ValueError")


def made(x, loss=lambda *_: 0.0):
    return _Loss(loss, x, 3, None, np.random.default_rng(2))


def test_outputs_are_tried_where_likelihoods_take_them():
    for x, inside in ((X, True), (X * 1.01 / X.max(), False), (X - X.min() - 0.01, False)):
        loss = made(x)
        assert loss.strategies == (["unit", "around"] if inside else ["around", "unit"])
        assert loss.fitting == loss.strategies[0]
        start = np.full_like(x, 0.5) if inside else x
        np.testing.assert_array_equal(loss.start[0], start)
        assert loss.spread == x.std()
    edges = made((X - X.min()) / np.ptp(X))
    assert edges.strategies[0] == "unit"
    assert made(np.full((6, 4), 3.0)).spread == 1
    # where outputs as large as the data are taken by no likelihood, a half is
    for bad in (np.nan, None):
        loss = made(X * 9, lambda y, *_, bad=bad: 0.0 if y.max() <= 1 else bad)
        np.testing.assert_array_equal(loss.start[0], np.full((6, 4), 0.5))


def test_places_are_drawn_over_a_range_of_sizes():
    loss, random = made(X * 9), np.random.default_rng(2)
    found = [*loss.latents()]
    assert len(found) == 6
    for (mu, logvar), size in zip(found, (0.1, 0.5, 1.5) * 2, strict=True):
        np.testing.assert_array_equal(mu, size * random.normal(size=(6, 3)))
        np.testing.assert_array_equal(logvar, size * random.normal(size=(6, 3)))
    np.testing.assert_array_equal(loss._decoded("unit"), random.uniform(0.05, 0.95, (6, 4)))
    size = (X * 9).std() * random.uniform(0.2, 1.5)
    np.testing.assert_array_equal(
        loss._decoded("around"), X * 9 + size * random.normal(size=(6, 4))
    )


def test_terms_add_up_to_a_thousandth_of_the_larger_one(monkeypatch):
    """Or to a millionth of the loss."""
    gap = 0.0

    def loss(y, x, mu, logvar):
        change = 0.7 * (((y - x) ** 2).sum() - ((0.5 - x) ** 2).sum())
        kl = 0.3 * _kl(mu, logvar)
        return base + change + kl + gap * max(abs(change), kl)

    for base, gap, fits in (  # noqa: B007
        (0.0, 0.00099, True), (0.0, -0.00099, True), (0.0, 0.00101, False), (0.0, np.nan, False),
        (1e7, 0.00101, True), (10.0, -0.00102, False),
    ):  # fmt: skip
        made_of = made(X, loss)
        assert made_of.adds_up("squared error", 0.7, 0.3) == fits


def test_the_seed_is_that_of_the_places():
    seen = []

    def loss(y, x, mu, logvar):
        seen.append(mu.sum())
        return squares(y, x, mu, logvar)

    for seed in ({}, {"seed": 0}, {"seed": 4}):
        seen.append(None)
        read(loss, **seed)
    ends = [at for at, each in enumerate(seen) if each is None] + [len(seen)]
    usual, zero, other = (seen[a + 1 : b] for a, b in pairwise(ends))
    assert usual == zero != other


def test_arrays_are_converted_and_copied():
    kinds = set()

    def loss(*given):
        kinds.update(map(type, given))
        arrays = [np.array(each) for each in given]
        return squares(*arrays)

    assert read(loss, convert=np.ndarray.tolist).beta == pytest.approx(0.3 / 1.4)
    assert kinds == {list}

    def spoils(y, x, mu, logvar):
        found = squares(y, x, mu, logvar)
        y += 1
        x += 1
        mu += 1
        return found

    assert read(spoils).beta == pytest.approx(0.3 / 1.4)
    assert module.POINTS == 6
