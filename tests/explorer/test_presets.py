"""What a lecturer clicks through."""

import re

from vaedyn.claims.claims import CLAIMS
from vaedyn.explorer.form import model_of, texts_of
from vaedyn.explorer.presets import FIRST_STEPS, PRESETS
from vaedyn.fixedpoints.thresholds import thresholds


def test_every_claim_has_a_preset_in_the_order_of_the_claims():
    shown = list(dict.fromkeys(preset.claim for preset in PRESETS))
    assert shown == [FIRST_STEPS, *CLAIMS]


def test_each_has_two_or_three_statements_and_a_title_of_its_own():
    assert len({preset.title for preset in PRESETS}) == len(PRESETS)
    for preset in PRESETS:
        assert 2 <= len(re.findall(r"\w[.:](?= |$)", preset.text)) <= 4, preset.text


def test_each_can_be_written_into_the_fields():
    for preset in PRESETS:
        assert model_of(texts_of(preset.params), preset.params) == preset.params


def test_collapse_is_shown_beyond_its_threshold():
    (preset,) = (each for each in PRESETS if each.claim == "posterior collapse")
    (limit,) = thresholds(preset.params)["collapse"]
    assert 1.9 < limit < preset.params.beta
