"""Products of small matrices that stand somewhere in flat arrays, and weighted sums of rows.

Compilers leave loops over eight columns scalar, since the columns are too few
for the vector loops they make. Here the vectors are spelt out: a tile of the
product stays in registers while its terms are added up.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

from .jit import LEAF

U = np.uint64
FAST = ("contract",)
LANES = 8  # numbers of a vector, of which `combine` takes rows to be filled with whole ones


def padded(size: int) -> int:
    """Return the length of rows of `size` numbers that `combine` takes, filled up to vectors."""
    return -(-size // LANES) * LANES


def _splat(builder: Any, number: Any, width: int) -> Any:
    """Return a vector that has the same number `width` times."""
    empty = ir.Constant(ir.VectorType(ir.DoubleType(), width), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(first, empty, zeros)


@intrinsic
def combine(_context, target, y, scale, weights, rows, count):
    """Set `target` to ``y + scale sum_j weights[j] rows[j]`` over the first `count` of them.

    All vectors stand in arrays of `padded` length, with zeros at the end; so do `rows`.
    """

    def codegen(context, builder, signature, arguments):
        to, of, by, table = (
            make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1, 3, 4)
        )
        vector = ir.VectorType(ir.DoubleType(), LANES)
        size, whole = cgutils.unpack_tuple(builder, to.shape)[0], ir.IntType(64)
        stride = cgutils.unpack_tuple(builder, table.shape)[1]
        zeros = ir.Constant(vector, [0.0] * LANES)
        factor = _splat(builder, arguments[2], LANES)
        total = cgutils.alloca_once(builder, vector)

        def pointer(array, index):
            return builder.bitcast(builder.gep(array.data, [index]), vector.as_pointer())

        def plus_product(a, b, c):
            return builder.fadd(a, builder.fmul(b, c, FAST), FAST)

        ends = ir.Constant(whole, 0), size, ir.Constant(whole, LANES)
        with cgutils.for_range_slice(builder, *ends) as (i, _):
            builder.store(zeros, total)
            with cgutils.for_range(builder, arguments[5]) as loop:
                at = builder.add(i, builder.mul(loop.index, stride))
                row = builder.load(pointer(table, at), align=8)
                weight = _splat(builder, builder.load(builder.gep(by.data, [loop.index])), LANES)
                builder.store(plus_product(builder.load(total), weight, row), total)
            start = builder.load(pointer(of, i), align=8)
            change = builder.load(total)
            builder.store(plus_product(start, factor, change), pointer(to, i), align=8)
        return context.get_dummy_value()

    return types.void(target, y, scale, weights, rows, count), codegen


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
