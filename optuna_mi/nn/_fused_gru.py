"""GRU: a whole dilated layer, forward and backward, one position and COLUMNS sequences at a time.

Memory is (positions, features, batch), the batch innermost and a multiple of COLUMNS. A lane is
followed to its end before the next starts, so its state stays in the cache. Torch's equations:

    r = s(W_ir x + b_ir + W_hr h + b_hr)          z = s(W_iz x + b_iz + W_hz h + b_hz)
    n = tanh(W_in x + b_in + r m)                 m = W_hn h + b_hn
    h' = (1 - z) n + z h
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
    splat,
    store,
    tanh,
    two_sigmoids,
)


@njit(nogil=True)
def _pack_gates(
    weights: Matrices, biases: Vectors
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Weights and biases of (r, z) from [x; h], of n from x and of m from h."""
    w_ih, w_hh = weights
    b_ih, b_hh = biases
    size = w_hh.shape[1]
    none = np.zeros((3 * size, 0), dtype=np.float32)
    return (
        pack((w_ih, w_hh), 2 * size),
        pack((w_ih[2 * size :], none), size),
        pack((w_hh[2 * size :], none), size),
        pad_rows(b_ih + b_hh, 2 * size),
        pad_rows(b_ih[2 * size :], size),
        pad_rows(b_hh[2 * size :], size),
    )


@njit(nogil=True)
def _gates(
    packed: tuple[Floats, Floats, Floats, Floats, Floats, Floats],
    x: Floats,
    x0: int,
    x_stride: int,
    features: int,
    h: Floats,
    h0: int,
    h_stride: int,
    kh: int,
    size: int,
    out: Floats,
) -> None:
    """r, z, n, m of one tile into ``out``, each ``(size, COLUMNS)`` from ``_rows(size)``."""
    w_rz, w_n, w_m, b_rz, b_n, b_m = packed
    z0, n0, m0 = _rows(size)
    product(w_rz, b_rz, x, x0, x_stride, features, h, h0, h_stride, kh, features + size,
            out, 0, 2 * size)  # fmt: skip
    product(w_n, b_n, x, x0, x_stride, features, h, h0, h_stride, 0, features,
            out, n0, size)  # fmt: skip
    product(w_m, b_m, h, h0, h_stride, kh, x, x0, x_stride, 0, size, out, m0, size)
    for o in range(0, size * COLUMNS, WIDTH):
        r, z = two_sigmoids(load(out, o), load(out, z0 + o))
        store(out, o, r)
        store(out, z0 + o, z)
        store(out, n0 + o, tanh(fma(r, load(out, m0 + o), load(out, n0 + o))))


@njit(nogil=True)
def _rows(size: int) -> tuple[int, int, int]:
    """Where z, n and m start."""
    n0 = n_blocks(2 * size) * ROWS * COLUMNS
    return size * COLUMNS, n0, n0 + n_blocks(size) * ROWS * COLUMNS


@njit(nogil=True)
def _scratch(size: int) -> Floats:
    """Memory for :func:`_gates`."""
    return np.empty(_rows(size)[2] + n_blocks(size) * ROWS * COLUMNS, dtype=np.float32)


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
    """Outputs of columns ``first`` to ``last`` of the batch.

    Args:
        x: Layer below, flat ``(rows, F, batch)``.
        source: Row of ``x`` for each position, int64 ``(n,)``.
        start: State before each lane, flat ``(lanes, H, batch)``; empty for zeros.
        starts: First position of each block, int64.
        lengths: Positions of each lane, int64.
        weights: ``(W_ih (3H, F), W_hh (3H, H))``.
        biases: ``(b_ih, b_hh)``.
        y: Outputs, flat ``(n, H, batch)``; written.
        passed: Outputs plus inputs, as ``y``; written unless empty (F must be H).
        batch: Columns of all matrices.
        first: First column, a multiple of COLUMNS.
        last: One past the last column, a multiple of COLUMNS.
    """
    features, size = weights[0].shape[1], weights[1].shape[1]
    packed, gates = _pack_gates(weights, biases), _scratch(size)
    z0, n0, _ = _rows(size)
    one = splat(ONE)
    for lane in range(len(lengths)):
        for s in range(lengths[lane]):
            k = starts[s] + lane
            carried = s > 0 or len(start) > 0
            h_from = y if s > 0 else start
            h_row = (starts[s - 1] + lane if s > 0 else lane) * size * batch
            for b in range(first, last, COLUMNS):
                h0, xb = h_row + b, source[k] * features * batch + b
                _gates(packed, x, xb, batch, features,
                       h_from, h0, batch, size if carried else 0, size, gates)  # fmt: skip
                for i in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        o = i * COLUMNS + half
                        z = load(gates, z0 + o)
                        h = (one - z) * load(gates, n0 + o)
                        if carried:
                            h = fma(z, load(h_from, h0 + i * batch + half), h)
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
    """Gradients of columns ``first`` to ``last``.

    Args:
        gy: Gradient of the outputs, flat ``(n, H, batch)``.
        skip: Gradient of ``passed``, which ``gy`` includes; empty without it.
        x: As in :func:`forward`.
        source: As in :func:`forward`.
        start: As in :func:`forward`.
        starts: As in :func:`forward`.
        lengths: As in :func:`forward`.
        weights: As in :func:`forward`.
        biases: As in :func:`forward`.
        y: What :func:`forward` wrote.
        gx: Gradient of ``x``; its rows in ``source`` are written, unless it is empty.
        gstart: Gradient of ``start``; written unless empty.
        batch: As in :func:`forward`.
        first: As in :func:`forward`.
        last: As in :func:`forward`.

    Returns:
        Gradients of W_ih, W_hh, b_ih, b_hh, summed over these columns.
    """
    w_ih, w_hh = weights
    size, features = w_hh.shape[1], w_ih.shape[1]
    none = np.zeros((max(size, features), 0), dtype=np.float32)
    # Rows of the gates' gradients: n, r, z, m, so that both products read three in a row.
    order = np.concatenate((w_ih[2 * size :], w_ih[: 2 * size]))
    back_x = pack((np.ascontiguousarray(order.T), none), features)
    back_h = pack((np.ascontiguousarray(w_hh.T), none), size)
    zeros = np.zeros(n_blocks(max(size, features)) * ROWS, dtype=np.float32)
    x_item = n_blocks(features) * ROWS * COLUMNS
    h_item = n_blocks(size) * ROWS * COLUMNS
    g_item = (4 * size + ROWS) * COLUMNS
    xs = np.zeros(ITEMS * x_item, dtype=np.float32)
    hs = np.zeros(ITEMS * h_item, dtype=np.float32)
    gs = np.zeros(ITEMS * g_item, dtype=np.float32)
    out = np.empty(max(x_item, h_item), dtype=np.float32)
    sums_x, sums_h = new_sums(3 * size, features), new_sums(3 * size, size)
    sums_b = np.zeros(4 * size * WIDTH, dtype=np.float32)
    carry = np.zeros(size * batch, dtype=np.float32)
    packed, gates = _pack_gates(weights, biases), _scratch(size)
    z0, n0, m0 = _rows(size)
    gate, block = size * batch, size * COLUMNS
    one = splat(ONE)
    items = 0
    for lane in range(len(lengths)):
        carry[:] = 0.0
        for s in range(lengths[lane] - 1, -1, -1):
            k = starts[s] + lane
            carried = s > 0 or len(start) > 0
            h_from = y if s > 0 else start
            h_row = (starts[s - 1] + lane if s > 0 else lane) * gate
            for b in range(first, last, COLUMNS):
                xb, hb, g0 = source[k] * features * batch + b, h_row + b, items * g_item
                copy_tile(x, xb, batch, xs, items * x_item, features)
                if carried:
                    copy_tile(h_from, hb, batch, hs, items * h_item, size)
                else:
                    hs[items * h_item : items * h_item + block] = 0.0
                _gates(packed, xs, items * x_item, COLUMNS, features, hs, items * h_item,
                       COLUMNS, size if carried else 0, size, gates)  # fmt: skip
                for i in range(size):
                    for half in range(0, COLUMNS, WIDTH):
                        c, o = i * batch + b + half, i * COLUMNS + half
                        r, z = load(gates, o), load(gates, z0 + o)
                        n, m = load(gates, n0 + o), load(gates, m0 + o)
                        h = load(hs, items * h_item + o)
                        o += g0
                        gh = flush(load(gy, k * gate + c) + load(carry, c))
                        gn = flush(gh * (one - z) * (one - n * n))
                        gr = flush(gn * m * r * (one - r))
                        gz = flush(gh * (h - n) * z * (one - z))
                        gm = flush(gn * r)
                        store(gs, o, gn)
                        store(gs, o + block, gr)
                        store(gs, o + 2 * block, gz)
                        store(gs, o + 3 * block, gm)
                        store(carry, c, gh * z)
                        q = i * WIDTH
                        store(sums_b, q, load(sums_b, q) + gn)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + gr)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + gz)
                        q += size * WIDTH
                        store(sums_b, q, load(sums_b, q) + gm)
                if len(gx) > 0:
                    product(back_x, zeros, gs, g0, COLUMNS, 3 * size, gs, g0, COLUMNS, 0,
                            3 * size, out, 0, features)  # fmt: skip
                    if len(skip) > 0:
                        add_tile(skip, k * size * batch + b, batch, out, size)
                    write_tile(out, 0, gx, xb, batch, features)
                if carried:
                    product(back_h, zeros, gs, g0 + block, COLUMNS, 3 * size, gs, g0, COLUMNS, 0,
                            3 * size, out, 0, size)  # fmt: skip
                    for i in range(size):
                        for half in range(0, COLUMNS, WIDTH):
                            c = i * batch + b + half
                            gh = load(carry, c) + load(out, i * COLUMNS + half)
                            store(carry, c, gh)
                            if s == 0 and len(gstart) > 0:
                                store(gstart, lane * gate + c, gh)
                items += 1
                if items == ITEMS:
                    add_outer(gs, 0, g_item, xs, x_item, items, sums_x, 3 * size, features)
                    add_outer(gs, block, g_item, hs, h_item, items, sums_h, 3 * size, size)
                    items = 0
    add_outer(gs, 0, g_item, xs, x_item, items, sums_x, 3 * size, features)
    add_outer(gs, block, g_item, hs, h_item, items, sums_h, 3 * size, size)
    nrz, g_hh = finish_sums(sums_x, 3 * size, features), finish_sums(sums_h, 3 * size, size)
    g_b = fold_lanes(sums_b)
    return (
        np.concatenate((nrz[size:], nrz[:size])),
        g_hh,
        np.concatenate((g_b[size : 3 * size], g_b[:size])),
        g_b[size:],
    )
