"""Numbers side by side: one SIMD vector, which compiled code treats like one number.

A function compiled by `jit.strict` for single doubles and for `Lanes` of them makes the same bits
in every lane: its operations are those of IEEE 754, each rounded once, and where a product and a
sum may be one operation, it says so by `fma`, so that the compiler has no choice.
"""

import math
import operator
import platform
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, register_model

TOGETHER = 16  # numbers side by side: what hides most of the time that a division takes
HALF = TOGETHER // 2  # where there are enough operations between divisions
FLUSH_TO_ZERO, DENORMALS_ARE_ZERO = 1 << 15, 1 << 6  # bits of x86 processors' MXCSR
INDEX = ir.IntType(32)
instruction: Any = intrinsic  # what is called has one argument less than what is defined


class Lanes(types.Type):
    """`count` numbers side by side, doubles or 64-bit words; where one is expected, all are it."""

    def __init__(self, element: types.Type, count: int):
        super().__init__(f"Lanes({element}, {count})")
        self.element, self.count = element, count

    def can_convert_from(self, typingctx: Any, other: Any) -> Any:
        return Conversion.safe if other == self.element else None


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes):
        form = manager.lookup(kind.element).get_value_type()
        super().__init__(manager, kind, ir.VectorType(form, kind.count))


@lower_cast(types.float64, Lanes)
@lower_cast(types.uint64, Lanes)
def _in_all(_context: Any, builder: Any, _of: Any, to: Lanes, value: Any) -> Any:
    nothing = ir.Constant(ir.VectorType(value.type, to.count), ir.Undefined)
    first = builder.insert_element(nothing, value, INDEX(0))
    pattern = ir.Constant(ir.VectorType(INDEX, to.count), [0] * to.count)
    return builder.shuffle_vector(first, nothing, pattern)


def _common(arguments: Any) -> Any:
    """Return the type in which numbers of types `arguments` meet."""
    return next((each for each in arguments if isinstance(each, Lanes)), arguments[0])


def _operation(functions: tuple, count: int, lower: dict[types.Type, Callable]) -> None:
    """Define what `functions` of `count` arguments do, given for each kind of element."""

    def lowered(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return lower[signature.return_type.element](builder, *arguments)

    for function in functions:

        class Typing(AbstractTemplate):
            key = function

            def generic(self, args: Any, kws: Any) -> Any:
                wide = _common(args)
                known = isinstance(wide, Lanes) and wide.element in lower and len(args) == count
                if known and {*args} <= {wide, wide.element}:
                    return signature(wide, *[wide] * count)
                return None

        typed: Any = infer_global(function)
        typed(Typing)
        lower_builtin(function, *[Lanes] * count)(lowered)


def _call(name: str) -> Callable:
    """Return what calls LLVM's function `name` for the type of its arguments."""

    def call(builder: Any, *arguments: Any) -> Any:
        form = arguments[0].type
        suffix = f"v{form.count}f64" if isinstance(form, ir.VectorType) else "f64"
        kind = ir.FunctionType(form, [form] * len(arguments))
        function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.{suffix}")
        return builder.call(function, arguments)

    return call


WORD, DOUBLE, Builder = types.uint64, types.float64, ir.IRBuilder
_operation((operator.add, operator.iadd), 2, {DOUBLE: Builder.fadd, WORD: Builder.add})
_operation((operator.sub, operator.isub), 2, {DOUBLE: Builder.fsub, WORD: Builder.sub})
_operation((operator.mul, operator.imul), 2, {DOUBLE: Builder.fmul})
_operation((operator.truediv, operator.itruediv), 2, {DOUBLE: Builder.fdiv})
_operation((operator.neg,), 1, {DOUBLE: Builder.fneg})
_operation((math.sqrt,), 1, {DOUBLE: _call("llvm.sqrt")})
_operation((abs,), 1, {DOUBLE: _call("llvm.fabs")})
_operation((operator.xor, operator.ixor), 2, {WORD: Builder.xor})
_operation((operator.or_, operator.ior), 2, {WORD: Builder.or_})
_operation((operator.lshift,), 2, {WORD: Builder.shl})
_operation((operator.rshift,), 2, {WORD: Builder.lshr})


@instruction
def fma(_context, a, b, c):
    """Return a b + c, rounded once wherever the processor has an instruction for it."""
    common = _common((a, b, c))

    def codegen(_context, builder, _signature, arguments):
        return _call("llvm.fmuladd")(builder, *arguments)

    return common(common, common, common), codegen


@instruction
def ratio(_context, a, b):
    """Return a / b where b > 0, and 0 elsewhere."""
    common = _common((a, b))

    def codegen(_context, builder, _signature, arguments):
        zero = ir.Constant(arguments[1].type, None)
        positive = builder.fcmp_ordered(">", arguments[1], zero)
        return builder.select(positive, builder.fdiv(*arguments), zero)

    return common(common, common), codegen


@instruction
def flushing(_context, flush):
    """Take numbers below 2^-1022 for zero from now on in this thread, or not; return what it did.

    Of processors that are slow with them, and can: others do as they did.
    """

    def codegen(context, builder, _signature, arguments):
        if platform.machine() not in ("x86_64", "AMD64"):
            return arguments[0]
        word, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
        at = cgutils.alloca_once(builder, word)
        place = builder.bitcast(at, pointer)
        kind = ir.FunctionType(ir.VoidType(), [pointer])
        store, load = (
            cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}mxcsr")
            for name in ("st", "ld")
        )
        builder.call(store, [place])
        old = builder.load(at)
        both = ir.Constant(word, FLUSH_TO_ZERO | DENORMALS_ARE_ZERO)
        rest = builder.and_(old, builder.not_(both))
        new = builder.select(arguments[0], builder.or_(rest, both), rest)
        builder.store(new, at)
        builder.call(load, [place])
        return builder.icmp_unsigned("!=", builder.and_(old, both), ir.Constant(word, 0))

    return types.boolean(types.boolean), codegen


@instruction
def larger(_context, a, b):
    """Return the larger one of a and b, and b where one is nan."""
    common = _common((a, b))

    def codegen(_context, builder, _signature, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return common(common, common), codegen


@instruction
def less(_context, a, b):
    """Return whether a < b everywhere."""
    common = _common((a, b))

    def codegen(_context, builder, _signature, arguments):
        each = builder.fcmp_ordered("<", *arguments)
        if not isinstance(common, Lanes):
            return each
        bits = builder.bitcast(each, ir.IntType(common.count))
        return builder.icmp_unsigned("==", bits, ir.Constant(bits.type, -1))

    return types.boolean(common, common), codegen


@instruction
def real(_context, words):
    """Return words as doubles; those from 2^63 on as what they are less than 2^64, negative."""
    result = Lanes(DOUBLE, words.count) if isinstance(words, Lanes) else DOUBLE

    def codegen(context, builder, _signature, arguments):
        return builder.sitofp(arguments[0], context.get_value_type(result))

    return result(words), codegen


def _bitcast(source: types.Type, target: types.Type) -> Any:
    """Return a compiled function that reads the bits of `source` as `target`, in every lane."""

    @instruction
    def cast(_context, value):
        result = Lanes(target, value.count) if isinstance(value, Lanes) else target

        def codegen(context, builder, _signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(result))

        return result(Lanes(source, value.count) if isinstance(value, Lanes) else source), codegen

    return cast


as_float, as_bits = _bitcast(WORD, DOUBLE), _bitcast(DOUBLE, WORD)


@instruction
def choose(_context, word, a, b):
    """Return a where the highest bit of `word` is set, and b elsewhere."""

    def codegen(_context, builder, _signature, arguments):
        zero = ir.Constant(arguments[0].type, None)
        negative = builder.icmp_signed("<", arguments[0], zero)
        return builder.select(negative, *arguments[1:])

    return a(word, a, b), codegen


def _abreast(count: int) -> Any:
    """Return the compiled function `abreast` for `count` numbers side by side."""

    @instruction
    def cast(_context, array):
        return _as_lanes(array, count)

    return cast


def _as_lanes(array: types.Array, count: int) -> Any:
    result = types.Array(Lanes(array.dtype, count), array.ndim - 1, "C", aligned=False)

    def codegen(context, builder, _signature, arguments):
        old = context.make_array(array)(context, builder, arguments[0])
        new = context.make_array(result)(context, builder)
        size = context.get_constant(types.intp, 8 * count)
        new.data = builder.bitcast(old.data, context.get_value_type(result.dtype).as_pointer())
        new.itemsize = size
        new.nitems = builder.udiv(old.nitems, context.get_constant(types.intp, count))
        for name in ("shape", "strides"):
            numbers = cgutils.unpack_tuple(builder, getattr(old, name))[:-1]
            setattr(new, name, cgutils.pack_array(builder, numbers))
        new.meminfo, new.parent = old.meminfo, old.parent
        if context.enable_nrt:
            context.nrt.incref(builder, result, new._getvalue())
        return new._getvalue()

    return result(array), codegen


# each takes an array (..., TOGETHER), or (..., HALF), which must be contiguous, as one (...) of
# `Lanes`, which is the same memory
abreast, half_abreast = _abreast(TOGETHER), _abreast(HALF)
