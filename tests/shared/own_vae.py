"""What encoders of VAEs put out that people have trained themselves, in closed form or by hand."""

import numpy as np


def at_the_end(rows, beta, latents):
    """Return mu, D and decoder of a linear VAE on rows: pPCA, by singular values of the rows."""
    x = rows - rows.mean(axis=0)
    _, sizes, directions = np.linalg.svd(x, full_matrices=False)
    values = (sizes**2 / len(x))[:latents]
    alive = values > beta
    D = np.where(alive, beta / values, 1.0)
    gain = np.sqrt(np.where(alive, 1 - D, 0) / values)
    decoder = directions[:latents].T * np.sqrt(np.where(alive, values - beta, 0))
    return x @ directions[:latents].T * gain, D, decoder


def put_out(model, flat):
    """Return mu, logvar and decoder of a `tests.shared.tiny_vae.TinyVAE`."""
    p = model.parts(flat)
    return model.centre @ p["V"] + p["c"], p["logD"], p["W"]


def descend(model, flat, steps, lr):
    """Return the parameters after so many steps of plain gradient descent."""
    for _ in range(steps):
        flat = flat - lr * model.loss(flat)[1]
    return flat


class Tensor:
    """Stands in for a tensor of PyTorch: an array that must be detached and brought to the CPU."""

    def __init__(self, values, steps=()):
        self.values, self.steps, self.shape = np.asarray(values), steps, np.shape(values)

    def detach(self):
        return Tensor(self.values, (*self.steps, "detach"))

    def cpu(self):
        return Tensor(self.values, (*self.steps, "cpu"))

    def float(self):
        return Tensor(self.values.astype(np.float32), (*self.steps, "float"))

    def numpy(self):
        if not {"detach", "cpu"} <= {*self.steps}:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.values.dtype == np.float16 and "float" not in self.steps:  # as bfloat16 there
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values

    def __array__(self, *_, **__):
        raise RuntimeError("not by this way")
