"""The table of a warm-up: every number in its column, and the gain as a ratio of times."""

import math
from types import SimpleNamespace

from vaedyn.listings.tuning import warm_up_table


def test_each_schedule_has_its_time_in_every_unit_and_its_gain():
    best = SimpleNamespace(
        constant=60.0, spec="linear:12", time=24.0, off=30.0,
        steps=lambda time: 200 * time, epochs=lambda time: 1.6 * time,
    )  # fmt: skip
    found = warm_up_table(best)
    assert list(found.columns) == ["beta(t)", "converged at t", "SGD steps", "epochs", "gain"]
    assert found.rows == [
        ["constant", "60", "12000", "96", "1"],
        ["linear:12", "24", "4800", "38.4", "2.5"],
        ["the same, off by a tenth", "30", "6000", "48", "2"],
    ]
    best.off = math.nan
    assert warm_up_table(best).rows[-1] == ["the same, off by a tenth", "-", "-", "-", "-"]
    best.spec = "constant"
    assert len(warm_up_table(best).rows) == 2
