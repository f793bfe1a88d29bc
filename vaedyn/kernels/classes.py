"""The drift of the ODE for any data covariance: directions that are tracked, and classes of others.

Along a tracked direction the weights have first moments, m and d; the many directions of a
class, on which the data have one variance, are known by second moments only. The state is
m, d (M K each), q, e, r (C M M each, means of w w^T, v v^T, w v^T over the directions of a
class) and D (M), one flat array, each in row-major order.
"""

from .jit import leaf
from .ode import U, second
from .product import multiply


@leaf
def scratch(latent, tracked):
    """Return how many numbers `drift` needs for its intermediate results."""
    return 9 * latent * latent + 3 * latent * tracked


@leaf
def drift(y, c, work, out):
    """Write dy/dt into `out`.

    Parameters
    ----------
    y, out : (values,)
    c : Constants
        `rho` has the variances of the data along tracked directions, eta the share of the
        noise of data in steps that cancels: none where they are fresh, all where rows are soon
        used again. That of sampled latents never does.
    work : tuple
        (scratch(latent, tracked),) numbers, the variances (classes,) of the data in each class,
        and the share (classes,) of all directions that is in it.
    """
    # model: drift, of first moments along directions and second moments in classes
    room, variances, shares = work
    latent, tracked, classes = U(c.latent), U(c.rho.size), U(variances.size)
    beta, s, lam = c.beta, c.rho, c.lam
    size = latent * latent
    m, d, q = U(0), latent * tracked, U(2) * latent * tracked
    e = q + classes * size
    r = e + classes * size
    D = r + classes * size
    # A = cov(y, mu), S = cov(mu), K = Q + beta, B = -(S + D + lam), and the noise of a step
    # in W W, V V and W V: Sn, Cn and Xn; products are added up in place
    A, S, Y, K, B = U(0), size, U(2) * size, U(3) * size, U(4) * size
    G, Sn, Cn, Xn = U(5) * size, U(6) * size, U(7) * size, U(8) * size
    dP = U(9) * size  # transposed, as the two after it
    mP, mT = dP + d, dP + d + d

    for i in range(latent):
        for k in range(tracked):
            room[dP + k * latent + i] = s[k] * y[d + i * tracked + k]
            room[mP + k * latent + i] = s[k] * y[m + i * tracked + k]
            room[mT + k * latent + i] = y[m + i * tracked + k]
    for i in range(U(4) * size):
        room[i] = 0.0
    for a in range(classes):
        share, power = shares[a], shares[a] * variances[a]
        at = a * size
        for i in range(size):
            room[A + i] += power * y[r + at + i]
        for i in range(size):
            room[S + i] += power * y[e + at + i]
        for i in range(size):
            room[Y + i] += power * y[q + at + i]
        for i in range(size):
            room[K + i] += share * y[q + at + i]
    multiply(room, A, y, m, room, dP, U(2) * latent, tracked, latent)  # S, too
    multiply(room, Y, y, m, room, mP, latent, tracked, latent)
    multiply(room, K, y, m, room, mT, latent, tracked, latent)
    for i in range(size):
        room[B + i] = -room[S + i]
    for i in range(latent):
        room[K + i * latent + i] += beta
        room[B + i * latent + i] -= y[D + i] + lam
        for j in range(latent):
            room[G + i * latent + j] = -room[A + j * latent + i]
    multiply(room, G, room, S, room, K, latent, latent, latent)  # -cov(mu, e)
    for i in range(size):
        room[Sn + i] = 0.0
    multiply(room, Sn, room, A, room, K, latent, latent, latent)
    for i in range(size):
        room[Cn + i] = room[Y + i] - room[Sn + i]
    multiply(room, Cn, room, K, room, G, latent, latent, latent)  # cov(e)
    noise = second(c) * (1.0 - c.eta)
    for i in range(size):
        room[Sn + i] = noise * room[S + i]
        room[Cn + i] *= noise
        room[Xn + i] = -noise * room[G + i]
    if c.sampled != 0.0:
        with_samples(y, c, latent, D, room)

    for i in range(latent):
        for k in range(tracked):
            at = i * tracked + k
            out[m + at] = -s[k] * y[d + at]
            out[d + at] = s[k] * y[m + at] - lam * y[d + at]
    multiply(out, d, room, K, out, m, latent, latent, tracked)  # out[m:] is -d P so far
    for i in range(d):
        out[i] = -out[i]
        out[d + i] *= c.encoder
    multiply(out, m, room, B, y, m, latent, latent, tracked)
    for a in range(classes):
        at = a * size
        places = q + at, e + at, r + at
        of_class(y, variances[a], lam, c.encoder, latent, places, room, out)
    for i in range(latent):
        own = room[K + i * latent + i]
        out[D + i] = -0.5 * c.variances * (own - beta / y[D + i])
    for i in range(D + latent):
        out[i] *= c.lr


@leaf
def with_samples(y, c, latent, D, room):
    """Add the noise of sampled latents, ``z - mu`` of variances D, to Sn, Cn and Xn."""
    # model: drift, noise of sampled latents in classes
    size = latent * latent
    K, Sn, Cn, Xn = U(3) * size, U(6) * size, U(7) * size, U(8) * size
    noise = second(c) * c.sampled
    for i in range(latent):
        room[Sn + i * latent + i] += noise * y[D + i]
        room[K + i * latent + i] -= c.beta  # Q, for a while
    for i in range(latent):
        for j in range(latent):
            at = i * latent + j
            room[Xn + at] -= noise * y[D + i] * room[K + at]
            for n in range(latent):
                q = room[K + i * latent + n] * room[K + n * latent + j]
                room[Cn + at] += noise * y[D + n] * q
    for i in range(latent):
        room[K + i * latent + i] += c.beta


@leaf
def of_class(y, variance, lam, encoder, latent, places, room, out):
    """Write the derivatives of q, e and r of one class, at `places`, into `out`, over tau.

    `encoder` is the learning rate of the encoder over that of the decoder, tau.
    """
    # model: drift, of second moments in a class
    q, e, r = places
    size = latent * latent
    K, B = U(3) * size, U(4) * size
    Sn, Cn, Xn = U(6) * size, U(7) * size, U(8) * size
    for i in range(size):
        out[e + i] = 0.0
    for i in range(size):
        out[r + i] = 0.0
    multiply(out, e, room, K, y, e, latent, latent, latent)
    multiply(out, r, y, r, room, K, latent, latent, latent)
    for i in range(latent):
        for j in range(latent):
            out[q + i * latent + j] = variance * y[r + j * latent + i]
    for i in range(size):
        out[e + i] = variance * (y[r + i] - out[e + i]) - lam * y[e + i]
    for i in range(size):
        change = y[e + i] + encoder * y[q + i] - encoder * out[r + i] + encoder * room[Xn + i]
        out[r + i] = variance * change - encoder * lam * y[r + i]
    multiply(out, q, room, B, y, q, latent, latent, latent)
    multiply(out, r, room, B, y, r, latent, latent, latent)
    for i in range(latent):
        for j in range(i + U(1)):
            at = i * latent + j
            ta = j * latent + i
            change = out[q + at] + out[q + ta] + variance * room[Sn + at]
            out[q + at] = change
            out[q + ta] = change
            change = encoder * (out[e + at] + out[e + ta] + encoder * variance * room[Cn + at])
            out[e + at] = change
            out[e + ta] = change
