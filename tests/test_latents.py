"""Single latents: all states that one may have."""

import numpy as np
import pytest

from vaedyn.dynamics import Model, residual
from vaedyn.units import Unit, Units, intact


@pytest.mark.parametrize(
    ("constants", "signal", "noise"),
    [
        ((0.5562, 0.3, 0.0382, 0.472, 1.0), 2, 0),  # collapse is discontinuous
        ((1.0, 1.0, 1.0, 0.0, 1.2637), 0, 2),  # between an end and a fold, see the branches
        ((1.0, 1.0, 1.0, 0.0, 1.25), 1, 2),
        ((1.0, 1.0, 1.0, 0.0, 0.01), 1, 1),
    ],
)
def test_a_latent_that_has_several_states_is_listed_on_each(constants, signal, noise):
    rho, eta, beta, lam, lr = constants
    units = Units(Model(1, np.array([rho]), eta, beta, lam, lr))
    for unit, count in ((Unit(1, (rho,)), signal), (Unit(1, (), 1), noise)):
        found = units.branches(unit)
        assert len(found) == count
        states = [units.state(each) for each in found]
        for y in states:
            assert residual(units.alone(unit), y) < 1e-12
            assert intact(unit, y)
        if count == 2:  # the two ends of one curve: one of them is unstable where the other is not
            own = [np.real(units.modes(each)).max() for each in found]
            assert own[0] < 0 < own[1]
