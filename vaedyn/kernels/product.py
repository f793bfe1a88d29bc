"""Products of small matrices that stand somewhere in flat arrays.

Compilers leave loops over eight columns scalar, since the columns are too few
for the vector loops they make. Here the vectors are spelt out: a row of the
product stays in registers, WIDTHS[0] columns at a time, while its terms are
added up.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

from .jit import LEAF

WIDTHS = 8, 4, 2, 1
U = np.uint64


def _row(width: int) -> Any:
    """Return a compiled function that adds ``a B`` to `width` numbers in ``out[at:]``.

    The vector a stands in ``a[left:]``, the rows of B from ``b[right:]`` on,
    `stride` numbers apart.
    """
    vector = ir.VectorType(ir.DoubleType(), width)
    fast = ("contract",)

    @intrinsic
    def add_row(_context, out, at, a, left, b, right, inner, stride):
        def codegen(context, builder, signature, arguments):
            kinds = signature.args
            to, of, by = (
                make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 2, 4)
            )
            _, at, _, left, _, right, inner, stride = arguments

            def pointer(base, index):
                return builder.bitcast(builder.gep(base, [index]), vector.as_pointer())

            target = pointer(to, at)
            total = cgutils.alloca_once_value(builder, builder.load(target, align=8))
            empty = ir.Constant(vector, ir.Undefined)
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
            with cgutils.for_range(builder, inner) as loop:
                scalar = builder.load(builder.gep(of, [builder.add(left, loop.index)]))
                first = builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
                factor = builder.shuffle_vector(first, empty, zeros)
                at_row = builder.add(right, builder.mul(loop.index, stride))
                term = builder.fmul(factor, builder.load(pointer(by, at_row), align=8), fast)
                builder.store(builder.fadd(builder.load(total), term, fast), total)
            builder.store(builder.load(total), target, align=8)
            return context.get_dummy_value()

        whole = types.uint64
        return types.void(out, whole, a, whole, b, whole, whole, whole), codegen

    return add_row


_add_8, _add_4, _add_2, _add_1 = (_row(width) for width in WIDTHS)


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
        for i in range(rows):
            o = at + i * columns
            row = left + i * inner
            j = U(0)
            while j + U(8) <= columns:
                _add_8(out, o + j, a, row, b, right + j, inner, columns)
                j += U(8)
            if j + U(4) <= columns:
                _add_4(out, o + j, a, row, b, right + j, inner, columns)
                j += U(4)
            if j + U(2) <= columns:
                _add_2(out, o + j, a, row, b, right + j, inner, columns)
                j += U(2)
            if j < columns:
                _add_1(out, o + j, a, row, b, right + j, inner, columns)

    return tiled if out.dtype == types.float64 else plain
