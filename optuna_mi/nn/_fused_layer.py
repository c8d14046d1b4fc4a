"""A whole dilated layer, forward and backward, whatever its cell.

One position and COLUMNS sequences are computed at a time. Memory is (positions, features, batch),
the batch innermost and a multiple of COLUMNS. A lane is followed to its end before the next starts,
so that its state stays in the cache. What a cell does with one position is in ``_fused_rnn``,
``_fused_gru`` and ``_fused_lstm``.

Which cell it is, the types of the first two arguments say: numba leaves branches on ``None`` out
when it compiles.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.nn._fused_gru import gru_backward, gru_forward, gru_pack, gru_pack_transposed
from optuna_mi.nn._fused_lstm import lstm_backward, lstm_forward
from optuna_mi.nn._fused_matmul import (
    ITEMS,
    ROWS,
    Floats,
    Rows,
    add_outer,
    add_rows,
    columns_of,
    copy_rows,
    finish_sums,
    fold_lanes,
    n_padded,
    new_sums,
    pack,
    pack_transposed,
    product,
    tile,
    zeros,
)
from optuna_mi.nn._fused_rnn import rnn_backward, rnn_forward
from optuna_mi.nn._simd import COLUMNS, WIDTH, address

Ints: TypeAlias = npt.NDArray[np.int64]
Flag: TypeAlias = Literal[True] | None
Plan: TypeAlias = tuple[Ints, Ints, Ints]  # source, starts and lengths of a LayerPlan
Parameters: TypeAlias = tuple[Floats, Floats, Floats, Floats]  # W_ih, W_hh, b_ih, b_hh
Pair: TypeAlias = tuple[Floats, Floats]  # of h and, for LSTM, of c; each may be empty
Columns: TypeAlias = tuple[int, int, int]  # of the batch, the first to do, one past the last


@njit(nogil=True)
def _pack(gru: Flag, parameters: Parameters) -> tuple[Floats, Floats, Floats]:
    """Weights as the cell reads them: three matrices for GRU, one (thrice) for the others."""
    w_ih, w_hh, b_ih, b_hh = parameters
    if gru is not None:
        three: tuple[Floats, Floats, Floats] = gru_pack(w_ih, w_hh, b_ih, b_hh)
        return three
    packed = pack(w_ih, w_hh, b_ih + b_hh)
    return packed, packed, packed


@njit(cache=True, nogil=True)
def forward(
    gru: Flag,
    lstm: Flag,
    plan: Plan,
    x: Floats,
    start: Pair,
    parameters: Parameters,
    outputs: Pair,
    passed: Floats,
    columns: Columns,
) -> None:
    """Outputs of some columns of the batch.

    Args:
        gru: True for a GRU.
        lstm: True for an LSTM; a tanh RNN where both are ``None``.
        plan: Row of ``x`` for each position, first position of each block, positions of each lane.
        x: Layer below, flat ``(rows, F, batch)``.
        start: h and c before each lane, flat ``(lanes, H, batch)``; empty for zeros.
        parameters: As torch.nn keeps them, contiguous.
        outputs: h and c, flat ``(n, H, batch)``; written (c for LSTM only).
        passed: Outputs plus inputs, as h; written unless empty (F must be H).
        columns: Columns of all matrices, the first to compute and one past the last: the latter
            two multiples of COLUMNS.
    """
    source, starts, lengths = plan
    start_h, start_c = start
    y, cells = outputs
    batch, first, last = columns
    features, size = parameters[0].shape[1], parameters[1].shape[1]
    w, w_n, w_m = _pack(gru, parameters)
    sums = zeros((4 * size + ROWS) * COLUMNS)
    for lane in range(len(lengths)):
        for s in range(lengths[lane]):
            k = starts[s] + lane
            h_from, c_from = (y, cells) if s > 0 else (start_h, start_c)
            before = starts[s - 1] + lane if s > 0 else lane
            n_past = size if s > 0 or len(start_h) > 0 else 0
            for b in range(first, last, COLUMNS):
                x_here = columns_of(x, source[k], features, batch, b)
                y_here = columns_of(y, k, size, batch, b)
                h = Rows(columns_of(h_from, before, size, batch, b).start, batch, n_past)
                scratch = address(sums, 0)
                if gru is not None:
                    gru_forward(w, w_n, w_m, x_here, h, scratch, y_here)
                elif lstm is not None:
                    c = Rows(columns_of(c_from, before, size, batch, b).start, batch, n_past)
                    c_here = columns_of(cells, k, size, batch, b)
                    lstm_forward(w, x_here, h, c, scratch, y_here, c_here)
                else:
                    rnn_forward(w, x_here, h, scratch, y_here)
                if len(passed) > 0:
                    passed_here = columns_of(passed, k, size, batch, b)
                    copy_rows(y_here, passed_here)
                    add_rows(x_here, passed_here)


@njit(cache=True, nogil=True)
def backward(
    gru: Flag,
    lstm: Flag,
    plan: Plan,
    x: Floats,
    start: Pair,
    parameters: Parameters,
    outputs: Pair,
    g_outputs: Pair,
    skip: Floats,
    gx: Floats,
    g_start: Pair,
    columns: Columns,
) -> Parameters:
    """Gradients of some columns of the batch.

    Args:
        gru: See :func:`forward`.
        lstm: See :func:`forward`.
        plan: See :func:`forward`.
        x: See :func:`forward`.
        start: See :func:`forward`.
        parameters: See :func:`forward`.
        outputs: What :func:`forward` wrote.
        g_outputs: Gradients of h and c, flat ``(n, H, batch)``; that of c is empty for zeros.
        skip: Gradient of ``passed``, which that of h includes; empty without it.
        gx: Gradient of ``x``; its rows in the plan's source are written, unless it is empty.
        g_start: Gradients of ``start``; each is written unless empty.
        columns: See :func:`forward`.

    Returns:
        Gradients of W_ih, W_hh, b_ih, b_hh, summed over these columns.
    """
    source, starts, lengths = plan
    start_h, start_c = start
    y, cells = outputs
    gy, gcells = g_outputs
    g_start_h, g_start_c = g_start
    batch, first, last = columns
    w_ih, w_hh = parameters[0], parameters[1]
    features, size = w_ih.shape[1], w_hh.shape[1]
    w, w_n, w_m = _pack(gru, parameters)
    back_h = pack_transposed(w_hh)
    back_x = gru_pack_transposed(w_ih) if gru is not None else pack_transposed(w_ih)
    rows = w_hh.shape[0]
    # Rows of the gates' gradients that h meets start here; a GRU's are (n, r, z, m).
    g_h = size * COLUMNS if gru is not None else 0
    n_biases = 4 * size if gru is not None else rows
    xs = zeros(ITEMS * n_padded(features)).reshape(ITEMS, -1)
    hs = zeros(ITEMS * n_padded(size)).reshape(ITEMS, -1)
    gs = zeros(ITEMS * (n_biases + ROWS) * COLUMNS).reshape(ITEMS, -1)
    gates = zeros((4 * size + ROWS) * COLUMNS)
    out = zeros(n_padded(max(features, size)))
    sums_x, sums_h = new_sums(rows, features), new_sums(rows, size)
    bias = zeros(n_biases * WIDTH)
    carry, carry_c = zeros(size * batch), zeros(size * batch if lstm is not None else 0)
    item = 0
    for lane in range(len(lengths)):
        carry[:] = 0.0
        carry_c[:] = 0.0
        for s in range(lengths[lane] - 1, -1, -1):
            k = starts[s] + lane
            h_from, c_from = (y, cells) if s > 0 else (start_h, start_c)
            before = starts[s - 1] + lane if s > 0 else lane
            n_past = size if s > 0 or len(start_h) > 0 else 0
            for b in range(first, last, COLUMNS):
                x_tile = tile(xs, item * xs.shape[1], features)
                h_tile = tile(hs, item * hs.shape[1], n_past)
                copy_rows(columns_of(x, source[k], features, batch, b), x_tile)
                if n_past > 0:
                    copy_rows(columns_of(h_from, before, size, batch, b), h_tile)
                else:
                    hs[item, :] = 0.0
                g = address(gs, item * gs.shape[1])
                gy_here = columns_of(gy, k, size, batch, b)
                carry_here = columns_of(carry, 0, size, batch, b)
                if gru is not None:
                    scratch = address(gates, 0)
                    gru_backward(w, w_n, w_m, x_tile, h_tile, scratch, gy_here, carry_here, g, bias)
                elif lstm is not None:
                    lstm_backward(
                        w, x_tile, h_tile,
                        Rows(columns_of(c_from, before, size, batch, b).start, batch, n_past),
                        columns_of(cells, k, size, batch, b), gy_here,
                        columns_of(gcells, k, size if len(gcells) > 0 else 0, batch, b),
                        carry_here, columns_of(carry_c, 0, size, batch, b), g, bias,
                    )  # fmt: skip
                else:
                    y_here = columns_of(y, k, size, batch, b)
                    rnn_backward(y_here, gy_here, carry_here, g, bias)
                if len(gx) > 0:
                    out_x = tile(out, 0, features)
                    product(back_x, Rows(g, COLUMNS, rows), Rows(g, 0, 0), out_x.start)
                    if len(skip) > 0:
                        add_rows(columns_of(skip, k, size, batch, b), out_x)
                    copy_rows(out_x, columns_of(gx, source[k], features, batch, b))
                if n_past > 0:
                    out_h = tile(out, 0, size)
                    product(
                        back_h, Rows(address(g, g_h), COLUMNS, rows), Rows(g, 0, 0), out_h.start
                    )
                    if gru is not None:
                        add_rows(out_h, carry_here)
                    else:
                        copy_rows(out_h, carry_here)
                    if s == 0 and len(g_start_h) > 0:
                        copy_rows(carry_here, columns_of(g_start_h, lane, size, batch, b))
                    if s == 0 and len(g_start_c) > 0:
                        c_here = columns_of(carry_c, 0, size, batch, b)
                        copy_rows(c_here, columns_of(g_start_c, lane, size, batch, b))
                item += 1
                if item == ITEMS:
                    add_outer(gs, 0, xs, item, sums_x)
                    add_outer(gs, g_h, hs, item, sums_h)
                    item = 0
    add_outer(gs, 0, xs, item, sums_x)
    add_outer(gs, g_h, hs, item, sums_h)
    g_ih, g_hh = finish_sums(sums_x, rows, features), finish_sums(sums_h, rows, size)
    g_b = fold_lanes(bias)
    if gru is not None:  # (n, r, z, m) back to torch's (r, z, n) and (r, z, m)
        g_ih = np.concatenate((g_ih[size:], g_ih[:size]))
        return g_ih, g_hh, np.concatenate((g_b[size : 3 * size], g_b[:size])), g_b[size:]
    return g_ih, g_hh, g_b, g_b.copy()
