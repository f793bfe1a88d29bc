"""A simulator for the store, which knows nothing of variational autoencoders."""

import numpy as np

PARAMS = {"speed": 2.5, "sizes": [1, 2, 3]}


class Pendulum:
    """A simulator that counts how often it is run."""

    def __init__(self):
        self.calls = 0
        self.computed = []

    def once(self):
        self.calls += 1
        t = np.linspace(0, 1, 11)
        angle = np.outer(np.cos(t), [1.0, 2.0])
        variables = {
            "time": (("time",), t, {"units": "s", "long_name": "time"}),
            "angle": (("time", "ball"), angle, {"units": "rad"}),
            "count": ((), np.int64(3), {}),
        }
        return variables, {"steps": 7, "note": "calm"}

    def swings(self, first, last=10**9):
        """Yield swing after swing, each in a block of its own."""
        for i in range(first, last):
            self.computed.append(i)
            values = np.full((1, 4), float(i))
            yield {"angle": (("swing", "time"), values, {}), "g": ((), 9.81, {})}, {"last": i}
