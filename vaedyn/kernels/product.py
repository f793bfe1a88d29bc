"""Products and sums of small matrices that stand somewhere in flat arrays.

Compilers leave loops over eight columns scalar, since the columns are too few
for the vector loops they make. Here the vectors are spelt out: a tile of the
product stays in registers while its terms are added up.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.extending import overload
from numba.np.arrayobj import make_array

from .jit import LEAF

U = np.uint64
FAST = ("contract",)
intrinsic: Any = extending.intrinsic
SHORT = 4  # numbers of the vectors of `blend`


@intrinsic
def called(_context):
    """Let the function at hand be called where it is used: compiled once, not inlined often."""

    def codegen(context, builder, _signature, _arguments):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


def _splat(builder: Any, number: Any, width: int) -> Any:
    """Return a vector that has the same number `width` times."""
    empty = ir.Constant(ir.VectorType(ir.DoubleType(), width), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(first, empty, zeros)


@intrinsic
def blend(_context, out, at, size, a, x, left, b, y, right):
    """Set ``out[at:]`` to ``a x[left:] + b y[right:]``, `size` numbers, real or complex.

    Compiled code only; parts may be the same, but not overlap. `a` and `b` are real.
    """
    whole, number = types.uint64, types.float64
    parts = 2 if out.dtype == types.complex128 else 1
    assert x.dtype == y.dtype == out.dtype

    def codegen(context, builder, signature, arguments):
        of_index, of_number = ir.IntType(64), ir.DoubleType()

        def start(array, index):
            data = make_array(signature.args[array])(context, builder, arguments[array]).data
            there = builder.gep(data, [arguments[index]])
            return builder.bitcast(there, of_number.as_pointer())

        target, first, second = start(0, 1), start(4, 5), start(7, 8)
        end = builder.mul(arguments[2], ir.Constant(of_index, parts))
        even = builder.and_(end, ir.Constant(of_index, -SHORT))
        stretches = (ir.Constant(of_index, 0), even, SHORT), (even, end, 1)
        for begin, stop, step in stretches:
            kind = ir.VectorType(of_number, SHORT) if step > 1 else of_number
            c, d = (
                _splat(builder, arguments[i], SHORT) if step > 1 else arguments[i] for i in (3, 6)
            )

            def pointer(base, index, kind=kind):
                return builder.bitcast(builder.gep(base, [index]), kind.as_pointer())

            each = cgutils.for_range_slice(builder, begin, stop, ir.Constant(of_index, step))
            with each as (i, _):
                one = builder.fmul(c, builder.load(pointer(first, i), align=8), FAST)
                two = builder.fmul(d, builder.load(pointer(second, i), align=8), FAST)
                builder.store(builder.fadd(one, two, FAST), pointer(target, i), align=8)
        return context.get_dummy_value()

    return types.void(out, whole, whole, number, x, whole, number, y, whole), codegen


def _tile(rows: int, width: int) -> Any:
    """Return a compiled function that adds a part of ``A B`` to a tile of `out`.

    The tile starts at ``out[at]``, its rows of A at ``a[left]`` and its columns of B
    at ``b[right]``. Rows of `out` and B stand `stride` numbers apart, those of A `inner`.
    """
    vector = ir.VectorType(ir.DoubleType(), width)

    @intrinsic
    def add_tile(_context, out, at, a, left, b, right, inner, stride):
        def codegen(context, builder, signature, arguments):
            kinds = signature.args
            to, of, by = (
                make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 2, 4)
            )
            _, at, _, left, _, right, inner, stride = arguments

            def pointer(base, index):
                return builder.bitcast(builder.gep(base, [index]), vector.as_pointer())

            def shifted(index, times, step):
                for _ in range(times):
                    index = builder.add(index, step)
                return index

            targets = [pointer(to, shifted(at, r, stride)) for r in range(rows)]
            totals = [
                cgutils.alloca_once_value(builder, builder.load(target, align=8))
                for target in targets
            ]
            with cgutils.for_range(builder, inner) as loop:
                at_row = builder.add(right, builder.mul(loop.index, stride))
                values = builder.load(pointer(by, at_row), align=8)
                for r, total in enumerate(totals):
                    here = shifted(builder.add(left, loop.index), r, inner)
                    scalar = builder.load(builder.gep(of, [here]))
                    term = builder.fmul(_splat(builder, scalar, width), values, FAST)
                    builder.store(builder.fadd(builder.load(total), term, FAST), total)
            for target, total in zip(targets, totals, strict=True):
                builder.store(builder.load(total), target, align=8)
            return context.get_dummy_value()

        whole = types.uint64
        return types.void(out, whole, a, whole, b, whole, whole, whole), codegen

    return add_tile


_add_4_8, _add_4_4 = _tile(4, 8), _tile(4, 4)
_add_1_8, _add_1_4, _add_1_2, _add_1_1 = (_tile(1, width) for width in (8, 4, 2, 1))


def multiply(out, at, a, left, b, right, rows, inner, columns):
    """Add ``A B`` to ``out[at:]``, with A in ``a[left:]`` and B in ``b[right:]``.

    Compiled code only; real or complex. A is (rows, inner), B (inner, columns).
    """
    raise NotImplementedError("for compiled callers")


@overload(multiply, jit_options=LEAF)
def _multiply(out, at, a, left, b, right, rows, inner, columns):
    def plain(out, at, a, left, b, right, rows, inner, columns):
        for i in range(rows):
            for k in range(inner):
                factor = a[left + i * inner + k]
                for j in range(columns):
                    out[at + i * columns + j] += factor * b[right + k * columns + j]

    def tiled(out, at, a, left, b, right, rows, inner, columns):
        i = U(0)
        if columns % U(4) == U(0):
            while i + U(4) <= rows:
                o = at + i * columns
                row = left + i * inner
                j = U(0)
                while j + U(8) <= columns:
                    _add_4_8(out, o + j, a, row, b, right + j, inner, columns)
                    j += U(8)
                if j < columns:
                    _add_4_4(out, o + j, a, row, b, right + j, inner, columns)
                i += U(4)
        while i < rows:
            o = at + i * columns
            row = left + i * inner
            j = U(0)
            while j + U(8) <= columns:
                _add_1_8(out, o + j, a, row, b, right + j, inner, columns)
                j += U(8)
            if j + U(4) <= columns:
                _add_1_4(out, o + j, a, row, b, right + j, inner, columns)
                j += U(4)
            if j + U(2) <= columns:
                _add_1_2(out, o + j, a, row, b, right + j, inner, columns)
                j += U(2)
            if j < columns:
                _add_1_1(out, o + j, a, row, b, right + j, inner, columns)
            i += U(1)

    return tiled if out.dtype == types.float64 else plain
