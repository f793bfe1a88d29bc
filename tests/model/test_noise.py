"""Noise that is not white: what is read, what is refused, and that one class is white noise."""

import math

import numpy as np
import pytest

from vaedyn import Params
from vaedyn.errors import ParameterError
from vaedyn.model.noise import parse_noise, text_of


def test_classes_are_sorted_and_those_of_equal_variance_are_one():
    assert parse_noise("0.5*0.25, 2*0.5,0.5*0.25") == ((2.0, 0.5), (0.5, 0.5))
    assert parse_noise([(0.5, 0.3), (2, 0.7)]) == ((2.0, 0.7), (0.5, 0.3))


def test_without_shares_every_variance_is_one_direction_of_many():
    assert parse_noise("3,1,1,1") == ((3.0, 0.25), (1.0, 0.75))


def test_shares_that_are_rounded_add_up_to_one():
    shares = [share for _, share in parse_noise("3*0.3333333,2*0.3333333,1*0.3333333")]
    assert math.fsum(shares) == pytest.approx(1, abs=1e-15)
    assert parse_noise("2*1.0000005") == ((2.0, 1.0),)


def test_a_file_has_lines_with_or_without_shares(tmp_path):
    path = tmp_path / "noise.txt"
    path.write_text("1.2*0.5\n\n0.8*0.5\n")
    assert parse_noise(f"file:{path}") == ((1.2, 0.5), (0.8, 0.5))
    path.write_text("4\n1\n")
    assert parse_noise(f"file:{path}") == ((4.0, 0.5), (1.0, 0.5))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("", "expected VARIANCE*SHARE"),
        ("1.2*", "expected VARIANCE*SHARE"),
        ("1*0.5,2", "either every variance has a share, or none"),
        ("1*0.5,2*0.4", "shares must add up to 1, got 0.9"),
        ("0*0.5,2*0.5", "must be above zero"),
        ("-1*0.5,2*0.5", "must be above zero"),
        ("nan*0.5,2*0.5", "must be above zero"),
        ("inf*0.5,2*0.5", "must be above zero"),
        ("1*0,2*1", "must be above zero"),
        ([], "got none"),
        ([(1, 2, 3)], "expected pairs"),
        (5, "expected pairs"),
        ("file:/nowhere/at/all", "cannot read 'file:/nowhere/at/all': No such file"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(given, text):
    with pytest.raises(ParameterError, match="^noise: ") as found:
        Params(noise=given)
    assert text in found.value.reason
    assert "\n" not in found.value.reason


def test_eta_is_the_mean_and_excludes_another():
    params = Params(noise="1.2*0.25,0.8*0.75")
    assert params.eta == pytest.approx(0.9, abs=1e-15)
    assert params.replace(beta=0.3).noise == params.noise
    assert params.replace(noise="3*0.5,1*0.5").eta == 2
    with pytest.raises(ParameterError, match="^eta: excludes noise"):
        Params(noise="1.2*0.25,0.8*0.75", eta=0.5)


def test_one_class_is_white_noise_with_its_key():
    assert Params(noise="0.7*1") == Params(eta=0.7)
    assert Params(noise=[(0.7, 0.5), (0.7, 0.5)]).to_dict() == Params(eta=0.7).to_dict()


def test_the_text_that_is_kept_makes_the_same_model():
    params = Params(noise=[(1 / 3, 1 / 7), (1 / 9, 6 / 7)])
    assert isinstance(params.noise, str)
    assert Params(**params.to_dict()) == params
    assert text_of(params.classes.tolist()) == params.noise
    np.testing.assert_array_equal(Params(eta=0.7).classes, [[0.7, 1]])


def test_rows_by_dimension():
    assert Params().samples is None
    assert Params(alpha=math.inf) == Params()
    assert Params(dim=50, alpha=2.5).samples == 125
    for alpha in (0, -1, math.nan, "x", 1e-3):
        with pytest.raises(ParameterError, match="^alpha: "):
            Params(dim=50, alpha=alpha)
