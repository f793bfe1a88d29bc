"""Long steps of the ODE beside those of the usual integrator, and what may end them."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import outcomes as module
from vaedyn.fixedpoints.newton import residual
from vaedyn.kernels import courses, rosenbrock
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.independent import free
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack

PLAIN = vaedyn.Params(latent=2, signal=2, rho=(2.6, 1.2), eta=0.9, lam=0.03, lr=0.4)
CASES = {
    "plain": PLAIN,
    "rates": PLAIN.replace(lr=(0.5, 0.7, 1.1), batch=3),
    "sampled": PLAIN.replace(latent=3, signal=1, rho=2.3, batch=2, latents="sampled"),
}
BETAS, SHARES = np.array([0.7, 1.1]), np.array([0.3, 0.71, 0.95, 1.0])


def followed(params, end, rtol=1e-6, most=4000, stop=0, bound=1e6):
    """Return status (2,) and states (2, saves, values) at two values of beta."""
    c = Constants.of(params, beta=BETAS).many()
    y = pack(**module.started(params).overlaps())
    which = free(params.latent, params.signal)[1].astype(np.int64)
    status, out = np.full(2, -1), np.full((2, len(SHARES), len(y)), np.nan)
    rosenbrock.integrate(
        np.tile(y, (2, 1)), c, which, np.bincount(which).astype(float), SHARES, end,
        np.full(2, bound), rtol, 1e-3 * rtol, most, np.array([stop]), status, out,
    )  # fmt: skip
    return status, out


@pytest.mark.parametrize("name", CASES)
def test_courses_are_those_of_the_usual_integrator(name):
    params, end = CASES[name], 25.0
    courses_of = [
        integrate(
            params.replace(beta=beta), pack(**module.started(params).overlaps()),
            np.array([0.0, *(end / params.rate * SHARES)]), Constant(), rtol=1e-10, atol=1e-13,
        )[0][1:]
        for beta in BETAS.tolist()
    ]  # fmt: skip
    errors = []
    for rtol in (1e-4, 1e-6):
        status, out = followed(params, end, rtol)
        assert (status == courses.DONE).all()
        errors.append(np.abs(out - courses_of).max())
    assert errors[1] < 5e-6
    assert errors[1] < 0.1 * errors[0]


def test_it_takes_few_steps_to_come_to_rest():
    """Of the usual ones it takes about a hundred thousand, as stability limits these."""
    status, out = followed(PLAIN, 5e4, most=2000)
    assert (status == courses.DONE).all()
    for beta, y in zip(BETAS.tolist(), out[:, -1], strict=True):
        assert residual(Constants.of(PLAIN.replace(beta=beta)), y) < 1e-9


def test_it_stops_and_says_why():
    assert (followed(PLAIN, 25.0, most=3)[0] == courses.STOPPED).all()
    assert (followed(PLAIN, 25.0, bound=0.1)[0] == courses.DIVERGED).all()
    assert (followed(PLAIN, 25.0, stop=1)[0] == -1).all()
    assert (followed(PLAIN.replace(lr=3.0), 500.0)[0] != courses.DONE).all()
