"""A visitor's table: the same as the functions and the command say of it."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import ParameterError
from vaedyn.explorer import own_data
from vaedyn.explorer.panels import MOST_TIMES
from vaedyn.listings.look import answer


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(250, 10)) + 4.0
    rows[:, 1] += 2.5 * rng.normal(size=250)
    return rows


@pytest.fixture(scope="module")
def found(rows, tmp_path_factory):
    place = tmp_path_factory.mktemp("rows") / "mine.npy"
    np.save(place, rows)
    table = own_data.Table("mine.npy", place.read_bytes())
    yield table.look()
    table.close()


def test_what_is_recommended_is_in_the_words_of_the_command(found, rows, run, tmp_path):
    np.save(tmp_path / "mine.npy", rows)
    printed = run("spectrum mine.npy").out
    panel = own_data.recommendation(found)
    assert panel.words == "\n".join(answer(vaedyn.look(rows)))
    for line in panel.words.splitlines():
        assert line in printed
    assert f"beta = {found.prediction.beta:.6g}" in panel.arrays["html"]


def test_nothing_is_recommended_where_the_rows_do_not_fit():
    rng = np.random.default_rng(1)
    text = "\n".join(",".join(map(str, row)) for row in rng.exponential(size=(200, 5)) ** 3)
    table = own_data.Table("odd.csv", text.encode())
    panel = own_data.recommendation(table.look())
    table.close()
    assert "no beta is recommended, as" in panel.words
    assert "no beta is recommended, as" in panel.arrays["html"]


def test_the_spectrum_is_that_of_the_function(found, rows):
    panel, own = own_data.spectrum(found), vaedyn.look(rows)
    np.testing.assert_allclose(panel.arrays["eigenvalue"], own.spectrum.eigenvalues, rtol=1e-12)
    np.testing.assert_allclose(
        panel.arrays["eigenvalue"], np.linalg.eigvalsh(np.cov(rows.T))[::-1], rtol=1e-10
    )
    assert panel.arrays["signal"].sum() == len(own.analysis.rho) == 1
    assert panel.arrays["eta"] == own.analysis.eta


def test_active_units_are_counted_by_the_eigenvalues_of_the_rows(found, rows):
    arrays = own_data.active_units(found).arrays
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
    for beta, active in zip(arrays["beta"], arrays["active"], strict=True):
        near = np.abs(eigenvalues - beta).min() < 1e-9 * beta  # where one collapses
        assert near or active == (eigenvalues > beta).sum()
    assert arrays["active"].max() == 10
    assert arrays["active"].min() == 0
    assert arrays["best"] == found.prediction.beta


def test_the_learning_curve_is_that_of_the_function(found, rows):
    panel = own_data.learning(found, beta=0.7, latent=2)
    curve = vaedyn.course(rows, beta=0.7, latent=2, points=own_data.TIMES)
    at = np.searchsorted(curve.t, panel.arrays["t"])
    np.testing.assert_allclose(
        panel.arrays["kl"], curve.kl_per_latent[np.ix_(at, curve.order)], rtol=1e-9, atol=1e-12
    )
    assert f"{int(curve.active.sum())} of 2 latents are active in the end" in panel.words


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"a,b\nx,y\n", "a.csv, line 2, column 1 is not a number: 'x'"),
        ("a.npy", b"nothing", "a.npy"),
        ("a.csv", b"1,2\n", "at least 3 rows"),
        ("a.csv", b"1,2\nnan,4\n5,6\n", "row 2, column 1 is nan"),
        ("../../a.csv", b"1,2\n3,inf\n5,6\n", "row 2, column 2 is inf"),
        ("a.doc", b"1,2\n3,4\n5,6\n7,9\n", "a.doc"),
    ],
)
def test_what_is_no_table_is_said_by_the_name_of_its_file(name, content, words):
    table = own_data.Table(name, content)
    with pytest.raises(ParameterError, match=words) as raised:
        own_data.learning(table.look(), latent=400)
    assert "/tmp" not in str(raised.value)
    table.close()


def test_a_file_goes_where_its_name_does_not_lead(tmp_path):
    for name in ("../../outside.csv", "..\\..\\outside.csv", "/outside.csv"):
        table = own_data.Table(name, b"1,2\n")
        assert table.name == "outside.csv"
        folder = table._path.parent
        assert folder.is_dir()
        table.close()
        assert not folder.exists()
    for name in ("..", "a\0b"):
        with pytest.raises(ParameterError, match="cannot be read"):
            own_data.Table(name, b"1,2\n")


def test_columns_and_missing_numbers_are_read_as_the_command_reads_them():
    lines = ["a,b,c"] + [f"{i},{(7 * i) % 5 if i != 4 else ''},{i * i % 7}" for i in range(30)]
    table = own_data.Table("a.csv", "\n".join(lines).encode())
    with pytest.raises(ParameterError, match="missing"):
        table.look()
    found = table.look(columns="a,b", missing="drop", standardise=True)
    assert (found.spectrum.samples, found.spectrum.dim) == (29, 2)
    table.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("%%%", "has not arrived whole"),
        ("", "is empty"),
        (base64.b64encode(bytes(own_data.LARGEST + 1)).decode(), "more than the 20 MB"),
    ],
)
def test_what_is_sent_is_checked(content, words):
    with pytest.raises(ParameterError, match=words):
        own_data.opened("a.csv", content)
    assert "a.csv has 1234 MB, more" in own_data.too_large("a.csv", 1.2335e9).reason
    assert own_data.opened("a.csv", base64.b64encode(b"1,2").decode()) == b"1,2"


def test_the_words_below_the_spectrum_have_its_numbers(found):
    panel, largest = own_data.spectrum(found), found.spectrum.eigenvalues[0]
    assert panel.words == (
        f"250 samples in 10 dimensions; the largest eigenvalue is {largest:.6g}, and 1 signal "
        "stands out of the noise."
    )
    assert panel.arrays["edge"] == found.analysis.edge
    np.testing.assert_array_equal(panel.arrays["number"], np.arange(1, 11))
    np.testing.assert_array_equal(panel.arrays["signal"], [True] + [False] * 9)


def test_the_words_below_active_units_have_the_beta_that_is_recommended(found, rows):
    panel = own_data.active_units(found)
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    best = found.prediction.beta
    count = int((eigenvalues > best).sum())
    units = "1 unit is" if count == 1 else f"{count} units are"
    assert panel.words == (
        f"All units have collapsed from beta = {eigenvalues[0]:.6g} on. At the recommended beta, "
        f"{best:.6g}, {units} active."
    )
    beta = panel.arrays["beta"]
    assert beta[0] == pytest.approx(0.7 * eigenvalues[-1])
    assert beta[-1] == pytest.approx(1.3 * eigenvalues[0])
    assert (np.diff(beta) > 0).all()
    assert len(beta) == 410


def test_where_rows_do_not_fit_nothing_is_said_of_noise():
    rows = np.random.default_rng(1).exponential(size=(200, 5)) ** 3
    rows[:, 3] *= 1e-6
    rows[:, 4] = rows[:, 0]  # a copy: an eigenvalue of 0, on a logarithmic axis
    table = own_data.Table("odd.csv", "\n".join(",".join(map(str, x)) for x in rows).encode())
    odd = table.look()
    table.close()
    shown, active = own_data.spectrum(odd), own_data.active_units(odd)
    assert shown.arrays["eta"] is shown.arrays["edge"] is active.arrays["best"] is None
    top = shown.arrays["eigenvalue"][0]
    assert shown.words == f"200 samples in 4 dimensions; the largest eigenvalue is {top:.6g}."
    assert shown.arrays["eigenvalue"][-1] == 1e-12 * top
    assert active.words == f"All units have collapsed from beta = {top * 199 / 200:.6g} on."
    assert active.arrays["beta"][0] == pytest.approx(0.7e-6 * top * 199 / 200)


def test_of_many_eigenvalues_the_first_are_shown():
    rows = np.random.default_rng(2).normal(size=(300, 230))
    shown = own_data.spectrum(vaedyn.look(rows)).arrays
    assert own_data.MOST_SHOWN == 200
    assert len(shown["number"]) == len(shown["eigenvalue"]) == len(shown["signal"]) == 200


def test_the_words_below_a_learning_curve_have_its_times(found, rows):
    panel = own_data.learning(found, beta=0.7, latent=2)
    curve = vaedyn.course(rows, beta=0.7, latent=2, points=own_data.TIMES)
    times, params = np.sort(curve.learned[curve.active]), curve.params
    first, last = (f"{t * params.dim * params.batch / 250:.3g}" for t in times[[0, -1]])
    assert panel.words == (
        f"At beta = 0.7 and learning rate {params.rate:.6g}, 2 of 2 latents are active in the end; "
        f"learned from t = {times[0]:.6g} to {times[-1]:.6g} ({first} to {last} epochs)."
    )
    gone = own_data.learning(found, beta=40.0, latent=3)
    assert gone.words.endswith("0 of 3 latents are active in the end.")
    one = own_data.learning(found, beta=3.0, latent=1)
    assert "1 of 1 latent is active in the end; learned from" in one.words


def test_a_file_of_the_largest_size_is_taken(monkeypatch):
    assert own_data.LARGEST == 20_000_000
    monkeypatch.setattr(own_data, "LARGEST", 3)
    assert own_data.opened("a.csv", base64.b64encode(b"1,2").decode()) == b"1,2"
    with pytest.raises(ParameterError, match="more than the 0 MB"):
        own_data.opened("a.csv", base64.b64encode(b"1,23").decode())


def test_a_file_without_a_name_is_a_table():
    table = own_data.Table("/", b"1,2")
    assert table.name == "table"
    table.close()


def test_without_signals_a_few_latents_are_trained():
    """As many as there are dimensions, and at most 8; with signals as many as is recommended."""
    rng = np.random.default_rng(8)
    for dim, count in ((6, 6), (12, 8)):
        noise = vaedyn.look(rng.normal(size=(400, dim)))
        assert len(noise.analysis.rho) == 0
        panel = own_data.learning(noise, beta=0.5)
        assert f"of {count} latents" in panel.words
        assert panel.arrays["kl"].shape[1] == count
    assert own_data.TIMES == MOST_TIMES + 1  # no time is computed that is not drawn


@pytest.mark.parametrize(("beta", "words"), [(2.5, "1 unit is"), (1.5, "2 units are")])
def test_one_unit_is_and_several_are(beta, words):
    prediction = SimpleNamespace(
        beta=beta, variances=lambda: np.array([3.0, 2.0, 1.0]),
        active=lambda at: (np.array([3.0, 2.0, 1.0]) > np.asarray(at)[..., None]).sum(axis=-1),
    )  # fmt: skip
    found = SimpleNamespace(prediction=prediction, analysis=SimpleNamespace(no_floor=None))
    assert own_data.active_units(found).words == (
        "All units have collapsed from beta = 3 on. At the recommended beta, "
        f"{beta}, {words} active."
    )
