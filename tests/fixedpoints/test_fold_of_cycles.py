"""A fold of limit cycles: an unstable one from a subcritical Hopf point turns into a stable one.

Takes about 5 s. It is beside a generalized Hopf point, at beta = 1.593.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared.reference import drift
from vaedyn.fixedpoints import follow_cycle
from vaedyn.fixedpoints.follow_cycle import FOLD, HOPF, LOST, from_hopf
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import jacobian, root
from vaedyn.fixedpoints.shooting import Shooting
from vaedyn.fixedpoints.varied import vary

ONE = vaedyn.Params(rho=1.3, lam=0.1, beta=1.45)


@pytest.fixture(scope="module")
def followed():
    def critical(x):
        model = vary(ONE, "lr", x)
        state = Units(model).state(Unit(1, (1.3,)))
        values, vectors = np.linalg.eig(jacobian(model, state))
        i = int(np.argmin(np.where(values.imag > 0.01, abs(values.real), np.inf)))
        return values[i], vectors[:, i], state

    x = root(lambda x: float(critical(x)[0].real), 1.10, 1.115)
    value, vector, state = critical(x)
    shooting = Shooting(lambda x: vary(ONE, "lr", x), 0.9, 1.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow_cycle, "BORN", 0.2)
        patch.setattr(follow_cycle, "MOST", 10)
        found = from_hopf(shooting, x, state, vector.real, value.imag * x)
    assert not isinstance(found, str)
    return found


def test_a_branch_of_cycles_turns_back(followed):
    (hopf, born, _), (kind, at, n) = followed.events[:2]
    assert (hopf, kind) == (HOPF, FOLD)
    x = np.array([cycle.x for cycle in followed.cycles])
    assert at < x.min() + 1e-9 < born
    assert (np.diff(x[: n + 1]) < 0).all()
    assert (np.diff(x[n + 1 :]) > 0).all()
    assert followed.events[-1][0] == LOST
    assert followed.why == {x[-1]: "it goes on after 10 points"}
    assert [cycle.outside for cycle in followed.cycles] == [1] * (n + 1) + [0] * (len(x) - n - 1)


def test_multipliers_on_both_sides_are_those_of_another_integrator(followed):
    n = followed.events[1][2]
    sides = []
    for cycle in (followed.cycles[n], followed.cycles[n + 1]):
        args = (ONE.beta, ONE.strengths, ONE.eta, ONE.lam, cycle.x, 1)

        def flown(y, args=args, period=cycle.period):
            course = solve_ivp(
                lambda _, z: drift(z, *args), (0, period), y, "LSODA", rtol=1e-10, atol=1e-12
            )
            return course.y[:, -1]

        assert flown(cycle.start) == pytest.approx(cycle.start, abs=1e-7)
        h = 1e-4
        ways = np.eye(6)
        matrix = np.array([flown(cycle.start + h * e) - flown(cycle.start - h * e) for e in ways])
        values = np.linalg.eigvals(matrix.T / (2 * h))
        # the trivial one and that of the fold nearly meet: only their sum is well determined
        both = values[np.argsort(np.abs(values - 1))[:2]].sum().real
        wanted = cycle.multipliers[0].real
        assert both - 1 == pytest.approx(wanted, abs=1e-4)
        assert abs(wanted - 1) > 2e-4
        sides.append(wanted > 1)
    assert sides == [True, False]
