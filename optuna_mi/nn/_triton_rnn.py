"""RNN: a dilated layer's recurrence, forward and backward, as one kernel each.

h' = tanh(p + W h + b)
"""

import triton
import triton.language as tl

from optuna_mi.nn._triton_tiles import (
    CHUNK,
    ROWS,
    gate_matrix,
    gate_tile,
    place,
    product,
    read,
    read_bias,
    row_peak,
    rows_of_program,
    streamed_product,
    tanh,
    write,
)

SAVED = 1  # the h before, a row
GRADIENTS = 1


@triton.jit(do_not_specialize=["batch", "n_rows", "n_steps", "n_lanes"])
def forward(
    projected,
    weight,
    bias,
    start,
    start_c,
    starts,
    lengths,
    y,
    cells,
    saved,
    batch,
    n_rows,
    n_steps,
    n_lanes,
    H: tl.constexpr,
    HP: tl.constexpr,
    SAVE: tl.constexpr,
    STREAM: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Outputs and what the gradient needs; see ``_triton.py`` for the arguments."""
    model, row, steps = rows_of_program(lengths, batch, n_lanes)
    last = tl.max(steps, axis=0)
    b = read_bias(bias, model, 0, 1, H, HP)
    h = read(start, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
    if STREAM:
        w = weight + model * (H * H)
        tile = gate_tile(w, 0, H, HP, CHUNK, False, True)
    else:
        w = gate_matrix(weight, model, 0, H, HP, 1, False)
        first = place(starts, 0, row, batch, model, n_rows, n_steps)
        p = read(projected, first, steps > 0, 0, H, H, HP)
    s = 0
    while s < last:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        sums = tl.zeros((ROWS, HP), dtype=tl.float32)
        if STREAM:
            sums, tile = streamed_product(h, tile, w, w, sums, H, HP, False, True, True, PRECISION)
            p = read(projected, here, alive, 0, H, H, HP)
        else:
            # The next step's input is on its way while this one is computed.
            s_next = tl.minimum(s + 1, last - 1)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            p_next = read(projected, ahead, s + 1 < steps, 0, H, H, HP)
            sums = product(h, w, sums, PRECISION)
        if SAVE:
            write(saved, h, here, alive, 0, H, H, HP)
        h = tanh(p + (sums + b))
        write(y, h, here, alive, 0, H, H, HP)
        if not STREAM:
            p = p_next
        s += 1


@triton.jit(do_not_specialize=["batch", "n_rows", "n_steps", "n_lanes"])
def backward(
    gy,
    gcells,
    weight,
    starts,
    lengths,
    y,
    cells,
    saved,
    gates,
    gstart,
    gstart_c,
    batch,
    n_rows,
    n_steps,
    n_lanes,
    H: tl.constexpr,
    HP: tl.constexpr,
    HAS_GCELLS: tl.constexpr,
    SCALE: tl.constexpr,
    STREAM: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Gradients of all sums and of the start; see ``_triton.py`` for the arguments."""
    model, row, steps = rows_of_program(lengths, batch, n_lanes)
    last = tl.max(steps, axis=0)
    carry = tl.zeros((ROWS, HP), dtype=tl.float32)
    if STREAM:
        w = weight + model * (H * H)
        tile = gate_tile(w, 0, H, HP, CHUNK, True, True)
    else:
        w = gate_matrix(weight, model, 0, H, HP, 1, True)
        end = tl.maximum(last - 1, 0)  # rows without a step must not pass for alive
        first = place(starts, end, row, batch, model, n_rows, n_steps)
        there = end < steps
        h = read(y, first, there, 0, H, H, HP)
        g = read(gy, first, there, 0, H, H, HP)
    s = last - 1
    while s >= 0:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        if STREAM:
            h = read(y, here, alive, 0, H, H, HP)
            g = read(gy, here, alive, 0, H, H, HP)
        else:
            s_next = tl.maximum(s - 1, 0)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            there_next = s_next < steps
            h_next = read(y, ahead, there_next, 0, H, H, HP)
            g_next = read(gy, ahead, there_next, 0, H, H, HP)
        g = (g + carry) * (1.0 - h * h)
        write(gates, g, here, alive, 0, H, H, HP)
        carry = tl.zeros((ROWS, HP), dtype=tl.float32)
        if SCALE:
            peak = row_peak(g)
            g = g / peak
        if STREAM:
            carry, tile = streamed_product(g, tile, w, w, carry, H, HP, True, True, True, PRECISION)
        else:
            carry = product(g, w, carry, PRECISION)
            h = h_next
            g = g_next
        if SCALE:
            carry = carry * peak
        s -= 1
    write(gstart, carry, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
