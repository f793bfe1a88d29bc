"""Products of a few long vectors, which are rows of a flat array.

A tile of the result stays in vector registers while its terms are added up, so that every number
is fetched once for several products. Rows are WHOLE numbers long, or a multiple of that, which is
up to whoever lays them out.
"""

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from .jit import inlined, leaf

U = np.uint64
_has = binding.get_host_cpu_features()
LANES = 8 if _has.get("avx512f") else 4 if _has.get("avx2") else 2  # numbers in a register
WHOLE = 32
ROWS = 4  # of a tile
PART = 16
_WHOLE, _ROWS = U(WHOLE), U(ROWS)
FAST = ("contract",)


def _data(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    return make_array(kinds)(context, builder, arguments).data


def _vector(builder: Any, base: Any, index: Any, form: Any) -> Any:
    """Return a pointer to the vector that starts at an index."""
    return builder.bitcast(builder.gep(base, [index]), form.as_pointer())


def _shifted(builder: Any, index: Any, times: int, step: Any) -> Any:
    """Return ``index + times step``."""
    return builder.add(index, builder.mul(step, ir.Constant(step.type, times)))


def _combining(rows: int, width: int) -> Any:
    """Return a compiled function that adds a part of ``A B`` to a tile of `out`.

    The tile starts at ``out[at]``, its rows of A at ``a[left]`` and its columns of B at
    ``b[right]``; rows stand `of_out`, `of_a` and `of_b` numbers apart.
    """
    vector = ir.VectorType(ir.DoubleType(), width)

    @intrinsic
    def combine_tile(_context, out, at, of_out, a, left, of_a, b, right, of_b, inner):
        def codegen(context, builder, signature, arguments):
            kinds = signature.args
            to, of, by = (_data(context, builder, kinds[i], arguments[i]) for i in (0, 3, 6))
            _, at, of_out, _, left, of_a, _, right, of_b, inner = arguments
            targets = [
                _vector(builder, to, _shifted(builder, at, r, of_out), vector) for r in range(rows)
            ]
            totals = [
                cgutils.alloca_once_value(builder, builder.load(target, align=8))
                for target in targets
            ]
            empty = ir.Constant(vector, ir.Undefined)
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
            with cgutils.for_range(builder, inner) as loop:
                at_row = builder.add(right, builder.mul(loop.index, of_b))
                values = builder.load(_vector(builder, by, at_row, vector), align=8)
                for r, total in enumerate(totals):
                    here = _shifted(builder, builder.add(left, loop.index), r, of_a)
                    scalar = builder.load(builder.gep(of, [here]))
                    first = builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
                    factor = builder.shuffle_vector(first, empty, zeros)
                    term = builder.fmul(factor, values, FAST)
                    builder.store(builder.fadd(builder.load(total), term, FAST), total)
            for target, total in zip(targets, totals, strict=True):
                builder.store(builder.load(total), target, align=8)
            return context.get_dummy_value()

        n = types.uint64
        return types.void(out, n, n, a, n, n, b, n, n, n), codegen

    return combine_tile


@intrinsic
def _inner_tile(_context, out, at, of_out, a, left, right, stride, count):
    """Add the inner products of ROWS rows, from ``a[left]`` on, with ROWS others to `out`."""
    vector = ir.VectorType(ir.DoubleType(), LANES)

    def codegen(context, builder, signature, arguments):
        kinds = signature.args
        to, of = (_data(context, builder, kinds[i], arguments[i]) for i in (0, 3))
        _, at, of_out, _, left, right, stride, count = arguments
        none = ir.Constant(vector, [0.0] * LANES)
        totals = [
            [cgutils.alloca_once_value(builder, none) for _ in range(ROWS)] for _ in range(ROWS)
        ]
        for each in totals:
            for total in each:
                builder.store(none, total)
        lanes = ir.Constant(count.type, LANES)

        def values(start, r, index):
            here = builder.add(_shifted(builder, start, r, stride), index)
            return builder.load(_vector(builder, of, here, vector), align=8)

        with cgutils.for_range_slice(builder, ir.Constant(count.type, 0), count, lanes) as (j, _):
            those = [values(right, s, j) for s in range(ROWS)]
            for r in range(ROWS):
                this = values(left, r, j)
                for total, that in zip(totals[r], those, strict=True):
                    term = builder.fmul(this, that, FAST)
                    builder.store(builder.fadd(builder.load(total), term, FAST), total)
        for r in range(ROWS):
            row = _shifted(builder, at, r, of_out)
            for s, total in enumerate(totals[r]):
                entry = builder.gep(to, [builder.add(row, ir.Constant(row.type, s))])
                found = builder.load(total)
                width = LANES
                while width > 1:
                    width //= 2
                    masks = [
                        ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(o, o + width)))
                        for o in (0, width)
                    ]
                    found = builder.fadd(*(builder.shuffle_vector(found, found, m) for m in masks))
                    if width == 1:
                        found = builder.extract_element(found, ir.Constant(ir.IntType(32), 0))
                builder.store(builder.fadd(builder.load(entry), found), entry)
        return context.get_dummy_value()

    n = types.uint64
    return types.void(out, n, n, a, n, n, n, n), codegen


@intrinsic
def _mix_part(_context, out, at, a, b, x, start):
    vector = ir.VectorType(ir.DoubleType(), PART)

    def codegen(context, builder, signature, arguments):
        kinds = signature.args
        to, of = (_data(context, builder, kinds[i], arguments[i]) for i in (0, 4))
        _, at, a, b, _, start = arguments
        empty = ir.Constant(vector, ir.Undefined)
        zero = ir.Constant(ir.IntType(32), 0)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), PART), [0] * PART)
        a, b = (
            builder.shuffle_vector(builder.insert_element(empty, each, zero), empty, zeros)
            for each in (a, b)
        )
        target = _vector(builder, to, at, vector)
        term = builder.fmul(b, builder.load(_vector(builder, of, start, vector), align=8), FAST)
        found = builder.fadd(builder.fmul(a, builder.load(target, align=8), FAST), term, FAST)
        builder.store(found, target, align=8)
        return context.get_dummy_value()

    n, number = types.uint64, types.float64
    return types.void(out, n, number, number, x, n), codegen


@inlined
def mix(out, at, a, b, x, start, count):
    """Set `count` entries from ``out[at]`` on to ``a out + b x``; `count` is a multiple of PART."""
    j = U(0)
    while j < count:  # here and below, since the length of a `range` is a slow division
        _mix_part(out, at + j, a, b, x, start + j)  # pyright: ignore[reportCallIssue]
        j += U(PART)


_combine_four, _combine_one = _combining(ROWS, 2 * LANES), _combining(1, 4 * LANES)


@inlined
def combine(out, at, of_out, a, left, of_a, b, right, of_b, rows, inner, columns):
    """Add ``A B`` to ``out[at:]``, with A in ``a[left:]`` and B in ``b[right:]``.

    A is (rows, inner), B (inner, columns), with `columns` a multiple of WHOLE. Rows stand
    `of_out`, `of_a` and `of_b` numbers apart.
    """
    i = U(0)
    while i < rows:
        left_i, at_i = left + i * of_a, at + i * of_out
        j = U(0)
        if i + _ROWS <= rows:
            while j < columns:
                _combine_four(out, at_i + j, of_out, a, left_i, of_a, b, right + j, of_b, inner)
                j += U(2 * LANES)
            i += _ROWS
        else:
            while j < columns:
                _combine_one(out, at_i + j, of_out, a, left_i, of_a, b, right + j, of_b, inner)
                j += U(4 * LANES)
            i += U(1)


@leaf
def inner(out, of_out, a, at, left, right, stride, count):
    """Add the inner products of two sets of ROWS rows to a tile of `out`.

    `count` entries, a multiple of LANES, of the rows `left` and `right` and those behind them,
    from entry `at` on, give ``out[left, right]`` and those beside it; `out` is flat.
    """
    to = left * of_out + right
    one, other = left * stride + at, right * stride + at
    _inner_tile(out, to, of_out, a, one, other, stride, count)  # pyright: ignore[reportCallIssue]
