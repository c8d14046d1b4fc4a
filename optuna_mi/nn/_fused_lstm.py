"""LSTM: one position, COLUMNS sequences.

i, f, o = s(W x + b + U h + v)        g = tanh(W x + b + U h + v)
c' = f c + i g                        h' = o tanh(c')
"""

from __future__ import annotations

from optuna_mi._numba import njit
from optuna_mi.nn._fused_matmul import Address, Floats, Rows, add_to, product
from optuna_mi.nn._simd import (
    COLUMNS,
    ONE,
    WIDTH,
    flush,
    fma,
    load,
    sigmoid,
    splat,
    store,
    tanh,
    two_sigmoids,
)


@njit(nogil=True)
def lstm_forward(
    packed: Floats, x: Rows, h: Rows, c: Rows, sums: Address, y: Rows, cells: Rows
) -> None:
    """Outputs ``y`` and ``cells``; ``h`` and ``c`` have no rows where there is no past."""
    product(packed, x, h, sums)
    part = y.n * COLUMNS
    for row in range(y.n):
        for half in range(0, COLUMNS, WIDTH):
            q, t = row * COLUMNS + half, row * y.stride + half
            i, f = two_sigmoids(load(sums, q), load(sums, part + q))
            g = tanh(load(sums, 2 * part + q))
            o = sigmoid(load(sums, 3 * part + q))
            c_new = i * g
            if c.n > 0:
                c_new = fma(f, load(c.start, row * c.stride + half), c_new)
            store(cells.start, t, c_new)
            store(y.start, t, o * tanh(c_new))


@njit(nogil=True)
def lstm_backward(
    packed: Floats, x: Rows, h: Rows, c: Rows, cells: Rows,
    gy: Rows, gcells: Rows, carry: Rows, carry_c: Rows, g: Address, bias: Floats,
) -> None:  # fmt: skip
    """Gradients of the sums: ``g`` of i, f, g, o (4H), which holds the sums themselves meanwhile.

    ``gy`` and ``carry`` are the gradient of the output from above and from the later position,
    ``gcells`` (no rows: none) and ``carry_c`` that of the cells; ``carry_c`` becomes that of ``c``.
    ``bias`` gains the sums of ``g``, WIDTH lanes a row.
    """
    product(packed, x, h, g)
    size = carry.n
    part = size * COLUMNS
    one = splat(ONE)
    zero = one - one
    for row in range(size):
        sum_i = sum_f = sum_n = sum_o = zero
        for half in range(0, COLUMNS, WIDTH):
            q, j = row * COLUMNS + half, row * carry.stride + half
            i, f = two_sigmoids(load(g, q), load(g, part + q))
            n = tanh(load(g, 2 * part + q))
            o = sigmoid(load(g, 3 * part + q))
            tc = tanh(load(cells.start, row * cells.stride + half))
            before = load(c.start, row * c.stride + half) if c.n > 0 else zero
            gh = flush(load(gy.start, row * gy.stride + half) + load(carry.start, j))
            gc = fma(gh * o, one - tc * tc, load(carry_c.start, j))
            if gcells.n > 0:
                gc = gc + load(gcells.start, row * gcells.stride + half)
            gc = flush(gc)
            gi = flush(gc * n * i * (one - i))
            gf = flush(gc * before * f * (one - f))
            gn = flush(gc * i * (one - n * n))
            go = flush(gh * tc * o * (one - o))
            store(carry_c.start, j, gc * f)
            store(g, q, gi)
            store(g, part + q, gf)
            store(g, 2 * part + q, gn)
            store(g, 3 * part + q, go)
            sum_i, sum_f, sum_n, sum_o = sum_i + gi, sum_f + gf, sum_n + gn, sum_o + go
        add_to(bias, row * WIDTH, sum_i)
        add_to(bias, (size + row) * WIDTH, sum_f)
        add_to(bias, (2 * size + row) * WIDTH, sum_n)
        add_to(bias, (3 * size + row) * WIDTH, sum_o)
