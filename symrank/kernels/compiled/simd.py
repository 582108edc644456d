"""Rows of a block as vector values for Numba kernels: a panel of `width` neighbouring columns.

Why not plain loops: a loop over a short row of known length is unrolled into scalar code before
LLVM's vectoriser sees it, which costs a factor of two to four. A `Panel` is a vector in LLVM's own
IR, which becomes AVX-512, AVX2, SSE2 or NEON registers, whatever the machine has.

The width travels as the length of a tuple, `width_tag(w)`, and so is a type: functions that use
it lie at module level and their machine code is cached on disk. The smallest use, y += a x on
arrays of a multiple of 8 numbers:

    @compiled
    def axpy(tag, a, x, y):
        for i in range(0, x.size, len(tag)):
            store(y, i, fma(splat(tag, a), load(tag, x, i), load(tag, y, i)))

    axpy(width_tag(8), 2.0, x, y)

Every product that is added is one `llvm.fmuladd`, and nothing may be reordered: a column's value
does not depend on the width of the panel in which it is computed.

What leans on Numba: `intrinsic`, `models` and `register_model` are public (`numba.extending`). Not
public, and so what a new version may break: `context.make_array(type)(...).data`, the pointer of an
array; `context.get_dummy_value()`, which an intrinsic without a result returns;
`cgutils.get_or_insert_function`; and llvmlite's typed pointers, `as_pointer` and `bitcast`.
"""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model
from numba.core.typing.templates import Signature

__all__ = [
    "Panel",
    "add",
    "bits_of_float",
    "convert",
    "float_of_bits",
    "fma",
    "load",
    "prefetch",
    "signs",
    "splat",
    "store",
    "width_tag",
    "zeros",
]

INT32, INT64 = ir.IntType(32), ir.IntType(64)
LINE = 64  # bytes of a cache line


class Panel(types.Type):
    """`width` numbers of one floating point type."""

    def __init__(self, dtype: Any, width: int) -> None:
        self.dtype, self.width = dtype, width
        super().__init__(name=f"Panel({dtype}, {width})")

    @property
    def scalar(self) -> ir.Type:
        """LLVM's type of one number."""
        return ir.FloatType() if self.dtype == types.float32 else ir.DoubleType()

    @property
    def vector(self) -> ir.VectorType:
        """LLVM's type of the panel."""
        return ir.VectorType(self.scalar, self.width)

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return int(self.dtype.bitwidth) // 8


@register_model(Panel)
class _PanelModel(models.PrimitiveModel):
    def __init__(self, manager: Any, panel: Panel) -> None:
        super().__init__(manager, panel, panel.vector)


def width_tag(width: int) -> tuple[bool, ...]:
    """Return the value whose type says the width of the panels."""
    return (False,) * width


def _splat(builder: Any, scalar: Any, width: int) -> Any:
    kind = ir.VectorType(scalar.type, width)
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(INT32, 0))
    mask = ir.Constant(ir.VectorType(INT32, width), [0] * width)
    return builder.shuffle_vector(first, undefined, mask)


def _address(context: Any, builder: Any, array_type: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [offset])


@intrinsic
def load(_context, tag, array, offset):
    """Return the panel at element `offset` of a C-ordered array."""
    panel = Panel(array.dtype, len(tag))

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
        at = _address(context, builder, signature.args[1], args[1], args[2])
        return builder.load(builder.bitcast(at, panel.vector.as_pointer()), align=panel.itemsize)

    return panel(tag, array, types.int64), generate


@intrinsic
def store(_context, array, offset, panel):
    """Write a panel at element `offset` of a C-ordered array."""

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
        at = _address(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], builder.bitcast(at, panel.vector.as_pointer()), align=panel.itemsize)
        return context.get_dummy_value()

    return types.void(array, types.int64, panel), generate


@intrinsic
def zeros(_context, tag, array):
    """Return a panel of zeros of the array's dtype."""
    panel = Panel(array.dtype, len(tag))
    return panel(tag, array), lambda *_: ir.Constant(panel.vector, None)


@intrinsic
def splat(_context, tag, scalar):
    """Return the panel that holds one number everywhere."""
    panel = Panel(scalar, len(tag))

    def generate(_: Any, builder: Any, __: Signature, args: Any) -> Any:
        return _splat(builder, args[1], panel.width)

    return panel(tag, scalar), generate


@intrinsic
def fma(_context, a, b, c):
    """Return ``a * b + c`` of three panels, fused where the machine can."""

    def generate(_: Any, builder: Any, __: Signature, args: Any) -> Any:
        kind = a.vector
        name = f"llvm.fmuladd.v{a.width}f{a.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        return builder.call(function, args)

    return a(a, a, a), generate


@intrinsic
def add(_context, a, b):
    """Return ``a + b`` of two panels."""
    return a(a, a), lambda _, builder, __, args: builder.fadd(*args)


@intrinsic
def convert(_context, a, scalar):
    """Return a panel in the floating point type of `scalar`."""
    panel = Panel(scalar, a.width)

    def generate(_: Any, builder: Any, __: Signature, args: Any) -> Any:
        if panel.itemsize == a.itemsize:
            return args[0]
        cast = builder.fpext if panel.itemsize > a.itemsize else builder.fptrunc
        return cast(args[0], panel.vector)

    return panel(a, scalar), generate


@intrinsic
def signs(_context, tag, scale, word, first):
    """Return +-`scale` by the bits `first`, `first` + 1, .. of a word; a set bit is minus."""
    panel = Panel(scale, len(tag))

    def generate(_: Any, builder: Any, __: Signature, args: Any) -> Any:
        bits = int(scale.bitwidth)
        whole, part = ir.IntType(bits), ir.VectorType(ir.IntType(bits), panel.width)
        word = builder.lshr(builder.zext(args[2], INT64), args[3])
        low = word if bits == 64 else builder.trunc(word, whole)
        shifts = ir.Constant(part, [bits - 1 - j for j in range(panel.width)])
        shifted = builder.shl(_splat(builder, low, panel.width), shifts)
        plus = _splat(builder, args[1], panel.width)
        minus = _splat(builder, builder.fneg(args[1]), panel.width)
        return builder.select(
            builder.icmp_signed("<", shifted, ir.Constant(part, None)), minus, plus
        )

    return panel(tag, scale, types.uint32, types.int64), generate


@intrinsic
def float_of_bits(_context, bits):
    """Return the float32 that has these 32 bits."""
    kind = ir.FloatType()
    return types.float32(types.uint32), lambda _, b, __, args: b.bitcast(args[0], kind)


@intrinsic
def bits_of_float(_context, number):
    """Return the bits of a float32."""
    return types.uint32(types.float32), lambda _, b, __, args: b.bitcast(args[0], INT32)


@intrinsic
def prefetch(_context, tag, array, offset):
    """Ask for the cache lines of the panel at `offset`."""
    panel = Panel(array.dtype, len(tag))

    def generate(context: Any, builder: Any, signature: Signature, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [byte, INT32, INT32, INT32]),
            "llvm.prefetch.p0",
        )
        at = builder.bitcast(_address(context, builder, signature.args[1], args[1], args[2]), byte)
        read, keep, data = (ir.Constant(INT32, x) for x in (0, 3, 1))
        for line in range(0, panel.width * panel.itemsize, LINE):
            where = builder.gep(at, [ir.Constant(INT64, line)])
            builder.call(function, [where, read, keep, data])
        return context.get_dummy_value()

    return types.void(tag, array, types.int64), generate
