"""Models to show in a talk: one or two for each claim, and what to look at."""

from typing import NamedTuple

from ..model.params import Params
from .slowly import RUNS

FIRST_STEPS = "first steps"
START = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
LEARNED = "m=1,d=0.5,Q=1,E=0.25,R=0.5,D=0.5"  # what learning at beta = eta = rho = 1 comes to
SPARE = {"m": [[0.9], [0.1]], "d": [[0.45], [0.1]], "Q": 1, "E": 0.5, "R": 0.4, "D": 0.5}
_TILTED = [[0.2, 0.04], [0.16, -0.04]]
TILTED = {"m": _TILTED, "d": _TILTED, "Q": 1, "E": 1, "R": 0, "D": 1}


class Preset(NamedTuple):
    """A model that shows something.

    Attributes
    ----------
    title : str
    claim : str
        Which claim it belongs to, as `vaedyn.claims.claims.CLAIMS` has it, or `FIRST_STEPS`.
    text : str
        What is seen, and what to try.
    params : Params
    """

    title: str
    claim: str
    text: str
    params: Params


PRESETS = (
    Preset(
        "One latent learns one signal",
        FIRST_STEPS,
        "The error waits on a plateau until the decoder has found the signal, and then falls to "
        "its final value. Drag beta: the smaller it is, the sooner the plateau ends.",
        Params(lr=0.05, dim=400, t_max=300, init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1"),
    ),
    Preset(
        "SGD becomes deterministic for large N",
        "convergence to the ODE",
        f"Theory is the line, {RUNS} runs of SGD at N = 100 are the markers, and their expected "
        "scatter is the band. Drag N: the band narrows as 1/sqrt(N), and the line stays.",
        Params(lr=0.05, t_max=100, points=101, dim=100, init=START),
    ),
    Preset(
        "SGD and the ODE share their learning curve",
        "learning curves",
        "At N = 2000 markers lie on the line all the way. Drag beta beyond 2: both then go back "
        "to the error of having learned nothing, which is rho = 1.",
        Params(dim=2000, points=301, init=START),
    ),
    Preset(
        "Latents are entangled first, disentangled later",
        "entanglement",
        "Both latents begin on the same mixture of two signals, so that Q 1,2 rises. Later each "
        "takes a signal of its own, and the dotted lines of mixed overlaps return to zero.",
        Params(
            latent=2, signal=2, rho=(3, 1), lr=0.05, dim=1000, t_max=2500, points=1001, init=TILTED
        ),
    ),
    Preset(
        "Above beta = 2 the posterior collapses",
        "posterior collapse",
        "What was learned is lost, as beta is above rho + eta = 2, however long one trains. Drag "
        "beta to 1.9: the signal stays, and the error is least near beta = eta = 1.",
        Params(beta=2.25, lr=0.05, dim=500, t_max=2000, points=201, init=LEARNED),
    ),
    Preset(
        "A latent without a signal fits noise",
        "superfluous latents",
        "One signal and two latents: below beta = eta = 1 the spare one fits noise, which raises "
        "the error by about eta - beta. Drag beta to 1.5: the spare latent collapses, and costs "
        "nothing.",
        Params(latent=2, beta=0.5, lr=0.05, dim=500, t_max=800, points=201, init=SPARE),
    ),
    Preset(
        "Learning slows down near collapse",
        "relaxation",
        "At beta = 1.9, just below the threshold, the last deviations take t = 275 to shrink by a "
        "factor e, as the words below the fixed points say. Drag beta down, away from 2: it is "
        "quicker.",
        Params(beta=1.9, lr=0.05, dim=500, t_max=2000, init=START),
    ),
    Preset(
        "KL annealing at the right pace",
        "KL annealing",
        "While beta is still small (dashed, on its way to 1.5) the signal is learned soon, and "
        "the error comes within 10 % of its final value 2.7 times sooner than at constant beta. "
        "Choose the schedule constant to compare.",
        Params(beta=1.5, lr=0.05, dim=1000, t_max=400, init=START, anneal="tanh:0.016"),
    ),
    Preset(
        "KL annealing that is too slow",
        "KL annealing",
        "The error has long fallen when beta (dashed) is still on its way, and then follows it "
        "back to the final value. Drag the pace: faster is sooner up to about 0.016; faster still, "
        "annealing gradually loses its effect.",
        Params(beta=1.5, lr=0.05, dim=1000, t_max=1500, init=START, anneal="tanh:0.003"),
    ),
    Preset(
        "The same rows again and again",
        "finite rows",
        "Four rows for each of N = 250 dimensions are used again and again, so that chance "
        "overlaps with noise are learned, too. Drag beta: the error is now least near beta = 1.9, "
        "where it was eta = 1 on fresh data.",
        Params(dim=250, alpha=4.0, lr=0.05, t_max=400, points=101, init=START),
    ),
    Preset(
        "Momentum, batches and sampled latents",
        "other optimisers",
        "SGD at a tenth of the rate with momentum 0.9 follows the same kind of ODE. Choose sgd: "
        "without its momentum it takes ten times as long.",
        Params(
            dim=1000, rho=2.0, lr=0.01, momentum=0.9, batch=16, latents="sampled", t_max=50,
            points=101, init=START,
        ),
    ),
    Preset(
        "Adam follows an ODE, too",
        "other optimisers",
        "Adam is SGD at rates that follow its running second moments, and theory integrates "
        "those as well. The runs train weight vectors, since Adam treats every entry by itself.",
        Params(
            dim=1000, rho=2.0, lr=0.02, optimiser="adam", batch=16, latents="sampled", t_max=50,
            points=101, init=START,
        ),
    ),
)  # fmt: skip
"""In the order of a talk."""
