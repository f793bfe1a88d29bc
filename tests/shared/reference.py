"""Slow, plain twins of the compiled code: as close to the written equations as they get."""

from math import cos, log, pi, sin, sqrt

import numpy as np

MASK = 2**64 - 1
LANES = 64  # generators side by side


# --- random streams ---------------------------------------------------------------------


def xoshiro(state: list[int]) -> int:
    """Return the next word of a generator xoshiro256+ and advance its four words."""
    a, b, c, d = state
    word = (a + d) & MASK
    c ^= a
    d ^= b
    state[:] = [a ^ d, b ^ c, c ^ ((b << 17) & MASK), ((d << 45) | (d >> 19)) & MASK]
    return word


class Stream:
    """Twin of `vaedyn.kernels.stream`, started from the same seed."""

    def __init__(self, seed: np.random.SeedSequence):
        words = [int(word) for word in seed.generate_state(4 * (LANES + 1), np.uint64)]
        self.lanes = [[words[i + j * LANES] for j in range(4)] for i in range(LANES)]
        self.scalar = words[4 * LANES :]
        self.ready: list[float] = []

    def normals(self, count: int) -> np.ndarray:
        while len(self.ready) < count:
            first = [xoshiro(lane) for lane in self.lanes]
            second = [xoshiro(lane) for lane in self.lanes]
            pairs = [box_muller(a, b) for a, b in zip(first, second, strict=True)]
            self.ready += [pair[0] for pair in pairs] + [pair[1] for pair in pairs]
        taken, self.ready = self.ready[:count], self.ready[count:]
        return np.array(taken)

    def uniform(self) -> float:
        return (xoshiro(self.scalar) >> 11) * 2.0**-53

    def chi_square(self, dof: int, z: float) -> float:
        """Marsaglia and Tsang's method, from their paper."""
        if dof < 2:
            return dof * z * z
        d = dof / 2 - 1 / 3
        c = 1 / sqrt(9 * d)
        while True:
            v = (1 + c * z) ** 3
            if v > 0:
                u = self.uniform()
                if u < 1 - 0.0331 * z**4 or log(u) < z * z / 2 + d * (1 - v + log(v)):
                    return 2 * d * v
            z = sqrt(-2 * log(1 - self.uniform())) * cos(2 * pi * self.uniform())


def box_muller(a: int, b: int) -> tuple[float, float]:
    """Return two normals: a radius from `a`; a quadrant and an angle in it from `b`."""
    r = sqrt(max(-2 * log(((a >> 11) + 1) * 2.0**-53), 0.0))
    angle = (((b << 2) & MASK) >> 12) * 2.0**-52 * pi / 2 - pi / 4
    r = r if b >> 62 & 1 else -r
    if b >> 63:
        return r * sin(angle), r * cos(angle)
    return r * cos(angle), -r * sin(angle)


# --- SGD on weight vectors --------------------------------------------------------------


def loss(W, V, D, x, beta, lam):
    """Return the loss of one sample for W, V (N, M): the latent average done by hand."""
    # model: step, the loss that it descends
    N = len(x)
    mu, y = V.T @ x / sqrt(N), W.T @ x / sqrt(N)
    Q = W.T @ W / N
    fit = -y @ mu + mu @ Q @ mu / 2 + (Q.diagonal() * D).sum() / 2
    kl = (mu**2 + D - np.log(D) - 1).sum() / 2
    return fit + beta * kl + lam / (2 * N) * ((W**2).sum() + (V**2).sum())


def sgd_step(W, V, D, x, beta, lam, tau):
    """Return W, V, D after one step of online SGD, all from the same old values."""
    # model: step, of weight vectors
    N = len(x)
    mu, y = V.T @ x / sqrt(N), W.T @ x / sqrt(N)
    Q = W.T @ W / N
    e = y - Q @ mu - beta * mu
    grad_W = -np.outer(x, mu) / sqrt(N) + W @ (np.outer(mu, mu) + np.diag(D + lam)) / N
    grad_V = -np.outer(x, e) / sqrt(N) + lam * V / N
    grad_D = (Q.diagonal() + beta - beta / D) / 2
    return W - tau * grad_W, V - tau * grad_V, D - tau / N * grad_D


def batch_loss(W, V, D, X, xi, beta, lam):
    """Return the mean loss of data points X (b, N), with latents drawn by xi (b, M) if given."""
    # model: step, the loss of a batch
    if xi is None:
        return np.mean([loss(W, V, D, x, beta, lam) for x in X])
    N = len(W)
    mu = X @ V / sqrt(N)
    z = mu + np.sqrt(D) * xi
    misfit = ((X - z @ W.T / sqrt(N)) ** 2).sum(axis=1) / 2 - (X**2).sum(axis=1) / 2
    kl = (mu**2 + D - np.log(D) - 1).sum(axis=1) / 2
    return (misfit + beta * kl).mean() + lam / (2 * N) * ((W**2).sum() + (V**2).sum())


def batch_gradient(W, V, D, X, xi, beta):
    """Return the derivatives of `batch_loss` by W, V and D, but for weight decay."""
    # model: step, its gradients averaged over a batch
    N, Q = len(W), W.T @ W / len(W)
    mu, y = X @ V / sqrt(N), X @ W / sqrt(N)
    z = mu if xi is None else mu + np.sqrt(D) * xi
    e = y - z @ Q
    of_W = -(X - z @ W.T / sqrt(N)).T @ z / len(X) / sqrt(N)
    of_V = -X.T @ (e - beta * mu) / len(X) / sqrt(N)
    of_D = beta / 2 * (1 - 1 / D)
    if xi is None:
        return of_W + W * D / N, of_V, of_D + Q.diagonal() / 2
    return of_W, of_V, of_D - (e * xi).mean(axis=0) / (2 * np.sqrt(D))


class Optimiser:
    """SGD with momentum, or AdamW, as in PyTorch: of W/sqrt(N), V/sqrt(N) and D or log D.

    `decay` is the weight decay of W and of V; other numbers are those of `vaedyn.Params`.
    """

    def __init__(self, *, adam, rates, decay, momentum=0.0, betas=(0.9, 0.999), epsilon=1e-8):
        self.adam, self.rates, self.decay = adam, rates, (*decay, 0.0)
        self.momentum, self.betas, self.epsilon = momentum, betas, epsilon
        self.steps, self.first, self.second = 0, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]

    def step(self, W, V, D, gradients):
        """Return W, V, D after a step by derivatives of the loss by W, V and D."""
        # model: step, of the optimiser
        root = sqrt(len(W))
        of_D = gradients[2] * (D if self.adam else 1)
        weights = [W / root, V / root, np.log(D) if self.adam else D]
        self.steps += 1
        for i, g in enumerate((gradients[0] * root, gradients[1] * root, of_D)):
            lr, decay = self.rates[i] / len(W), self.decay[i]
            weights[i] = (self._adam if self.adam else self._sgd)(i, weights[i], g, lr, decay)
        return weights[0] * root, weights[1] * root, np.exp(weights[2]) if self.adam else weights[2]

    def _sgd(self, i, w, g, lr, decay):
        self.first[i] = self.momentum * self.first[i] + g + decay * w
        return w - lr * self.first[i]

    def _adam(self, i, w, g, lr, decay):
        one, two = self.betas
        self.first[i] = one * self.first[i] + (1 - one) * g
        self.second[i] = two * self.second[i] + (1 - two) * g**2
        mean = self.first[i] / (1 - one**self.steps)
        square = self.second[i] / (1 - two**self.steps)
        return w - lr * decay * w - lr * mean / (np.sqrt(square) + self.epsilon)


def overlaps(W, V, D, teacher) -> np.ndarray:
    """Return the flat order parameters of W, V, teacher (N, .)."""
    N = len(W)
    pairs = ((W, teacher), (V, teacher), (W, W), (V, V), (W, V))
    return np.concatenate([*((a.T @ b / N).ravel() for a, b in pairs), D])


# --- the ODE ----------------------------------------------------------------------------


def split(y, M, K):
    """Return m, d, Q, E, R, D of a flat state."""
    m, d, Q, E, R = 0, M * K, 2 * M * K, 2 * M * K + M * M, 2 * M * K + 2 * M * M
    D, y = R + M * M, np.asarray(y)
    return (
        y[m:d].reshape(M, K), y[d:Q].reshape(M, K),
        y[Q:E].reshape(M, M), y[E:R].reshape(M, M), y[R:D].reshape(M, M), y[D:],
    )  # fmt: skip


def drift(
    y, beta, rho, eta, lam, tau, M, *, noise=True, encoder=None, variances=None, batch=1,
    sampled=False,
):  # fmt: skip
    """Return dy/dt, matrix by matrix; `noise` keeps the terms of second order in tau.

    The rates of decoder (`tau`), `encoder` and `variances` are numbers, or one for each latent.
    """
    # model: drift, matrix by matrix
    m, d, Q, E, R, D = split(y, M, len(rho))
    L, P, eye = np.diag(rho), np.diag(np.asarray(rho) + eta), np.eye(M)
    T_W, T_V, T_D = (eye * (tau if rate is None else rate) for rate in (tau, encoder, variances))
    S = d @ L @ d.T + eta * E
    A = m @ L @ d.T + eta * R
    Y = m @ L @ m.T + eta * Q
    K = Q + beta * eye
    B = S + (D + lam) * eye
    xi = sampled * D * eye
    of_W = S + xi
    of_V = Y - A @ K - K @ A.T + K @ S @ K + Q @ xi @ Q
    of_V = (of_V + of_V.T) / 2  # rounding would grow where E is not symmetric
    of_WV = A.T - S @ K - xi @ Q
    second = eta / batch if noise else 0.0
    H, G = T_W @ (A.T - B @ Q), T_V @ (A - K @ S - lam * E)
    dm = T_W @ (d @ P - B @ m)
    dd = T_V @ (m @ P - K @ d @ P - lam * d)
    dQ = H + H.T + second * T_W @ of_W @ T_W
    dE = G + G.T + second * T_V @ of_V @ T_V
    dR = T_W @ (S - B @ R) + (Y - A @ K - lam * R) @ T_V + second * T_W @ of_WV @ T_V
    dD = -(T_D.diagonal() / 2) * (Q.diagonal() + beta - beta / D)
    return np.concatenate([x.ravel() for x in (dm, dd, dQ, dE, dR, dD)])


def adam_squares(W, V, D, teacher, beta, rho, eta, *, batch=1, sampled=False, mean=True):
    """Return what the squares of Adam's gradients of W, V and log D are on average, (M,) each.

    It is the mean over all entries of a column, for gradients with respect to W/sqrt(N) and
    V/sqrt(N), from the covariance of x itself; `mean` keeps the square of the mean over data.
    """
    # model: drift, mean squares of gradients of weight vectors
    N, M = W.shape
    of_x = eta * np.eye(N) + teacher * rho @ teacher.T / N
    xi = np.diag(D) if sampled else np.zeros((M, M))
    Q, w, v = W.T @ W / N, W / sqrt(N), V / sqrt(N)
    # z = v^T x + noise of covariance xi, and the residual r = x - w z
    of_z = v.T @ of_x @ v + xi
    of_xz = of_x @ v
    of_r = of_x - of_xz @ w.T - w @ of_xz.T + w @ of_z @ w.T
    of_rz = of_xz - w @ of_z
    # e = w^T x - Q z - beta mu
    back = w - v @ (Q + beta * np.eye(M))
    of_e = back.T @ of_x @ back + Q @ xi @ Q
    of_xe = of_x @ back
    # q = w^T x - Q z is what sampled noise is multiplied by; the mean over the noise is known
    of_q = (w - v @ Q).T @ of_x @ (w - v @ Q) + Q @ xi @ Q
    means = (
        -of_rz + (w * D if not sampled else 0.0),
        -of_xe,
        ((D * (Q.diagonal() + beta) - beta) / 2)[None],
    )
    variances = (
        np.outer(of_r.diagonal(), of_z.diagonal()) + of_rz**2,
        np.outer(of_x.diagonal(), of_e.diagonal()) + of_xe**2,
        (xi.diagonal() / 4 * (of_q.diagonal() + Q.diagonal() ** 2 * D))[None],
    )
    return [
        (mean * g**2 + variance / batch).mean(axis=0)
        for g, variance in zip(means, variances, strict=True)
    ]


def weights_of(y, M, K, N):
    """Return W, V, D and the teacher, (N, .), of which `y` has the overlaps."""
    m, d, Q, E, R, D = split(y, M, K)
    gram = np.block([[np.eye(K), m.T, d.T], [m, Q, R], [d, R.T, E]])
    root = np.linalg.cholesky(gram)
    frame = np.linalg.qr(np.random.default_rng(0).standard_normal((N, len(gram))))[0] * sqrt(N)
    both = frame @ root.T
    return both[:, K : K + M], both[:, K + M :], D, both[:, :K]


def adam_drift(
    y, beta, rho, eta, lam, tau, M, N, *, beta2=0.999, epsilon=1e-8, encoder=None, variances=None,
    batch=1, sampled=False, mean=True, memory=True,
):  # fmt: skip
    """Return dy/dt under Adam of order parameters, second moments and correction of the bias.

    `mean` keeps the squares of mean gradients, and `memory` the time that second moments take.
    """
    # model: drift, under Adam
    K, kappa = len(rho), -N * log(beta2)
    y, v, correction = np.asarray(y)[: -3 * M - 1], np.asarray(y)[-3 * M - 1 : -1], y[-1]
    W, V, D, teacher = weights_of(y, M, K, N)
    settings = {"batch": batch, "sampled": sampled}
    target = adam_squares(W, V, D, teacher, beta, rho, eta, mean=mean, **settings)
    used = v.reshape(3, M) / correction if memory else np.array(target)
    rates = [tau if rate is None else rate for rate in (tau, encoder, variances)]
    # log D does not come closer to where it rests than in one step's time, or a 10 000th
    slope = D * ((W**2).sum(axis=0) / N + beta) / 2
    roots = np.sqrt(used) + epsilon
    roots[2] += rates[2] * slope / min(N, 1e4)
    T_W, T_V, T_log = (rate / root for rate, root in zip(rates, roots, strict=True))
    change = drift(y, beta, rho, eta, 0.0, T_W, M, encoder=T_V, variances=T_log * D**2, **settings)
    decay_W, decay_V = lam * rates[0], lam * rates[1]
    m, d, Q, E, R, D = split(y, M, K)
    less = (decay_W * m, decay_V * d, 2 * decay_W * Q, 2 * decay_V * E, (decay_W + decay_V) * R)
    change -= np.concatenate([*(x.ravel() for x in less), 0 * D])
    return np.concatenate(
        [change, kappa * (np.concatenate(target) - v), [kappa * (1 - correction)]]
    )


def random_state(rng, M, K, N=40):
    """Return flat order parameters of random weights."""
    W, V = rng.standard_normal((2, N, M))
    teacher = np.linalg.qr(rng.standard_normal((N, K)))[0] * sqrt(N)
    return overlaps(W, V, rng.uniform(0.3, 1.2, M), teacher)


def drift_in_classes(
    parts, beta, s, classes, shares, lam, tau, *, encoder=None, variances=None, batch=1,
    sampled=False, cancelled=0.0,
):  # fmt: skip
    """Return the derivatives of m, d, q, e, r and D for data of any covariance, by name.

    A share of the noise of data that is `cancelled` is left out, but not that of latents.
    """
    # model: drift, in classes of noise, matrix by matrix
    m, d, q, e, r, D = (parts[name] for name in ("m", "d", "q", "e", "r", "D"))
    eye, P, C_ = np.eye(len(D)), np.diag(s), range(len(classes))
    Q = m @ m.T + sum(shares[c] * q[c] for c in C_)
    S = d @ P @ d.T + sum(shares[c] * classes[c] * e[c] for c in C_)
    A = m @ P @ d.T + sum(shares[c] * classes[c] * r[c] for c in C_)
    Y = m @ P @ m.T + sum(shares[c] * classes[c] * q[c] for c in C_)
    K = Q + beta * eye
    B = S + np.diag(D) + lam * eye
    C = Y - A @ K - K @ A.T + K @ S @ K
    X = A.T - S @ K
    of_V, of_D = (tau if rate is None else rate for rate in (encoder, variances))
    xi = np.diag(D) if sampled else np.zeros((len(D), len(D)))
    left = 1 - cancelled
    of_W_W = (left * S + xi) / batch
    of_V_V = (left * C + Q @ xi @ Q) / batch
    of_W_V = (left * X - xi @ Q) / batch
    dq, de, dr = np.empty_like(q), np.empty_like(e), np.empty_like(r)
    for c in C_:
        h = tau * (classes[c] * r[c].T - B @ q[c])
        g = of_V * (classes[c] * (r[c] - K @ e[c]) - lam * e[c])
        dq[c] = h + h.T + tau**2 * classes[c] * of_W_W
        de[c] = g + g.T + of_V**2 * classes[c] * of_V_V
        dr[c] = tau * (classes[c] * e[c] - B @ r[c])
        dr[c] += of_V * (classes[c] * (q[c] - r[c] @ K) - lam * r[c])
        dr[c] += tau * of_V * classes[c] * of_W_V
    return {
        "m": tau * (d @ P - B @ m),
        "d": of_V * (m @ P - K @ d @ P - lam * d),
        "q": dq,
        "e": de,
        "r": dr,
        "D": -(of_D / 2) * (Q.diagonal() + beta - beta / D),
    }
