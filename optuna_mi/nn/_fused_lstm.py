"""LSTM: a whole dilated layer, forward and backward.

Memory and order as in ``_fused_gru``. Torch's equations:

    i, f, o = s(W x + b + U h + v)        g = tanh(W x + b + U h + v)
    c' = f c + i g                        h' = o tanh(c')
"""

from __future__ import annotations

import numpy as np

from optuna_mi._numba import njit
from optuna_mi.nn._fused_matmul import (
    ITEMS,
    ROWS,
    Floats,
    Gradients,
    Ints,
    Matrices,
    Vectors,
    add_outer,
    add_tile,
    copy_tile,
    finish_sums,
    fold_lanes,
    n_blocks,
    new_sums,
    pack,
    pad_rows,
    product,
    write_tile,
)
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


@njit(cache=True, nogil=True)
def forward(
    x: Floats,
    source: Ints,
    start: Floats,
    start_c: Floats,
    starts: Ints,
    lengths: Ints,
    weights: Matrices,
    biases: Vectors,
    y: Floats,
    cells: Floats,
    passed: Floats,
    batch: int,
    first: int,
    last: int,
) -> None:
    """Outputs and cells of columns ``first`` to ``last``.

    Arguments as in ``_fused_gru.forward``; ``start_c`` are the cells before each lane and
    ``cells``, like ``y``, is written.
    """
    features, size = weights[0].shape[1], weights[1].shape[1]
    packed, bias = pack(weights, 4 * size), pad_rows(biases[0] + biases[1], 4 * size)
    out = np.empty(4 * size * COLUMNS, dtype=np.float32)
    block = size * COLUMNS
    for lane in range(len(lengths)):
        for s in range(lengths[lane]):
            k = starts[s] + lane
            carried = s > 0 or len(start) > 0
            h_from, c_from = (y, cells) if s > 0 else (start, start_c)
            h_row = (starts[s - 1] + lane if s > 0 else lane) * size * batch
            for b in range(first, last, COLUMNS):
                xb = source[k] * features * batch + b
                product(packed, bias, x, xb, batch, features,
                        h_from, h_row + b, batch, size if carried else 0, features + size,
                        out, 0, 4 * size)  # fmt: skip
                for row in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        q = row * COLUMNS + half
                        i, f = two_sigmoids(load(out, q), load(out, block + q))
                        g = tanh(load(out, 2 * block + q))
                        o = sigmoid(load(out, 3 * block + q))
                        c = i * g
                        if carried:
                            c = fma(f, load(c_from, h_row + row * batch + b + half), c)
                        t = (k * size + row) * batch + b + half
                        store(cells, t, c)
                        h = o * tanh(c)
                        store(y, t, h)
                        if len(passed) > 0:
                            store(passed, t, h + load(x, xb + row * batch + half))


@njit(cache=True, nogil=True)
def backward(
    gy: Floats,
    skip: Floats,
    gcells: Floats,
    x: Floats,
    source: Ints,
    start: Floats,
    start_c: Floats,
    starts: Ints,
    lengths: Ints,
    weights: Matrices,
    biases: Vectors,
    y: Floats,
    cells: Floats,
    gx: Floats,
    gstart: Floats,
    gstart_c: Floats,
    batch: int,
    first: int,
    last: int,
) -> Gradients:
    """Gradients of columns ``first`` to ``last``; as ``_fused_gru.backward``.

    ``gcells`` is the gradient of the cells (empty: zero), ``gstart_c`` that of ``start_c``.
    """
    w_ih, w_hh = weights
    size, features = w_hh.shape[1], w_ih.shape[1]
    packed, bias = pack(weights, 4 * size), pad_rows(biases[0] + biases[1], 4 * size)
    none = np.zeros((max(size, features), 0), dtype=np.float32)
    back_x = pack((np.ascontiguousarray(w_ih.T), none), features)
    back_h = pack((np.ascontiguousarray(w_hh.T), none), size)
    zeros = np.zeros(n_blocks(max(size, features)) * ROWS, dtype=np.float32)
    x_item = n_blocks(features) * ROWS * COLUMNS
    h_item = n_blocks(size) * ROWS * COLUMNS
    g_item = 4 * size * COLUMNS
    xs = np.zeros(ITEMS * x_item, dtype=np.float32)
    hs = np.zeros(ITEMS * h_item, dtype=np.float32)
    gs = np.zeros(ITEMS * g_item, dtype=np.float32)
    out = np.empty(max(x_item, h_item), dtype=np.float32)
    sums_x, sums_h = new_sums(4 * size, features), new_sums(4 * size, size)
    sums_b = np.zeros(4 * size * WIDTH, dtype=np.float32)
    carry = np.zeros(size * batch, dtype=np.float32)
    carry_c = np.zeros(size * batch, dtype=np.float32)
    block = size * COLUMNS
    one, zero = splat(ONE), splat(np.float32(0.0))
    items = 0
    for lane in range(len(lengths)):
        carry[:] = 0.0
        carry_c[:] = 0.0
        for s in range(lengths[lane] - 1, -1, -1):
            k = starts[s] + lane
            carried = s > 0 or len(start) > 0
            h_from, c_from = (y, cells) if s > 0 else (start, start_c)
            h_row = (starts[s - 1] + lane if s > 0 else lane) * size * batch
            for b in range(first, last, COLUMNS):
                xb, g0, h0 = source[k] * features * batch + b, items * g_item, items * h_item
                copy_tile(x, xb, batch, xs, items * x_item, features)
                if carried:
                    copy_tile(h_from, h_row + b, batch, hs, h0, size)
                else:
                    hs[h0 : h0 + block] = 0.0
                product(packed, bias, xs, items * x_item, COLUMNS, features, hs, h0, COLUMNS,
                        size if carried else 0, features + size, gs, g0, 4 * size)  # fmt: skip
                for row in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        q = g0 + row * COLUMNS + half
                        j = row * batch + b + half
                        t = k * size * batch + j
                        i, f = two_sigmoids(load(gs, q), load(gs, q + block))
                        g = tanh(load(gs, q + 2 * block))
                        o = sigmoid(load(gs, q + 3 * block))
                        tc = tanh(load(cells, t))
                        before = load(c_from, h_row + j) if carried else zero
                        gh = flush(load(gy, t) + load(carry, j))
                        gc = fma(gh * o, one - tc * tc, load(carry_c, j))
                        if len(gcells) > 0:
                            gc = gc + load(gcells, t)
                        gc = flush(gc)
                        gi = flush(gc * g * i * (one - i))
                        gf = flush(gc * before * f * (one - f))
                        gg = flush(gc * i * (one - g * g))
                        go = flush(gh * tc * o * (one - o))
                        store(carry_c, j, gc * f)
                        store(gs, q, gi)
                        store(gs, q + block, gf)
                        store(gs, q + 2 * block, gg)
                        store(gs, q + 3 * block, go)
                        q = row * WIDTH
                        store(sums_b, q, load(sums_b, q) + gi)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + gf)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + gg)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + go)
                if len(gx) > 0:
                    product(back_x, zeros, gs, g0, COLUMNS, 4 * size, gs, g0, COLUMNS, 0,
                            4 * size, out, 0, features)  # fmt: skip
                    if len(skip) > 0:
                        add_tile(skip, k * size * batch + b, batch, out, size)
                    write_tile(out, 0, gx, xb, batch, features)
                if carried:
                    product(back_h, zeros, gs, g0, COLUMNS, 4 * size, gs, g0, COLUMNS, 0,
                            4 * size, out, 0, size)  # fmt: skip
                    write_tile(out, 0, carry, b, batch, size)
                    if s == 0 and len(gstart) > 0:
                        lane0 = lane * size * batch + b
                        write_tile(out, 0, gstart, lane0, batch, size)
                        for row in range(size):
                            for half in range(0, COLUMNS, WIDTH):
                                j = row * batch + half
                                store(gstart_c, lane0 + j, load(carry_c, j + b))
                items += 1
                if items == ITEMS:
                    add_outer(gs, 0, g_item, xs, x_item, items, sums_x, 4 * size, features)
                    add_outer(gs, 0, g_item, hs, h_item, items, sums_h, 4 * size, size)
                    items = 0
    add_outer(gs, 0, g_item, xs, x_item, items, sums_x, 4 * size, features)
    add_outer(gs, 0, g_item, hs, h_item, items, sums_h, 4 * size, size)
    g_ih = finish_sums(sums_x, 4 * size, features)
    g_hh = finish_sums(sums_h, 4 * size, size)
    g_b = fold_lanes(sums_b)
    return g_ih, g_hh, g_b, g_b.copy()
