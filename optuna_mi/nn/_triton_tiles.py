"""What the fused recurrences share: places in memory, activations, products of a tile of rows.

A program owns ROWS rows of the reshaped memory, one of its lanes at one sequence each, from a
layer's first step to its last. Nothing that it computes is read by another program.

Weights up to 64 by 64 a gate stay in registers. Larger ones stream from the L2 cache at every
step, a tile of CHUNK rows at a time, the next one on its way while one is multiplied.
"""

import os

import triton
import triton.language as tl

ROWS = tl.constexpr(16)  # the least that matrix units take
CHUNK = tl.constexpr(64)
BYPASS = tl.constexpr(128)  # up to this size the L1 cache holds all gates' matrices
# Triton's interpreter multiplies the bits of bfloat16 as if they were integers (3.6 and 3.9).
INTERPRETED = tl.constexpr(os.environ.get("TRITON_INTERPRET") == "1")


@triton.jit
def rows_of_program(lengths, batch, n_lanes):
    """This program's model, its rows within a block, and the steps that each of them has."""
    model = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    lane = row // batch
    steps = tl.load(lengths + model * n_lanes + lane, mask=lane < n_lanes, other=0)
    return model, row, steps


@triton.jit
def place(starts, step, in_block, batch, model, n_rows, n_steps):
    """The rows (int64) that step ``step`` has in the memory of all models."""
    first = tl.load(starts + model * n_steps + step).to(tl.int64)
    return model * n_rows + first * batch + in_block


@triton.jit
def read(memory, rows, alive, part, WIDTH: tl.constexpr, H: tl.constexpr, HP: tl.constexpr):
    """Columns ``part * H`` onwards of some rows, float32 ``(ROWS, HP)``, zeros where not alive."""
    column = tl.arange(0, HP)
    at = memory + rows[:, None] * WIDTH + (part * H + column)[None, :]
    mask = alive[:, None] & (column < H)[None, :]
    # Read once: beside weights that stream it must not take their place in the L1 cache.
    cache: tl.constexpr = ".cg" if HP > BYPASS else ""
    return tl.load(at, mask=mask, other=0.0, cache_modifier=cache).to(tl.float32)


@triton.jit
def write(memory, value, rows, alive, part, WIDTH: tl.constexpr, H: tl.constexpr, HP: tl.constexpr):
    """Store where :func:`read` reads."""
    column = tl.arange(0, HP)
    at = memory + rows[:, None] * WIDTH + (part * H + column)[None, :]
    tl.store(at, value, mask=alive[:, None] & (column < H)[None, :])


@triton.jit
def read_bias(bias, model, gate, G: tl.constexpr, H: tl.constexpr, HP: tl.constexpr):
    """One gate's bias, ``(1, HP)``."""
    column = tl.arange(0, HP)
    at = bias + model * (G * H) + gate * H + column
    return tl.load(at, mask=column < H, other=0.0).to(tl.float32)[None, :]


@triton.jit
def sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def tanh(x):
    """Exact to a few units in the last place: by its series near zero, where 1 - e cancels."""
    square = x * x
    series = x * (
        1.0
        + square
        * (-1.0 / 3.0 + square * (2.0 / 15.0 + square * (-17.0 / 315.0 + square * (62.0 / 2835.0))))
    )
    decay = tl.exp(-2.0 * tl.abs(x))
    far = (1.0 - decay) / (1.0 + decay)
    far = tl.where(x < 0.0, -far, far)
    return tl.where(square < 0.09, series, far)


@triton.jit
def gate_matrix(
    weight, model, gate, H: tl.constexpr, HP: tl.constexpr, G: tl.constexpr, BACK: tl.constexpr
):
    """A whole gate's matrix for a product of rows: ``W.T`` forward, ``W`` for gradients."""
    return gate_tile(weight + (model * G + gate) * (H * H), 0, H, HP, HP, BACK, True)


@triton.jit
def gate_tile(
    matrix,
    first: tl.constexpr,
    H: tl.constexpr,
    HP: tl.constexpr,
    K: tl.constexpr,
    BACK: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Rows ``first`` to ``first + K`` of a gate's matrix (see :func:`gate_matrix`).

    ``KEEP`` lets them stay in the L1 cache. It holds one matrix of 256 by 256 in half precision;
    of several that are read in turn, each would drive the next one out.
    """
    k = first + tl.arange(0, K)[:, None]
    n = tl.arange(0, HP)[None, :]
    at = matrix + (k * H + n if BACK else n * H + k)
    cache: tl.constexpr = "" if KEEP or HP <= BYPASS else ".cg"
    return tl.load(at, mask=(k < H) & (n < H), other=0.0, cache_modifier=cache)


@triton.jit
def product(a, matrix, sums, PRECISION: tl.constexpr):
    """``sums + a @ matrix`` in float32, operands as ``matrix`` is stored."""
    a = a.to(matrix.dtype)
    if INTERPRETED:
        a = a.to(tl.float32)
        matrix = matrix.to(tl.float32)
    return tl.dot(a, matrix, sums, input_precision=PRECISION)


@triton.jit
def halves(a, COLUMNS: tl.constexpr):
    """The left and the right half of the columns."""
    pairs = tl.permute(tl.reshape(a, (ROWS, 2, COLUMNS // 2)), (0, 2, 1))
    return tl.split(pairs)


@triton.jit
def streamed_product(
    a,
    tile,
    matrix,
    following,
    sums,
    H: tl.constexpr,
    HP: tl.constexpr,
    BACK: tl.constexpr,
    KEEP: tl.constexpr,
    KEEP_NEXT: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """``sums + a @ matrix`` with the matrix in memory.

    Args:
        a: ``(ROWS, HP)``.
        tile: The first tile of ``matrix``, already on its way.
        matrix: Where it lies.
        following: The matrix that is multiplied after it.
        sums: ``(ROWS, HP)``.
        H: Hidden size.
        HP: The next power of two, 128 or 256.
        BACK: See :func:`gate_matrix`.
        KEEP: Of ``matrix``, see :func:`gate_tile`.
        KEEP_NEXT: Of ``following``.
        PRECISION: Of single-precision operands.

    Returns:
        The product, and the first tile of ``following``.
    """
    a = a.to(matrix.dtype.element_ty)
    left, right = halves(a, HP)
    if HP == 2 * CHUNK:
        ahead = gate_tile(matrix, CHUNK, H, HP, CHUNK, BACK, KEEP)
        sums = product(left, tile, sums, PRECISION)
        tile = gate_tile(following, 0, H, HP, CHUNK, BACK, KEEP_NEXT)
        sums = product(right, ahead, sums, PRECISION)
    else:
        a0, a1 = halves(left, HP // 2)
        a2, a3 = halves(right, HP // 2)
        ahead = gate_tile(matrix, CHUNK, H, HP, CHUNK, BACK, KEEP)
        sums = product(a0, tile, sums, PRECISION)
        tile = gate_tile(matrix, 2 * CHUNK, H, HP, CHUNK, BACK, KEEP)
        sums = product(a1, ahead, sums, PRECISION)
        ahead = gate_tile(matrix, 3 * CHUNK, H, HP, CHUNK, BACK, KEEP)
        sums = product(a2, tile, sums, PRECISION)
        tile = gate_tile(following, 0, H, HP, CHUNK, BACK, KEEP_NEXT)
        sums = product(a3, ahead, sums, PRECISION)
    return sums, tile


@triton.jit
def row_peak(a):
    """The largest magnitude of every row ``(ROWS, 1)``, kept away from zero.

    Gradients divided by it fit half precision, however small the loss's scale makes them.
    """
    return tl.maximum(tl.max(tl.abs(a), axis=1, keep_dims=True), 1e-30)
