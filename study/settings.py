"""How the VAEs of the study are trained. KL weights are in units of l_1, times in steps."""

RATE, BATCH = 1e-3, 128  # of Adam, and of each of its steps
HIDDEN: dict[str, tuple[int, ...]] = {"linear": (), "one layer": (32,), "two layers": (32, 32)}

# from scratch, at each of these
SCRATCH = (0.1, 0.3, 0.5, 0.7, 0.85, 0.94, 0.97, 1.0, 1.03, 1.1)
STEPS = {"wine": 4000, "cancer": 4000, "digits": 6000, "spiked": 4000, "rare": 4000}

# learned at LOW first, then raised to each of these, and held there; the last steps at a tenth
# of the rate, so that the noise of Adam's steps dies away
RAISED = (0.94, 0.97, 1.0, 1.03, 1.06, 1.1, 1.5)
LOW, LEARNED, RISING, HELD, COOLED = 0.5, 3000, 1000, 2000, 1000

BEYOND = {"scratch": (1.5, 2.0, 3.0), "raised": (2.0, 2.5, 3.0, 3.5, 4.0, 5.0)}  # rare cluster

# with beta that rises from 0 to ANNEALED in so many steps, on some tables and models
WARMED = (("wine", "digits", "rare"), ("linear", "one layer"))
WARM_UP = (0, 200, 500, 1000)
ANNEALED, ANNEALED_STEPS, SEEDS = 0.3, 3000, (0, 1, 2)

EVERY = 25  # steps between looks at the KL divergence, or at the loss
SOME, DRAWS = 500, 2  # rows, and draws of latents, by which the loss is watched


def as_data() -> dict[str, object]:
    """Return all of them by name, as they stand in the results."""
    return {name.lower(): value for name, value in globals().items() if name.isupper()}


def grid(table: str, kind: str) -> tuple[float, ...]:
    """Return the values of beta/l_1 of the runs from ``scratch``, or of those ``raised``."""
    own = {"scratch": SCRATCH, "raised": RAISED}[kind]
    return own + BEYOND[kind] if table == "rare" else own


def parts() -> list[tuple[str, str, str]]:
    """Return table, model and kind of every run."""
    every = [(table, model) for table in STEPS for model in HIDDEN]
    some = [(table, model) for table in WARMED[0] for model in WARMED[1]]
    plain = [(*each, kind) for each in every for kind in ("scratch", "raised")]
    return plain + [(*each, "warm-up") for each in some]
