"""Plain tanh RNN: a whole dilated layer, forward and backward.

Memory and order as in ``_fused_gru``. Torch's equation: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).
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
from optuna_mi.nn._simd import COLUMNS, ONE, WIDTH, flush, load, splat, store, tanh


@njit(cache=True, nogil=True)
def forward(
    x: Floats,
    source: Ints,
    start: Floats,
    starts: Ints,
    lengths: Ints,
    weights: Matrices,
    biases: Vectors,
    y: Floats,
    passed: Floats,
    batch: int,
    first: int,
    last: int,
) -> None:
    """Outputs of columns ``first`` to ``last``; arguments as in ``_fused_gru.forward``."""
    features, size = weights[0].shape[1], weights[1].shape[1]
    packed, bias = pack(weights, size), pad_rows(biases[0] + biases[1], size)
    out = np.empty(n_blocks(size) * ROWS * COLUMNS, dtype=np.float32)
    for lane in range(len(lengths)):
        for s in range(lengths[lane]):
            k = starts[s] + lane
            kh = size if s > 0 or len(start) > 0 else 0
            h_from = y if s > 0 else start
            h_row = (starts[s - 1] + lane if s > 0 else lane) * size * batch
            for b in range(first, last, COLUMNS):
                xb = source[k] * features * batch + b
                product(packed, bias, x, xb, batch, features,
                        h_from, h_row + b, batch, kh, features + size, out, 0, size)  # fmt: skip
                for i in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        h = tanh(load(out, i * COLUMNS + half))
                        t = (k * size + i) * batch + b + half
                        store(y, t, h)
                        if len(passed) > 0:
                            store(passed, t, h + load(x, xb + i * batch + half))


@njit(cache=True, nogil=True)
def backward(
    gy: Floats,
    skip: Floats,
    x: Floats,
    source: Ints,
    start: Floats,
    starts: Ints,
    lengths: Ints,
    weights: Matrices,
    biases: Vectors,
    y: Floats,
    gx: Floats,
    gstart: Floats,
    batch: int,
    first: int,
    last: int,
) -> Gradients:
    """Gradients of columns ``first`` to ``last``; as ``_fused_gru.backward``."""
    w_ih, w_hh = weights
    size, features = w_hh.shape[1], w_ih.shape[1]
    none = np.zeros((max(size, features), 0), dtype=np.float32)
    back_x = pack((np.ascontiguousarray(w_ih.T), none), features)
    back_h = pack((np.ascontiguousarray(w_hh.T), none), size)
    zeros = np.zeros(n_blocks(max(size, features)) * ROWS, dtype=np.float32)
    x_item = n_blocks(features) * ROWS * COLUMNS
    h_item = n_blocks(size) * ROWS * COLUMNS
    xs = np.zeros(ITEMS * x_item, dtype=np.float32)
    hs = np.zeros(ITEMS * h_item, dtype=np.float32)
    gs = np.zeros(ITEMS * h_item, dtype=np.float32)
    out = np.empty(max(x_item, h_item), dtype=np.float32)
    sums_x, sums_h = new_sums(size, features), new_sums(size, size)
    sums_b = np.zeros(size * WIDTH, dtype=np.float32)
    carry = np.zeros(size * batch, dtype=np.float32)
    one = splat(ONE)
    items = 0
    for lane in range(len(lengths)):
        carry[:] = 0.0
        for s in range(lengths[lane] - 1, -1, -1):
            k = starts[s] + lane
            carried = s > 0 or len(start) > 0
            h_from = y if s > 0 else start
            h_row = (starts[s - 1] + lane if s > 0 else lane) * size * batch
            for b in range(first, last, COLUMNS):
                xb, g0 = source[k] * features * batch + b, items * h_item
                copy_tile(x, xb, batch, xs, items * x_item, features)
                if carried:
                    copy_tile(h_from, h_row + b, batch, hs, g0, size)
                else:
                    hs[g0 : g0 + size * COLUMNS] = 0.0
                for i in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        c = i * batch + b + half
                        o = k * size * batch + c
                        h = load(y, o)
                        g = flush((load(gy, o) + load(carry, c)) * (one - h * h))
                        store(gs, g0 + i * COLUMNS + half, g)
                        store(sums_b, i * WIDTH, load(sums_b, i * WIDTH) + g)
                if len(gx) > 0:
                    product(back_x, zeros, gs, g0, COLUMNS, size, gs, g0, COLUMNS, 0,
                            size, out, 0, features)  # fmt: skip
                    if len(skip) > 0:
                        add_tile(skip, k * size * batch + b, batch, out, size)
                    write_tile(out, 0, gx, xb, batch, features)
                if carried:
                    product(back_h, zeros, gs, g0, COLUMNS, size, gs, g0, COLUMNS, 0,
                            size, out, 0, size)  # fmt: skip
                    write_tile(out, 0, carry, b, batch, size)
                    if s == 0 and len(gstart) > 0:
                        write_tile(out, 0, gstart, lane * size * batch + b, batch, size)
                items += 1
                if items == ITEMS:
                    add_outer(gs, 0, h_item, xs, x_item, items, sums_x, size, features)
                    add_outer(gs, 0, h_item, hs, h_item, items, sums_h, size, size)
                    items = 0
    add_outer(gs, 0, h_item, xs, x_item, items, sums_x, size, features)
    add_outer(gs, 0, h_item, hs, h_item, items, sums_h, size, size)
    g_ih = finish_sums(sums_x, size, features)
    g_hh = finish_sums(sums_h, size, size)
    g_b = fold_lanes(sums_b)
    return g_ih, g_hh, g_b, g_b.copy()
