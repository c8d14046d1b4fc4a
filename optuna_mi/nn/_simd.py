"""A vector of float32 as a value inside numba kernels.

Numba vectorises what it can prove safe; a register tile of a matrix product is beyond it. ``Vec``
is LLVM's vector type: with it a tile stays in registers, and reaches the speed of a BLAS.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import float32, types
from numba.core import cgutils, extending
from numba.core.extending import models, register_model
from numba.core.registry import cpu_target

from optuna_mi._numba import njit

# What numba compiles for: the host, unless NUMBA_CPU_NAME, NUMBA_CPU_FEATURES or
# NUMBA_ENABLE_AVX say otherwise.
_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
# 16 lanes fill an AVX-512 register. Elsewhere 8: a tile of 4 rows and 2 vectors then needs 8
# registers of AVX2's 16 (and 16 of NEON's 32).
WIDTH = 16 if "+avx512f" in _FEATURES else 8
COLUMNS = 2 * WIDTH

# Numba types these as it defines them, not as kernels see them.
intrinsic: Any = extending.intrinsic
_type_callable: Any = extending.type_callable
_lower_builtin: Any = extending.lower_builtin
_get_function: Any = cgutils.get_or_insert_function

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, WIDTH)
_LANE = ir.IntType(32)
_make_pointer: Any = types.CPointer
_pointer_type = _make_pointer(float32)


class _VecType(types.Type):
    pass


vec: Any = _VecType(f"Vec{WIDTH}")


@register_model(_VecType)
class _VecModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)  # type: ignore[no-untyped-call]


def _splat(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_LANE, 0))
    mask = ir.Constant(ir.VectorType(_LANE, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, mask)


def _pointer(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """The element at an offset in a contiguous array, or behind an address."""
    start = args[0]
    if isinstance(sig.args[0], types.Array):
        start = context.make_array(sig.args[0])(context, builder, start).data
    return builder.gep(start, [args[1]])


@intrinsic
def address(_: Any, array: Any, offset: Any) -> Any:
    """Where ``array[offset]`` is, of a contiguous float32 array; bounds are not checked.

    Kernels pass addresses on, since an array within a tuple costs two locked instructions to count
    its references: up to 7 % of a step. The price: an address keeps nothing alive, and numba frees
    an array behind the last line that names it. So take the address of an argument, or, in a loop,
    anew in each pass.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _pointer(context, builder, sig, args)

    return _pointer_type(array, types.intp), codegen


@intrinsic
def load(_: Any, array: Any, offset: Any) -> Any:
    """``array[offset : offset + WIDTH]`` of an array or an address; bounds are not checked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig, args)
        return builder.load(builder.bitcast(pointer, _VECTOR.as_pointer()), align=4)

    return vec(array, types.intp), codegen


@intrinsic
def store(_: Any, array: Any, offset: Any, value: Any) -> Any:
    """``array[offset : offset + WIDTH] = value``; bounds are not checked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, sig, args)
        builder.store(args[2], builder.bitcast(pointer, _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, vec), codegen


def _mask(builder: Any, count: Any) -> Any:
    """Lanes below ``count``."""
    kind = ir.VectorType(_LANE, WIDTH)
    lanes = ir.Constant(kind, list(range(WIDTH)))
    limit = builder.insert_element(
        ir.Constant(kind, ir.Undefined), builder.trunc(count, _LANE), ir.Constant(_LANE, 0)
    )
    limit = builder.shuffle_vector(
        limit, ir.Constant(kind, ir.Undefined), ir.Constant(kind, [0] * WIDTH)
    )
    return builder.icmp_signed("<", lanes, limit)


@intrinsic
def load_some(_: Any, array: Any, offset: Any, count: Any) -> Any:
    """The first ``count`` lanes of :func:`load`, zeros behind them."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(_pointer(context, builder, sig, args), _VECTOR.as_pointer())
        mask = _mask(builder, args[2])
        function = _get_function(
            builder.module,
            ir.FunctionType(_VECTOR, [pointer.type, _LANE, mask.type, _VECTOR]),
            f"llvm.masked.load.v{WIDTH}f32.p0",
        )
        zeros = ir.Constant(_VECTOR, [0.0] * WIDTH)
        return builder.call(function, [pointer, ir.Constant(_LANE, 4), mask, zeros])

    return vec(array, types.intp, types.intp), codegen


@intrinsic
def store_some(_: Any, array: Any, offset: Any, count: Any, value: Any) -> Any:
    """The first ``count`` lanes of :func:`store`."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(_pointer(context, builder, sig, args), _VECTOR.as_pointer())
        mask = _mask(builder, args[2])
        function = _get_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [_VECTOR, pointer.type, _LANE, mask.type]),
            f"llvm.masked.store.v{WIDTH}f32.p0",
        )
        builder.call(function, [args[3], pointer, ir.Constant(_LANE, 4), mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vec), codegen


@intrinsic
def broadcast(_: Any, array: Any, offset: Any) -> Any:
    """``array[offset]`` in every lane; bounds are not checked."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, builder.load(_pointer(context, builder, sig, args)))

    return vec(array, types.intp), codegen


@intrinsic
def splat(_: Any, scalar: Any) -> Any:
    """A number in every lane."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _splat(builder, args[0])

    return vec(float32), codegen


@intrinsic
def fma(_: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        signature = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        function = _get_function(builder.module, signature, f"llvm.fma.v{WIDTH}f32")
        return builder.call(function, args)

    return vec(vec, vec, vec), codegen


@intrinsic
def clamp(_: Any, value: Any, limit: Any) -> Any:
    """``value`` within ``-limit .. limit``; NaN stays NaN."""

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, high = args
        low = builder.fneg(high)
        # Ordered comparisons are false for NaN, which therefore passes.
        x = builder.select(builder.fcmp_ordered(">", x, high), high, x)
        return builder.select(builder.fcmp_ordered("<", x, low), low, x)

    return vec(vec, vec), codegen


# Far below what float32 adds to any gradient of a size that trains, far above its smallest number.
_TINY = 2.0**-100


@intrinsic
def flush(_: Any, value: Any) -> Any:
    """``value`` with zero in lanes smaller than 2**-100 in magnitude; NaN stays NaN.

    Gradients that vanish over many steps end as denormal numbers, with which processors are slow:
    a training step of a saturated RNN took fifteen times as long.
    """

    def codegen(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        signature = ir.FunctionType(_VECTOR, [_VECTOR])
        magnitude = _get_function(builder.module, signature, f"llvm.fabs.v{WIDTH}f32")
        limit = _splat(builder, ir.Constant(_FLOAT, _TINY))
        # Unordered comparisons are true for NaN, which therefore passes.
        kept = builder.fcmp_unordered(">=", builder.call(magnitude, args), limit)
        return builder.select(kept, args[0], ir.Constant(_VECTOR, [0.0] * WIDTH))

    return vec(vec), codegen


def _register(operation: Any, instruction: str) -> None:
    @_type_callable(operation)
    def _typer(context: Any) -> Any:
        def typer(a: Any, b: Any) -> Any:
            return vec if a is vec and b is vec else None

        return typer

    @_lower_builtin(operation, vec, vec)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args, flags=("contract",))


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_operation, _instruction)


# tanh(x) = x P(x^2) / Q(x^2) for |x| <= 8: a Lawson-weighted least-squares fit of our own, relative
# error 6.4e-9; in float32 within 3 units of the last place. All coefficients are positive, so
# nothing cancels.
_P = tuple(
    float32(p)
    for p in (
        0.9999999935846356,
        0.1344450235060425,
        0.0035716032565259533,
        2.1894750467862564e-05,
        1.5230545315370837e-08,
    )
)
_Q = tuple(
    float32(q)
    for q in (
        1.0,
        0.4677782967506102,
        0.02616446272027339,
        0.00034113006723792815,
        8.522497802587921e-07,
    )
)
_P0, _P1, _P2, _P3, _P4 = _P
_Q0, _Q1, _Q2, _Q3, _Q4 = _Q
_LIMIT = float32(8.0)
HALF = float32(0.5)
ONE = float32(1.0)


@njit(nogil=True)
def tanh_fraction(x: Any) -> tuple[Any, Any]:
    """Numerator and denominator of tanh(x)."""
    x = clamp(x, splat(_LIMIT))
    s = x * x
    p = fma(s, fma(s, fma(s, fma(s, splat(_P4), splat(_P3)), splat(_P2)), splat(_P1)), splat(_P0))
    q = fma(s, fma(s, fma(s, fma(s, splat(_Q4), splat(_Q3)), splat(_Q2)), splat(_Q1)), splat(_Q0))
    return x * p, q


@njit(nogil=True)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    p, q = tanh_fraction(x)
    return p / q


@njit(nogil=True)
def sigmoid(x: Any) -> Any:
    """Logistic function."""
    half = splat(HALF)
    p, q = tanh_fraction(half * x)
    return fma(p / q, half, half)


@njit(nogil=True)
def two_sigmoids(a: Any, b: Any) -> tuple[Any, Any]:
    """Logistic functions of two vectors, for the price of one division."""
    half = splat(HALF)
    pa, qa = tanh_fraction(half * a)
    pb, qb = tanh_fraction(half * b)
    inverse = half / (qa * qb)
    return fma(pa * qb, inverse, half), fma(pb * qa, inverse, half)
