"""Compiled functions called by their address, so that a caller is compiled once for all of them.

A function that is handed over to a kernel by itself makes the kernel another one for every
such function, each of which takes seconds to compile. Its address is a number like any other.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

NUMBER = types.float64
NUMBERS = types.Array(types.float64, 1, "C")
ADDRESS = types.intp
NONE = 0  # no address


def address_of(compiled: Callable, *arguments: Any) -> int:
    """Return the address of a leaf for arguments of these types, compiled or loaded by now."""
    dispatcher: Any = compiled
    dispatcher.compile(arguments)
    code = dispatcher.overloads[arguments]
    found = code.library.get_pointer_to_function(code.fndesc.llvm_func_name)
    assert found, f"{dispatcher.py_func.__name__} has no address"
    return found


def _calling(returned: Any) -> Any:
    """Return a compiled function that calls an address with a tuple of arguments."""

    @intrinsic
    def call(_context, address, arguments):
        def codegen(context, builder, signature, values):
            kinds = signature.args[1].types
            kind = context.call_conv.get_function_type(returned, kinds)
            function = builder.inttoptr(values[0], ir.PointerType(kind))
            handed = cgutils.unpack_tuple(builder, values[1])
            # what it raises is lost, but leaves raise nothing
            _, result = context.call_conv.call_function(builder, function, returned, kinds, handed)
            return result if returned is not types.none else context.get_dummy_value()

        return returned(address, arguments), codegen

    return call


run = _calling(types.none)
evaluate = _calling(types.float64)
