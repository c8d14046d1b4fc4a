"""What is left of a cell after its matrix products, for a block of rows ``(rows, gates * H)``.

Each kernel is one pass over memory. Rows are row-major; ``row`` is the block's first row in the
buffers of the whole layer. The equations are those of the ``_fused_*`` modules.
"""

from __future__ import annotations

from typing import Any

from optuna_mi._numba import njit
from optuna_mi.nn._fused_matmul import Floats
from optuna_mi.nn._simd import (
    ONE,
    WIDTH,
    flush,
    fma,
    load_some,
    sigmoid,
    splat,
    store_some,
    tanh,
    two_sigmoids,
)


@njit(nogil=True)
def add_some(array: Floats, offset: int, count: int, value: Any) -> None:
    """Add ``value`` to the first ``count`` elements from ``offset``."""
    store_some(array, offset, count, load_some(array, offset, count) + value)


@njit(cache=True, nogil=True)
def rnn_forward(y: Floats, row: int, rows: int, size: int) -> None:
    """Tanh in place of the sums in ``y`` (n, H)."""
    stop = (row + rows) * size
    for o in range(row * size, stop, WIDTH):
        count = min(WIDTH, stop - o)
        store_some(y, o, count, tanh(load_some(y, o, count)))


@njit(cache=True, nogil=True)
def rnn_backward(
    gy: Floats, carry: Floats, y: Floats, g: Floats, bias: Floats,
    lane: int, row: int, rows: int, size: int,
) -> None:  # fmt: skip
    """Gradient of the sums, ``g`` (n, H).

    ``carry`` (lanes, H), from row ``lane`` on, comes from the later block. ``bias`` (H) gains the
    sums of ``g`` over the rows.
    """
    one = splat(ONE)
    for i in range(rows):
        o = (row + i) * size
        for j in range(0, size, WIDTH):
            count = min(WIDTH, size - j)
            h = load_some(y, o + j, count)
            d = load_some(gy, o + j, count) + load_some(carry, (lane + i) * size + j, count)
            d = flush(d * (one - h * h))
            store_some(g, o + j, count, d)
            add_some(bias, j, count, d)


@njit(cache=True, nogil=True)
def gru_forward(
    gates: Floats, recurrent: Floats, before: Floats, m: Floats, y: Floats,
    source: int, row: int, rows: int, size: int,
) -> None:  # fmt: skip
    """Outputs of a block.

    Args:
        gates: W_ih x + b_ih, r, z, n; becomes r, z, n. (n, 3H).
        recurrent: W_hh h + b_hh. (rows, 3H).
        before: Where h is: ``source`` is its first row; empty for zeros.
        m: Receives the last third of ``recurrent``. (n, H).
        y: Receives the outputs. (n, H).
        source: See ``before``.
        row: First row of the block.
        rows: Rows of the block.
        size: H.
    """
    one = splat(ONE)
    for i in range(rows):
        g, u, o = 3 * (row + i) * size, 3 * i * size, (row + i) * size
        for j in range(0, size, WIDTH):
            count = min(WIDTH, size - j)
            r, z = two_sigmoids(
                load_some(gates, g + j, count) + load_some(recurrent, u + j, count),
                load_some(gates, g + size + j, count) + load_some(recurrent, u + size + j, count),
            )
            mm = load_some(recurrent, u + 2 * size + j, count)
            n = tanh(fma(r, mm, load_some(gates, g + 2 * size + j, count)))
            h = (one - z) * n
            if len(before) > 0:
                h = fma(z, load_some(before, (source + i) * size + j, count), h)
            store_some(gates, g + j, count, r)
            store_some(gates, g + size + j, count, z)
            store_some(gates, g + 2 * size + j, count, n)
            store_some(m, o + j, count, mm)
            store_some(y, o + j, count, h)


@njit(cache=True, nogil=True)
def gru_backward(
    gy: Floats, carry: Floats, gates: Floats, before: Floats, m: Floats, gh: Floats, gn: Floats,
    bias: Floats, source: int, lane: int, row: int, rows: int, size: int,
) -> None:  # fmt: skip
    """Gradients of the sums: ``gh`` of r, z, m (n, 3H) and ``gn`` of n (n, H).

    ``carry``, from row ``lane`` on, becomes z * dh; ``bias`` (4, H) gains the sums of all four
    over the rows.
    """
    one, zero = splat(ONE), splat(ONE) - splat(ONE)
    for i in range(rows):
        g, o = 3 * (row + i) * size, (row + i) * size
        for j in range(0, size, WIDTH):
            count = min(WIDTH, size - j)
            r, z = load_some(gates, g + j, count), load_some(gates, g + size + j, count)
            n = load_some(gates, g + 2 * size + j, count)
            h = zero
            if len(before) > 0:
                h = load_some(before, (source + i) * size + j, count)
            d = load_some(gy, o + j, count) + load_some(carry, (lane + i) * size + j, count)
            d = flush(d)
            dn = flush(d * (one - z) * (one - n * n))
            dr = flush(dn * load_some(m, o + j, count) * r * (one - r))
            dz = flush(d * (h - n) * z * (one - z))
            dm = flush(dn * r)
            store_some(gh, g + j, count, dr)
            store_some(gh, g + size + j, count, dz)
            store_some(gh, g + 2 * size + j, count, dm)
            store_some(gn, o + j, count, dn)
            store_some(carry, (lane + i) * size + j, count, d * z)
            add_some(bias, j, count, dr)
            add_some(bias, size + j, count, dz)
            add_some(bias, 2 * size + j, count, dm)
            add_some(bias, 3 * size + j, count, dn)


@njit(cache=True, nogil=True)
def lstm_forward(
    gates: Floats, before: Floats, cells: Floats, y: Floats,
    source: int, row: int, rows: int, size: int,
) -> None:  # fmt: skip
    """Outputs and cells of a block; ``gates`` (n, 4H), the sums, become i, f, g, o."""
    for k in range(rows):
        q, t = 4 * (row + k) * size, (row + k) * size
        for j in range(0, size, WIDTH):
            count = min(WIDTH, size - j)
            i, f = two_sigmoids(
                load_some(gates, q + j, count), load_some(gates, q + size + j, count)
            )
            g = tanh(load_some(gates, q + 2 * size + j, count))
            o = sigmoid(load_some(gates, q + 3 * size + j, count))
            c = i * g
            if len(before) > 0:
                c = fma(f, load_some(before, (source + k) * size + j, count), c)
            store_some(gates, q + j, count, i)
            store_some(gates, q + size + j, count, f)
            store_some(gates, q + 2 * size + j, count, g)
            store_some(gates, q + 3 * size + j, count, o)
            store_some(cells, t + j, count, c)
            store_some(y, t + j, count, o * tanh(c))


@njit(cache=True, nogil=True)
def lstm_backward(
    gy: Floats, gcells: Floats, carry: Floats, carry_c: Floats, gates: Floats, before: Floats,
    cells: Floats, g_out: Floats, bias: Floats,
    source: int, lane: int, row: int, rows: int, size: int,
) -> None:  # fmt: skip
    """Gradient of the sums, ``g_out`` (n, 4H); ``carry_c`` becomes that of the cells before.

    ``bias`` (4H) gains the sums of ``g_out`` over the rows.
    """
    one, zero = splat(ONE), splat(ONE) - splat(ONE)
    for k in range(rows):
        q, t = 4 * (row + k) * size, (row + k) * size
        for j in range(0, size, WIDTH):
            count = min(WIDTH, size - j)
            i, f = load_some(gates, q + j, count), load_some(gates, q + size + j, count)
            g, o = (
                load_some(gates, q + 2 * size + j, count),
                load_some(gates, q + 3 * size + j, count),
            )
            tc = tanh(load_some(cells, t + j, count))
            c = zero
            if len(before) > 0:
                c = load_some(before, (source + k) * size + j, count)
            gh = load_some(gy, t + j, count) + load_some(carry, (lane + k) * size + j, count)
            gh = flush(gh)
            gc = fma(gh * o, one - tc * tc, load_some(carry_c, (lane + k) * size + j, count))
            if len(gcells) > 0:
                gc = gc + load_some(gcells, t + j, count)
            gc = flush(gc)
            di, df = flush(gc * g * i * (one - i)), flush(gc * c * f * (one - f))
            dg, do = flush(gc * i * (one - g * g)), flush(gh * tc * o * (one - o))
            store_some(g_out, q + j, count, di)
            store_some(g_out, q + size + j, count, df)
            store_some(g_out, q + 2 * size + j, count, dg)
            store_some(g_out, q + 3 * size + j, count, do)
            add_some(bias, j, count, di)
            add_some(bias, size + j, count, df)
            add_some(bias, 2 * size + j, count, dg)
            add_some(bias, 3 * size + j, count, do)
            store_some(carry_c, (lane + k) * size + j, count, gc * f)
