"""Matrix products of one position: a few dozen rows, COLUMNS sequences of the batch side by side.

Matrices over the batch are rows of COLUMNS float32; weights are packed in blocks of four rows,
``packed[block, k, 4]``, padded with zeros.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.nn._simd import COLUMNS, WIDTH, broadcast, fma, load, store

Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Matrices: TypeAlias = tuple[Floats, Floats]  # W_ih (gates * H, F), W_hh (gates * H, H)
Vectors: TypeAlias = tuple[Floats, Floats]  # b_ih, b_hh
Gradients: TypeAlias = tuple[Floats, Floats, Floats, Floats]  # of W_ih, W_hh, b_ih, b_hh

ROWS = 4
ITEMS = 4  # tiles whose weight gradients are summed at once: their operands stay in the L1 cache
_TILE = ROWS * ROWS * WIDTH  # partial sums of a ROWS x ROWS tile of a weight gradient


@njit(nogil=True)
def n_blocks(rows: int) -> int:
    """Blocks of four rows."""
    return (rows + ROWS - 1) // ROWS


@njit(nogil=True)
def pack(parts: Matrices, rows: int) -> Floats:
    """Pack ``[parts[0] | parts[1]]``, each ``(>= rows, K)``, by blocks of four rows."""
    a, b = parts
    ka, kb = a.shape[1], b.shape[1]
    packed = np.zeros((n_blocks(rows), ka + kb, ROWS), dtype=np.float32)
    for i in range(rows):
        for k in range(ka):
            packed[i // ROWS, k, i % ROWS] = a[i, k]
        for k in range(kb):
            packed[i // ROWS, ka + k, i % ROWS] = b[i, k]
    return packed.reshape(-1)


@njit(nogil=True)
def pad_rows(bias: Floats, rows: int) -> Floats:
    """``bias`` with zeros up to a whole number of blocks."""
    padded = np.zeros(n_blocks(rows) * ROWS, dtype=np.float32)
    padded[:rows] = bias[:rows]
    return padded


@njit(nogil=True)
def product(
    packed: Floats,
    bias: Floats,
    x: Floats,
    x0: int,
    x_stride: int,
    kx: int,
    h: Floats,
    h0: int,
    h_stride: int,
    kh: int,
    width: int,
    out: Floats,
    out0: int,
    rows: int,
) -> None:
    """``out = bias + W [x; h]`` for one tile of columns.

    ``x`` (``kx`` rows from ``x0``, ``x_stride`` apart) meets the first ``kx`` columns of W, ``h``
    the next ``kh``; ``width`` is the number of columns that were packed.
    """
    for i in range(n_blocks(rows)):
        a0 = broadcast(bias, i * ROWS)
        a1 = broadcast(bias, i * ROWS + 1)
        a2 = broadcast(bias, i * ROWS + 2)
        a3 = broadcast(bias, i * ROWS + 3)
        b0, b1, b2, b3 = a0, a1, a2, a3
        w = i * width * ROWS
        o = x0
        for _ in range(kx):
            u, v = load(x, o), load(x, o + WIDTH)
            w0, w1 = broadcast(packed, w), broadcast(packed, w + 1)
            w2, w3 = broadcast(packed, w + 2), broadcast(packed, w + 3)
            a0, b0 = fma(w0, u, a0), fma(w0, v, b0)
            a1, b1 = fma(w1, u, a1), fma(w1, v, b1)
            a2, b2 = fma(w2, u, a2), fma(w2, v, b2)
            a3, b3 = fma(w3, u, a3), fma(w3, v, b3)
            w += ROWS
            o += x_stride
        o = h0
        for _ in range(kh):
            u, v = load(h, o), load(h, o + WIDTH)
            w0, w1 = broadcast(packed, w), broadcast(packed, w + 1)
            w2, w3 = broadcast(packed, w + 2), broadcast(packed, w + 3)
            a0, b0 = fma(w0, u, a0), fma(w0, v, b0)
            a1, b1 = fma(w1, u, a1), fma(w1, v, b1)
            a2, b2 = fma(w2, u, a2), fma(w2, v, b2)
            a3, b3 = fma(w3, u, a3), fma(w3, v, b3)
            w += ROWS
            o += h_stride
        o = out0 + i * ROWS * COLUMNS
        store(out, o, a0)
        store(out, o + WIDTH, b0)
        store(out, o + COLUMNS, a1)
        store(out, o + COLUMNS + WIDTH, b1)
        store(out, o + 2 * COLUMNS, a2)
        store(out, o + 2 * COLUMNS + WIDTH, b2)
        store(out, o + 3 * COLUMNS, a3)
        store(out, o + 3 * COLUMNS + WIDTH, b3)


@njit(nogil=True)
def new_sums(rows: int, columns: int) -> Floats:
    """Zeroed partial sums of a weight gradient ``(rows, columns)``: WIDTH lanes an element."""
    return np.zeros(n_blocks(rows) * n_blocks(columns) * _TILE, dtype=np.float32)


@njit(nogil=True)
def add_outer(
    g: Floats,
    g0: int,
    g_item: int,
    x: Floats,
    x_item: int,
    n_items: int,
    sums: Floats,
    rows: int,
    columns: int,
) -> None:
    """Add ``sum over items and batch of g x^T`` to the partial sums.

    Item c is ``rows`` rows of ``g`` from ``g0 + c * g_item`` and ``columns`` rows of ``x`` from
    ``c * x_item``. Rows up to a whole block must exist and be finite.
    """
    n_j = n_blocks(columns)
    for i in range(n_blocks(rows)):
        for j in range(n_j):
            t = (i * n_j + j) * _TILE
            s00, s01 = load(sums, t), load(sums, t + WIDTH)
            s02, s03 = load(sums, t + 2 * WIDTH), load(sums, t + 3 * WIDTH)
            s10, s11 = load(sums, t + 4 * WIDTH), load(sums, t + 5 * WIDTH)
            s12, s13 = load(sums, t + 6 * WIDTH), load(sums, t + 7 * WIDTH)
            s20, s21 = load(sums, t + 8 * WIDTH), load(sums, t + 9 * WIDTH)
            s22, s23 = load(sums, t + 10 * WIDTH), load(sums, t + 11 * WIDTH)
            s30, s31 = load(sums, t + 12 * WIDTH), load(sums, t + 13 * WIDTH)
            s32, s33 = load(sums, t + 14 * WIDTH), load(sums, t + 15 * WIDTH)
            for c in range(n_items):
                p = g0 + c * g_item + i * ROWS * COLUMNS
                q = c * x_item + j * ROWS * COLUMNS
                for _ in range(2):
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
    n_j = n_blocks(columns)
    for i in range(rows):
        for j in range(columns):
            t = ((i // ROWS) * n_j + j // ROWS) * _TILE + ((i % ROWS) * ROWS + j % ROWS) * WIDTH
            total = np.float32(0.0)
            for lane in range(WIDTH):
                total += sums[t + lane]
            gradient[i, j] = total
    return gradient


@njit(nogil=True)
def fold_lanes(sums: Floats) -> Floats:
    """Add up the WIDTH lanes of each element."""
    total = np.zeros(len(sums) // WIDTH, dtype=np.float32)
    for i in range(len(sums)):
        total[i // WIDTH] += sums[i]
    return total


@njit(nogil=True)
def copy_tile(
    source: Floats, start: int, stride: int, target: Floats, target_start: int, rows: int
) -> None:
    """Copy ``rows`` rows of one tile of columns into contiguous memory."""
    for i in range(rows):
        o, t = start + i * stride, target_start + i * COLUMNS
        store(target, t, load(source, o))
        store(target, t + WIDTH, load(source, o + WIDTH))


@njit(nogil=True)
def write_tile(
    source: Floats, source_start: int, target: Floats, start: int, stride: int, rows: int
) -> None:
    """Copy ``rows`` contiguous rows into a strided matrix."""
    for i in range(rows):
        o, t = start + i * stride, source_start + i * COLUMNS
        store(target, o, load(source, t))
        store(target, o + WIDTH, load(source, t + WIDTH))


@njit(nogil=True)
def add_tile(source: Floats, start: int, stride: int, target: Floats, rows: int) -> None:
    """Add ``rows`` rows of one tile of columns to contiguous memory."""
    for i in range(rows):
        o, t = start + i * stride, i * COLUMNS
        store(target, t, load(target, t) + load(source, o))
        store(target, t + WIDTH, load(target, t + WIDTH) + load(source, o + WIDTH))
