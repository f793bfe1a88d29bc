"""Known codes: the KL weight that each comes with, and what stands for a convention."""

import pytest

from vaedyn.data.convention import OWN, Convention
from vaedyn.data.presets import PRESETS, as_convention
from vaedyn.errors import ParameterError


def test_a_convention_is_meant_by_a_name_a_preset_or_nothing():
    assert as_convention(None) is OWN
    own = Convention("mean", kl="mean")
    assert as_convention(own) is own
    for name, preset in PRESETS.items():
        for given in (name, preset):
            if preset.refused:
                with pytest.raises(ParameterError) as error:
                    as_convention(given)
                assert str(error.value) == f"convention: {preset.refused}"
            else:
                assert as_convention(given) is preset.convention
    with pytest.raises(ParameterError) as error:
        as_convention("bolt")
    known = ", ".join(PRESETS)
    assert str(error.value) == (
        f"convention: expected a Convention or one of {known}, got 'bolt' (did you mean bolts?)"
    )
    with pytest.raises(TypeError, match=r"^convention: expected a Convention, got 3$"):
        as_convention(3)


def test_each_code_has_its_weight():
    assert {name: preset.weight for name, preset in PRESETS.items()} == {
        "pytorch-vae": 0.00025, "pythae": 1.0, "keras": 1.0, "pytorch-example": 1.0, "bolts": 0.1,
        "worldmodels": 1.0, "higgins": None, "scvi": 1.0,
    }  # fmt: skip
