"""Matrix products of one position: a few dozen rows, COLUMNS sequences of the batch side by side.

A matrix over the batch is seen one tile of COLUMNS columns at a time (:class:`Rows`). Weights are
packed in blocks of four rows, ``packed[block, column, 4]``, padded with zeros; the first column is
the bias.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.nn._simd import COLUMNS, WIDTH, address, broadcast, fma, load, store

Floats: TypeAlias = npt.NDArray[np.float32]
Address: TypeAlias = Any  # of a float32, see `address`
Vector: TypeAlias = Any  # WIDTH float32

ROWS = 4
ITEMS = 4  # tiles whose weight gradients are summed at once: their operands stay in the L1 cache
_LINE = 16  # float32 in a cache line
_TILE = ROWS * ROWS * WIDTH  # partial sums of a ROWS x ROWS tile of a weight gradient


class Rows(NamedTuple):
    """One tile of columns of a matrix: ``n`` rows of COLUMNS float32, ``stride`` elements apart."""

    start: Address
    stride: int
    n: int


@njit(nogil=True)
def n_blocks(rows: int) -> int:
    """Blocks of four rows."""
    return (rows + ROWS - 1) // ROWS


@njit(nogil=True)
def n_padded(rows: int) -> int:
    """Elements of a tile of ``rows`` rows, up to a whole number of blocks."""
    n: int = n_blocks(rows) * ROWS * COLUMNS
    return n


@njit(nogil=True)
def zeros(n: int) -> Floats:
    """Zeros that start where a cache line does: a vector across two lines costs twice."""
    memory = np.zeros(n + _LINE, dtype=np.float32)
    first = (-memory.ctypes.data // 4) % _LINE
    return memory[first : first + n]


@njit(nogil=True)
def pack(a: Floats, b: Floats, bias: Floats) -> Floats:
    """Pack ``[bias | a | b]``: shapes (n,), (n, K_a), (n, K_b), the latter two contiguous."""
    ka, kb = a.shape[1], b.shape[1]
    packed = np.zeros((n_blocks(len(bias)), 1 + ka + kb, ROWS), dtype=np.float32)
    for i in range(len(bias)):
        block, row = i // ROWS, i % ROWS
        packed[block, 0, row] = bias[i]
        for k in range(ka):
            packed[block, 1 + k, row] = a[i, k]
        for k in range(kb):
            packed[block, 1 + ka + k, row] = b[i, k]
    return packed


@njit(nogil=True)
def pack_one(a: Floats, bias: Floats) -> Floats:
    """Pack ``[bias | a]``."""
    packed: Floats = pack(a, np.zeros((len(bias), 0), dtype=np.float32), bias)
    return packed


@njit(nogil=True)
def pack_transposed(a: Floats) -> Floats:
    """Pack the transpose of ``a``, without a bias."""
    packed: Floats = pack_one(np.ascontiguousarray(a.T), np.zeros(a.shape[1], dtype=np.float32))
    return packed


@njit(nogil=True)
def product(packed: Floats, x: Rows, h: Rows, out: Address) -> None:
    """``out = bias + W [x; h]`` for one tile; rows of ``out`` are COLUMNS apart.

    All rows of a block are written, also those behind the last row of W. The columns of W behind
    those of ``x`` and ``h`` meet nothing.
    """
    for block in range(packed.shape[0]):
        w = block * packed.shape[1] * ROWS
        # a: left half of the tile's columns; b: right half; one of each a row of the block
        a0, a1 = broadcast(packed, w), broadcast(packed, w + 1)
        a2, a3 = broadcast(packed, w + 2), broadcast(packed, w + 3)
        sums = (a0, a1, a2, a3, a0, a1, a2, a3)
        sums = _add_columns(sums, packed, w + ROWS, x)
        sums = _add_columns(sums, packed, w + (1 + x.n) * ROWS, h)
        o = block * ROWS * COLUMNS
        a0, a1, a2, a3, b0, b1, b2, b3 = sums
        store(out, o, a0)
        store(out, o + WIDTH, b0)
        store(out, o + COLUMNS, a1)
        store(out, o + COLUMNS + WIDTH, b1)
        store(out, o + 2 * COLUMNS, a2)
        store(out, o + 2 * COLUMNS + WIDTH, b2)
        store(out, o + 3 * COLUMNS, a3)
        store(out, o + 3 * COLUMNS + WIDTH, b3)


@njit(nogil=True, forceinline=True)
def _add_columns(sums: tuple[Vector, ...], packed: Floats, w: int, x: Rows) -> tuple[Vector, ...]:
    """Add ``W x`` of a block of four rows; its columns start at ``packed[w]``."""
    a0, a1, a2, a3, b0, b1, b2, b3 = sums
    o = 0
    for _ in range(x.n):
        u, v = load(x.start, o), load(x.start, o + WIDTH)
        w0, w1 = broadcast(packed, w), broadcast(packed, w + 1)
        w2, w3 = broadcast(packed, w + 2), broadcast(packed, w + 3)
        a0, b0 = fma(w0, u, a0), fma(w0, v, b0)
        a1, b1 = fma(w1, u, a1), fma(w1, v, b1)
        a2, b2 = fma(w2, u, a2), fma(w2, v, b2)
        a3, b3 = fma(w3, u, a3), fma(w3, v, b3)
        w += ROWS
        o += x.stride
    return a0, a1, a2, a3, b0, b1, b2, b3


@njit(nogil=True)
def new_sums(rows: int, columns: int) -> Floats:
    """Zeroed partial sums of a weight gradient ``(rows, columns)``: WIDTH lanes per element."""
    n_i, n_j = n_blocks(rows), n_blocks(columns)
    sums: Floats = zeros(n_i * n_j * _TILE).reshape(n_i, n_j, _TILE)
    return sums


@njit(nogil=True)
def add_outer(g: Floats, first: int, x: Floats, n_items: int, sums: Floats) -> None:
    """Add ``sum over items and batch of g x^T`` to the partial sums.

    Args:
        g: Tiles ``(ITEMS, >= first + padded rows * COLUMNS)``; up to a whole block must be finite.
        first: Where the rows start in each item of ``g``.
        x: Tiles ``(ITEMS, padded columns * COLUMNS)``, as ``g``.
        n_items: How many of the items count.
        sums: See :func:`new_sums`.
    """
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            t = (i * sums.shape[1] + j) * _TILE
            s00, s01 = load(sums, t), load(sums, t + WIDTH)
            s02, s03 = load(sums, t + 2 * WIDTH), load(sums, t + 3 * WIDTH)
            s10, s11 = load(sums, t + 4 * WIDTH), load(sums, t + 5 * WIDTH)
            s12, s13 = load(sums, t + 6 * WIDTH), load(sums, t + 7 * WIDTH)
            s20, s21 = load(sums, t + 8 * WIDTH), load(sums, t + 9 * WIDTH)
            s22, s23 = load(sums, t + 10 * WIDTH), load(sums, t + 11 * WIDTH)
            s30, s31 = load(sums, t + 12 * WIDTH), load(sums, t + 13 * WIDTH)
            s32, s33 = load(sums, t + 14 * WIDTH), load(sums, t + 15 * WIDTH)
            for c in range(n_items):
                p = c * g.shape[1] + first + i * ROWS * COLUMNS
                q = c * x.shape[1] + j * ROWS * COLUMNS
                for _ in range(2):  # the two halves of the tile's columns
                    x0, x1 = load(x, q), load(x, q + COLUMNS)
                    x2, x3 = load(x, q + 2 * COLUMNS), load(x, q + 3 * COLUMNS)
                    y = load(g, p)
                    s00, s01 = fma(y, x0, s00), fma(y, x1, s01)
                    s02, s03 = fma(y, x2, s02), fma(y, x3, s03)
                    y = load(g, p + COLUMNS)
                    s10, s11 = fma(y, x0, s10), fma(y, x1, s11)
                    s12, s13 = fma(y, x2, s12), fma(y, x3, s13)
                    y = load(g, p + 2 * COLUMNS)
                    s20, s21 = fma(y, x0, s20), fma(y, x1, s21)
                    s22, s23 = fma(y, x2, s22), fma(y, x3, s23)
                    y = load(g, p + 3 * COLUMNS)
                    s30, s31 = fma(y, x0, s30), fma(y, x1, s31)
                    s32, s33 = fma(y, x2, s32), fma(y, x3, s33)
                    p += WIDTH
                    q += WIDTH
            store(sums, t, s00)
            store(sums, t + WIDTH, s01)
            store(sums, t + 2 * WIDTH, s02)
            store(sums, t + 3 * WIDTH, s03)
            store(sums, t + 4 * WIDTH, s10)
            store(sums, t + 5 * WIDTH, s11)
            store(sums, t + 6 * WIDTH, s12)
            store(sums, t + 7 * WIDTH, s13)
            store(sums, t + 8 * WIDTH, s20)
            store(sums, t + 9 * WIDTH, s21)
            store(sums, t + 10 * WIDTH, s22)
            store(sums, t + 11 * WIDTH, s23)
            store(sums, t + 12 * WIDTH, s30)
            store(sums, t + 13 * WIDTH, s31)
            store(sums, t + 14 * WIDTH, s32)
            store(sums, t + 15 * WIDTH, s33)


@njit(nogil=True)
def finish_sums(sums: Floats, rows: int, columns: int) -> Floats:
    """Add the partial sums up: the gradient ``(rows, columns)``."""
    gradient = np.empty((rows, columns), dtype=np.float32)
    for i in range(rows):
        for j in range(columns):
            tile = sums[i // ROWS, j // ROWS]
            t = ((i % ROWS) * ROWS + j % ROWS) * WIDTH
            total = np.float32(0.0)
            for lane in range(WIDTH):
                total += tile[t + lane]
            gradient[i, j] = total
    return gradient


@njit(nogil=True)
def add_to(sums: Floats, offset: int, value: Vector) -> None:
    """Add a vector to WIDTH elements from ``offset``."""
    store(sums, offset, load(sums, offset) + value)


@njit(nogil=True)
def fold_lanes(sums: Floats) -> Floats:
    """Add up the WIDTH lanes of each element."""
    total = np.zeros(len(sums) // WIDTH, dtype=np.float32)
    for i in range(len(sums)):
        total[i // WIDTH] += sums[i]
    return total


@njit(nogil=True)
def tile(array: Floats, offset: int, rows: int) -> Rows:
    """A tile in contiguous memory from ``array[offset]``; see `address` for how long it lasts."""
    return Rows(address(array, offset), COLUMNS, rows)


@njit(nogil=True)
def columns_of(array: Floats, row: int, rows: int, batch: int, column: int) -> Rows:
    """COLUMNS columns from ``column`` of matrix ``row`` of a flat ``(n, rows, batch)``."""
    return Rows(address(array, row * rows * batch + column), batch, rows)


@njit(nogil=True)
def copy_rows(source: Rows, target: Rows) -> None:
    """Copy all rows of ``source``."""
    for i in range(source.n):
        o, t = i * source.stride, i * target.stride
        store(target.start, t, load(source.start, o))
        store(target.start, t + WIDTH, load(source.start, o + WIDTH))


@njit(nogil=True)
def add_rows(source: Rows, target: Rows) -> None:
    """Add all rows of ``source`` to those of ``target``."""
    for i in range(source.n):
        o, t = i * source.stride, i * target.stride
        store(target.start, t, load(target.start, t) + load(source.start, o))
        o, t = o + WIDTH, t + WIDTH
        store(target.start, t, load(target.start, t) + load(source.start, o))
