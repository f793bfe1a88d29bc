"""Sums over the states of an integrator, which stand in rows of whole vectors of numbers.

Written as machine instructions: loops that say the same take a second to compile, most of it to
find out what is known here, that rows do not overlap and end with a whole vector. For compiled
callers; all rows have `length` numbers, with zeros behind their entries.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.np.arrayobj import make_array

LANES = 8  # numbers of a vector
FAST = ("contract",)
VECTOR = ir.VectorType(ir.DoubleType(), LANES)
WHOLE = ir.IntType(64)
NUMBER = types.float64
intrinsic: Any = extending.intrinsic


def length(size: int) -> int:
    """Return the length of rows of `size` numbers, filled up to vectors."""
    return -(-size // LANES) * LANES


class _Rows:
    """Arrays among the arguments of an intrinsic, of which vectors are loaded and stored."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any):
        self.builder = builder
        self.data, self.shape = {}, {}
        for i, kind in enumerate(signature.args):
            if isinstance(kind, types.Array):
                array = make_array(kind)(context, builder, arguments[i])
                self.data[i], self.shape[i] = array.data, cgutils.unpack_tuple(builder, array.shape)

    def _at(self, which: int, index: Any) -> Any:
        pointer = self.builder.gep(self.data[which], [index])
        return self.builder.bitcast(pointer, VECTOR.as_pointer())

    def load(self, which: int, index: Any) -> Any:
        return self.builder.load(self._at(which, index), align=8)

    def store(self, vector: Any, which: int, index: Any) -> None:
        self.builder.store(vector, self._at(which, index), align=8)

    def number(self, which: int, index: Any) -> Any:
        return self.builder.load(self.builder.gep(self.data[which], [index]))

    def each(self, which: int) -> Any:
        """Return a context with the index of each vector of a row."""
        ends = ir.Constant(WHOLE, 0), self.shape[which][0], ir.Constant(WHOLE, LANES)
        return cgutils.for_range_slice(self.builder, *ends)

    def splat(self, number: Any) -> Any:
        """Return a vector that has the same number everywhere."""
        empty = ir.Constant(VECTOR, ir.Undefined)
        first = self.builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, empty, zeros)

    def plus_product(self, a: Any, b: Any, c: Any) -> Any:
        """Return ``a + b * c``."""
        return self.builder.fadd(a, self.builder.fmul(b, c, FAST), FAST)

    def zeros(self) -> Any:
        """Return where a vector is kept that is zero."""
        return cgutils.alloca_once_value(self.builder, ir.Constant(VECTOR, [0.0] * LANES))

    def size(self, vector: Any) -> Any:
        """Return the absolute values of a vector."""
        bits = ir.VectorType(WHOLE, LANES)
        mask = ir.Constant(bits, [2**63 - 1] * LANES)
        masked = self.builder.and_(self.builder.bitcast(vector, bits), mask)
        return self.builder.bitcast(masked, VECTOR)

    def total(self, vector: Any) -> Any:
        """Return the sum of the entries of a vector."""
        places = [ir.Constant(ir.IntType(32), i) for i in range(LANES)]
        terms = [self.builder.extract_element(vector, place) for place in places]
        while len(terms) > 1:
            pairs = zip(terms[::2], terms[1::2], strict=True)
            terms = [self.builder.fadd(a, b) for a, b in pairs]
        return terms[0]


@intrinsic
def combine(_context, target, y, scale, weights, rows, count):
    """Set `target` to ``y + scale sum_j weights[j] rows[j]`` over the first `count` of them."""

    def codegen(context, builder, signature, arguments):
        at = _Rows(context, builder, signature, arguments)
        scale, stride = at.splat(arguments[2]), at.shape[4][1]
        with at.each(0) as (i, _):
            change = at.zeros()
            builder.store(ir.Constant(VECTOR, [0.0] * LANES), change)
            with cgutils.for_range(builder, arguments[5]) as loop:
                row = at.load(4, builder.add(i, builder.mul(loop.index, stride)))
                weight = at.splat(at.number(3, loop.index))
                builder.store(at.plus_product(builder.load(change), weight, row), change)
            at.store(at.plus_product(at.load(1, i), scale, builder.load(change)), 0, i)
        return context.get_dummy_value()

    return types.void(target, y, scale, weights, rows, count), codegen


@intrinsic
def copy(_context, source, target):
    """Set `target` to `source`."""

    def codegen(context, builder, signature, arguments):
        at = _Rows(context, builder, signature, arguments)
        with at.each(0) as (i, _):
            at.store(at.load(0, i), 1, i)
        return context.get_dummy_value()

    return types.void(source, target), codegen


@intrinsic
def interpolate(_context, target, theta, h, y, after, first, last, rest):
    """Set `target` to the state at the fraction `theta` of the step from `y` to `after`.

    `first` and `last` are the drifts at both ends, `rest` is ``h sum_j DENSE[j] k[j]``.
    """

    def codegen(context, builder, signature, arguments):
        at = _Rows(context, builder, signature, arguments)

        def plus(a, b):
            return builder.fadd(a, b, FAST)

        def minus(a, b):
            return builder.fsub(a, b, FAST)

        def times(a, b):
            return builder.fmul(a, b, FAST)

        share, h = at.splat(arguments[1]), at.splat(arguments[2])
        other = minus(ir.Constant(VECTOR, [1.0] * LANES), share)
        with at.each(0) as (i, _):
            y, after, first, last, rest = (at.load(which, i) for which in range(3, 8))
            rise = minus(after, y)
            start = minus(times(h, first), rise)
            bend = minus(minus(rise, times(h, last)), start)
            bent = plus(start, times(share, plus(bend, times(other, rest))))
            at.store(plus(y, times(share, plus(rise, times(other, bent)))), 0, i)
        return context.get_dummy_value()

    kinds = target, theta, h, y, after, first, last, rest
    return types.void(*kinds), codegen


def _sum_of_squares(arguments: tuple, term: Callable[[Any, Any, Any], Any]) -> Any:
    """Return signature and code of a sum of squares of ``term(rows, index, arguments)``."""

    def codegen(context, builder, signature, values):
        at = _Rows(context, builder, signature, values)
        total = at.zeros()
        builder.store(ir.Constant(VECTOR, [0.0] * LANES), total)
        with at.each(0) as (i, _):
            found = term(at, i, values)
            builder.store(at.plus_product(builder.load(total), found, found), total)
        return at.total(builder.load(total))

    return NUMBER(*arguments), codegen


@intrinsic
def distance(_context, x, y):
    """Return the square of the Euclidean distance."""
    return _sum_of_squares((x, y), lambda at, i, _: at.builder.fsub(at.load(0, i), at.load(1, i)))


@intrinsic
def excess(_context, x, y, z, rtol, atol):
    """Return the sum of the squares of `x` in units of the tolerated error at `y` and `z`."""

    def term(at, i, values):
        build = at.builder
        first, second = at.size(at.load(1, i)), at.size(at.load(2, i))
        larger = build.select(build.fcmp_unordered(">", second, first), second, first)
        tolerated = at.plus_product(at.splat(values[4]), at.splat(values[3]), larger)
        return build.fdiv(at.load(0, i), tolerated)

    return _sum_of_squares((x, y, z, rtol, atol), term)
