"""Real tables: the same spectrum from every format that they may come in."""

import numpy as np
import pandas
import pytest
from sklearn import datasets

from tests.shared.formats import WRITERS
from vaedyn.data.look import look
from vaedyn.data.spectrum import covariance_spectrum

TABLES = ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud", "china", "flower")
FORMATS = ("x.csv", "words.csv", "x.csv.gz", "x.tsv", "x.npz", "csr.h5ad", "five.mat", "four.nc")


def loaded(name):
    """Return a table and its name: two are made of images."""
    if name == "china":  # patches of a photograph, and the mean colours of lines of another
        image = datasets.load_sample_image("china.jpg")[:400, :600]
        return image.reshape(50, 8, 75, 8, 3).swapaxes(1, 2).reshape(-1, 192)[::9].astype(float)
    if name == "flower":
        return datasets.load_sample_image("flower.jpg").mean(axis=1)
    found = getattr(datasets, f"load_{name}")()
    return np.hstack([found.data, found.target]) if name == "linnerud" else found.data


@pytest.mark.parametrize("name", TABLES)
def test_a_real_table_has_one_spectrum_in_all_formats(tmp_path, name):
    array = np.asarray(loaded(name), dtype=float)
    expected = np.linalg.eigvalsh(np.cov(array.T))[::-1]
    plain = covariance_spectrum(array)
    several = FORMATS if array.size < 1e5 else FORMATS[:1] + FORMATS[4:]
    for each in (*several, *[key for key in WRITERS if key == "x.parquet"]):
        WRITERS[each](tmp_path / each, array)
        found = look(tmp_path / each).spectrum
        assert (found.samples, found.dim) == array.shape
        np.testing.assert_allclose(found.eigenvalues, plain.eigenvalues, rtol=1e-9, atol=1e-12)
        most = expected[: len(found.eigenvalues)]
        np.testing.assert_allclose(found.eigenvalues, most, atol=1e-9 * expected[0])
    frame = pandas.DataFrame(array).assign(word="w")
    np.testing.assert_array_equal(look(frame).spectrum.eigenvalues, plain.eigenvalues)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_a_real_table_as_it_is_handed_on(tmp_path, name):
    """With classes in words, and holes as a spreadsheet leaves them."""
    found = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = found.data.assign(kind=found.target_names[found.target])
    rows = [3, 20, 21, 100]
    frame.iloc[rows, 1] = np.nan
    frame.to_csv(tmp_path / "x.csv", index=False)
    numbers = frame.drop(columns="kind")
    dropped = look(tmp_path / "x.csv", missing="drop").spectrum
    kept = np.linalg.eigvalsh(numbers.dropna().cov())[::-1]
    np.testing.assert_allclose(dropped.eigenvalues, kept, atol=1e-9 * kept[0])
    filled = look(tmp_path / "x.csv", missing="mean", columns="-1").spectrum
    other = np.linalg.eigvalsh(numbers.fillna(numbers.mean()).iloc[:, 1:].cov())[::-1]
    np.testing.assert_allclose(filled.eigenvalues, other, atol=1e-9 * other[0])
