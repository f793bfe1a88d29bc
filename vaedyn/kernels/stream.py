"""Random streams: many normals at once, one stream per run.

LANES generators xoshiro256+ (Blackman and Vigna, "Scrambled linear
pseudorandom number generators", ACM Trans. Math. Softw. 47, 2021) advance side
by side in SIMD registers; the Box-Muller transform turns two words into two
normals without a branch. Logarithm, sine and cosine are Taylor series, exact
to rounding. All 53 bits of a double are used, so the tails end at
sqrt(2 * 53 * log 2) = 8.57 standard deviations, beyond what 10^16 draws reach.

A stream is one array of 64-bit words, laid out as the constants below say:
one array passes through compiled code without reference counting. The same
functions make normals of one stream, and of many side by side in `Lanes`.
"""

from collections.abc import Sequence
from math import cos, log, pi, sqrt

import numpy as np

from .jit import leaf, part, strict
from .lanes import as_bits, as_float, choose, fma, larger, real

LANES = 64
BLOCK = 2 * LANES
GROUP = 8  # normals are handed out in groups
SCALAR = 4 * LANES  # the generator of uniforms, behind the states of the lanes
SEEDS = SCALAR + 4
LEFT = SEEDS + 4  # room for what was left when the buffer was filled again
BUFFER = LEFT + GROUP  # BLOCK normals, bit by bit
END = BUFFER + BLOCK
CURSOR = END  # where the next normal to be taken stands
WORDS = -(-(CURSOR + 1) // 8) * 8  # full cache lines

U = np.uint64
TWO53 = 2.0**-53
SQRT_HALF = U(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
ONE = U(0x3FF << 52)  # those of 1
LOG2 = 0.6931471805599453


def open_streams(seeds: Sequence[np.random.SeedSequence]) -> np.ndarray:
    """Return new streams (seeds, WORDS); those of different seed sequences are independent."""
    memory = np.zeros(len(seeds) * WORDS + 8, np.uint64)
    skip = -memory.ctypes.data % 64 // 8  # to where a full cache line starts
    streams = memory[skip : skip + len(seeds) * WORDS].reshape(-1, WORDS)
    for stream, seed in zip(streams, seeds, strict=True):
        stream[:SEEDS] = seed.generate_state(SEEDS, np.uint64)
        stream[CURSOR] = END
    return streams


def open_stream(seed: np.random.SeedSequence) -> np.ndarray:
    """Return a new stream (WORDS,)."""
    return open_streams([seed])[0]


@part
def word_of(a, b, c, d):
    """Return the word of a generator, and its next state."""
    word = a + d
    c ^= a
    d ^= b
    return word, a ^ d, b ^ c, c ^ (b << U(17)), (d << U(45)) | (d >> U(19))


@strict
def radius(word):
    """Return sqrt(-2 log u) with u uniform in (0, 1] from the upper 53 bits of `word`."""
    bits = as_bits((real(word >> U(11)) + 1.0) * TWO53)
    exponent = ((bits - SQRT_HALF) >> U(52)) << U(52)
    f = as_float(bits - exponent)  # in [sqrt(1/2), sqrt(2))
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    p = fma(z, -4.0 / 19, -4.0 / 17)
    p = fma(p, z, -4.0 / 15)
    p = fma(p, z, -4.0 / 13)
    p = fma(p, z, -4.0 / 11)
    p = fma(p, z, -4.0 / 9)
    p = fma(p, z, -4.0 / 7)
    p = fma(p, z, -4.0 / 5)
    p = fma(p, z, -4.0 / 3)
    p = fma(p, z, -4.0)
    # p s < 0 can exceed the rest by rounding where u is 1, and only there
    return sqrt(larger(0.0, fma(real(exponent), -2.0 * LOG2 / 2.0**52, p * s)))


@strict
def on_circle(r, word):
    """Return two normals: a point at distance `r` from 0, in the direction that `word` says."""
    # two bits choose the quadrant, the next 52 an angle in [-pi/4, pi/4)
    x = (as_float(((word << U(2)) >> U(12)) | ONE) - 1.5) * (0.5 * pi)
    z = x * x
    s = fma(z, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0)
    s = fma(s, z, 1.0 / 6227020800.0)
    s = fma(s, z, -1.0 / 39916800.0)
    s = fma(s, z, 1.0 / 362880.0)
    s = fma(s, z, -1.0 / 5040.0)
    s = fma(s, z, 1.0 / 120.0)
    s = fma(s, z, -1.0 / 6.0)
    sine = fma(x * z, s, x)
    c = fma(z, -1.0 / 6402373705728000.0, 1.0 / 20922789888000.0)
    c = fma(c, z, -1.0 / 87178291200.0)
    c = fma(c, z, 1.0 / 479001600.0)
    c = fma(c, z, -1.0 / 3628800.0)
    c = fma(c, z, 1.0 / 40320.0)
    c = fma(c, z, -1.0 / 720.0)
    c = fma(c, z, 1.0 / 24.0)
    c = fma(c, z, -0.5)
    cosine = fma(c, z, 1.0)
    r = choose(word << U(1), r, -r)
    return r * choose(word, sine, cosine), r * choose(word, cosine, -sine)


@part
def pair(stream, i):
    """Advance a lane twice and return two normals, by the Box-Muller transform of its words."""
    a, b, c, d = stream[i], stream[LANES + i], stream[2 * LANES + i], stream[3 * LANES + i]
    first, a, b, c, d = word_of(a, b, c, d)
    second, a, b, c, d = word_of(a, b, c, d)
    stream[i], stream[LANES + i], stream[2 * LANES + i], stream[3 * LANES + i] = a, b, c, d
    return on_circle(radius(first), second)


@leaf
def refill(stream):
    """Fill the buffer of `stream` with new normals; the last ones, not yet taken, come first."""
    left = END - np.int64(stream[CURSOR])
    for j in range(left):
        stream[BUFFER - left + j] = stream[END - left + j]
    for i in range(LANES):
        x, y = pair(stream, i)
        stream[BUFFER + i], stream[BUFFER + LANES + i] = as_bits(x), as_bits(y)
    stream[CURSOR] = U(BUFFER - left)


@leaf
def ready(stream, most):
    """Take at most `most` normals; return where in `stream` they stand, and how many.

    Unless that is all of them, their number is a multiple of GROUP, so that
    arrays treated alongside keep the alignment that vector registers like.
    """
    most = U(most)
    if U(END) - stream[CURSOR] < min(most, U(GROUP)):
        refill(stream)
    at = stream[CURSOR]
    count = U(END) - at
    count = most if most <= count else count & ~U(GROUP - 1)
    stream[CURSOR] = at + count
    return at, count


@leaf
def normal(stream):
    """Draw one normal."""
    at, _ = ready(stream, 1)
    return as_float(stream[at])


@leaf
def normals(stream, scale, out):
    """Fill `out` with normals of standard deviation `scale`."""
    done = U(0)
    while done < U(out.size):
        at, count = ready(stream, U(out.size) - done)
        for j in range(count):
            out[done + j] = scale * as_float(stream[at + j])
        done += count


@leaf
def uniform(stream):
    """Draw one number in [0, 1) from `stream`."""
    a, b, c, d = stream[SCALAR], stream[SCALAR + 1], stream[SCALAR + 2], stream[SCALAR + 3]
    word, a, b, c, d = word_of(a, b, c, d)
    stream[SCALAR], stream[SCALAR + 1], stream[SCALAR + 2], stream[SCALAR + 3] = a, b, c, d
    return real(word >> U(11)) * TWO53


@strict
def chi_square(stream, dof, z):
    """Draw from the chi-square distribution with `dof` >= 0 degrees of freedom.

    Marsaglia and Tsang, "A simple method for generating gamma variables",
    ACM Trans. Math. Softw. 26 (2000), section 4. The proposal is the normal
    `z`, which the caller has drawn; the rare second one is made of uniforms.
    """
    if dof < 2:
        return dof * z * z
    shape = 0.5 * dof - 1.0 / 3.0
    scale = 1.0 / sqrt(9.0 * shape)
    while True:
        v = fma(scale, z, 1.0)
        if v > 0.0:
            v = v * v * v
            u = uniform(stream)
            z2 = z * z
            squeeze = fma(-0.0331 * z2, z2, 1.0)
            if u < squeeze or log(u) < fma(shape, 1.0 - v + log(v), 0.5 * z2):
                return 2.0 * shape * v
        z = sqrt(-2.0 * log(1.0 - uniform(stream))) * cos(2.0 * pi * uniform(stream))
