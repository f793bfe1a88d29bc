"""Versions of the numbers of each kind of stored result.

One is raised when the same parameters give other numbers, so that stored results of before
are not taken for new ones. Who changes code that several kinds share raises all of these.
"""

NUMERICS = {
    # the drift (`kernels.ode`) with its integrator (`kernels.rk45`)
    "theory": 2,
    "bands": 3,  # and `kernels.fluctuations`
    "convergence": 3,
    "annealing": 3,
    "fixedpoints": 6,  # Newton's method on the drift, and `kernels.fluctuations`
    "branches": 6,  # the drift without the integrator
    "cycle": 1,  # the drift, the integrator, and the Jacobian along its course
    "cycles": 2,  # and Newton's method on the drift
    "phases": 5,  # both, and the closed forms of latents alone
    "curves": 3,  # closed forms and linearisations of latents alone, and of pairs
    "course": 1,  # the drift with classes (`kernels.classes`) and the integrator
    "warmup": 1,
    # steps of SGD: the engines (`kernels.exact`, `kernels.vector`) with their random stream
    "simulate": 2,
    "data": 2,  # steps on rows (`kernels.rows`)
    "rows": 1,
    # neither
    "spectrum": 3,
    "heldout": 1,
}
