"""LSTM: a dilated layer's recurrence, forward and backward, as one kernel each.

Torch's equations:

i, f, o = s(p + W h + b)      g = tanh(p + W h + b)
c' = f c + i g                h' = o tanh(c')
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
    sigmoid,
    streamed_product,
    tanh,
    write,
)

SAVED = 6  # i, f, g, o and the c and h before, a row
GRADIENTS = 4


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
    b_i = read_bias(bias, model, 0, 4, H, HP)
    b_f = read_bias(bias, model, 1, 4, H, HP)
    b_g = read_bias(bias, model, 2, 4, H, HP)
    b_o = read_bias(bias, model, 3, 4, H, HP)
    h = read(start, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
    c = read(start_c, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
    if STREAM:
        w_i = weight + model * (4 * H * H)
        w_f = w_i + H * H
        w_g = w_f + H * H
        w_o = w_g + H * H
        tile = gate_tile(w_i, 0, H, HP, CHUNK, False, True)
    else:
        w_i = gate_matrix(weight, model, 0, H, HP, 4, False)
        w_f = gate_matrix(weight, model, 1, H, HP, 4, False)
        w_g = gate_matrix(weight, model, 2, H, HP, 4, False)
        w_o = gate_matrix(weight, model, 3, H, HP, 4, False)
        first = place(starts, 0, row, batch, model, n_rows, n_steps)
        p_i = read(projected, first, steps > 0, 0, 4 * H, H, HP)
        p_f = read(projected, first, steps > 0, 1, 4 * H, H, HP)
        p_g = read(projected, first, steps > 0, 2, 4 * H, H, HP)
        p_o = read(projected, first, steps > 0, 3, 4 * H, H, HP)
    s = 0
    while s < last:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        zeros = tl.zeros((ROWS, HP), dtype=tl.float32)
        if STREAM:
            i, tile = streamed_product(
                h, tile, w_i, w_f, zeros, H, HP, False, True, False, PRECISION
            )
            f, tile = streamed_product(
                h, tile, w_f, w_g, zeros, H, HP, False, False, False, PRECISION
            )
            g, tile = streamed_product(
                h, tile, w_g, w_o, zeros, H, HP, False, False, False, PRECISION
            )
            o, tile = streamed_product(
                h, tile, w_o, w_i, zeros, H, HP, False, False, True, PRECISION
            )
            p_i = read(projected, here, alive, 0, 4 * H, H, HP)
            p_f = read(projected, here, alive, 1, 4 * H, H, HP)
            p_g = read(projected, here, alive, 2, 4 * H, H, HP)
            p_o = read(projected, here, alive, 3, 4 * H, H, HP)
        else:
            # The next step's inputs are on their way while this one is computed.
            s_next = tl.minimum(s + 1, last - 1)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            q_i = read(projected, ahead, s + 1 < steps, 0, 4 * H, H, HP)
            q_f = read(projected, ahead, s + 1 < steps, 1, 4 * H, H, HP)
            q_g = read(projected, ahead, s + 1 < steps, 2, 4 * H, H, HP)
            q_o = read(projected, ahead, s + 1 < steps, 3, 4 * H, H, HP)
            i = product(h, w_i, zeros, PRECISION)
            f = product(h, w_f, zeros, PRECISION)
            g = product(h, w_g, zeros, PRECISION)
            o = product(h, w_o, zeros, PRECISION)
        i = sigmoid(p_i + (i + b_i))
        f = sigmoid(p_f + (f + b_f))
        g = tanh(p_g + (g + b_g))
        o = sigmoid(p_o + (o + b_o))
        if SAVE:
            write(saved, i, here, alive, 0, 6 * H, H, HP)
            write(saved, f, here, alive, 1, 6 * H, H, HP)
            write(saved, g, here, alive, 2, 6 * H, H, HP)
            write(saved, o, here, alive, 3, 6 * H, H, HP)
            write(saved, c, here, alive, 4, 6 * H, H, HP)
            write(saved, h, here, alive, 5, 6 * H, H, HP)
        c = f * c + i * g
        h = o * tanh(c)
        write(cells, c, here, alive, 0, H, H, HP)
        write(y, h, here, alive, 0, H, H, HP)
        if not STREAM:
            p_i = q_i
            p_f = q_f
            p_g = q_g
            p_o = q_o
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
    carry_c = tl.zeros((ROWS, HP), dtype=tl.float32)
    if STREAM:
        w_i = weight + model * (4 * H * H)
        w_f = w_i + H * H
        w_g = w_f + H * H
        w_o = w_g + H * H
        tile = gate_tile(w_i, 0, H, HP, CHUNK, True, True)
    else:
        w_i = gate_matrix(weight, model, 0, H, HP, 4, True)
        w_f = gate_matrix(weight, model, 1, H, HP, 4, True)
        w_g = gate_matrix(weight, model, 2, H, HP, 4, True)
        w_o = gate_matrix(weight, model, 3, H, HP, 4, True)
        end = tl.maximum(last - 1, 0)  # rows without a step must not pass for alive
        first = place(starts, end, row, batch, model, n_rows, n_steps)
        there = end < steps
        i = read(saved, first, there, 0, 6 * H, H, HP)
        f = read(saved, first, there, 1, 6 * H, H, HP)
        g = read(saved, first, there, 2, 6 * H, H, HP)
        o = read(saved, first, there, 3, 6 * H, H, HP)
        before = read(saved, first, there, 4, 6 * H, H, HP)
        c = read(cells, first, there, 0, H, H, HP)
        g_h = read(gy, first, there, 0, H, H, HP)
        if HAS_GCELLS:
            g_c = read(gcells, first, there, 0, H, H, HP)
    s = last - 1
    while s >= 0:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        if STREAM:
            i = read(saved, here, alive, 0, 6 * H, H, HP)
            f = read(saved, here, alive, 1, 6 * H, H, HP)
            g = read(saved, here, alive, 2, 6 * H, H, HP)
            o = read(saved, here, alive, 3, 6 * H, H, HP)
            before = read(saved, here, alive, 4, 6 * H, H, HP)
            c = read(cells, here, alive, 0, H, H, HP)
            g_h = read(gy, here, alive, 0, H, H, HP)
            if HAS_GCELLS:
                g_c = read(gcells, here, alive, 0, H, H, HP)
        else:
            s_next = tl.maximum(s - 1, 0)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            there_next = s_next < steps
            i_next = read(saved, ahead, there_next, 0, 6 * H, H, HP)
            f_next = read(saved, ahead, there_next, 1, 6 * H, H, HP)
            g_next = read(saved, ahead, there_next, 2, 6 * H, H, HP)
            o_next = read(saved, ahead, there_next, 3, 6 * H, H, HP)
            before_next = read(saved, ahead, there_next, 4, 6 * H, H, HP)
            c_next = read(cells, ahead, there_next, 0, H, H, HP)
            g_h_next = read(gy, ahead, there_next, 0, H, H, HP)
            if HAS_GCELLS:
                g_c_next = read(gcells, ahead, there_next, 0, H, H, HP)
        t = tanh(c)
        g_h = g_h + carry
        carry_c = carry_c + g_h * o * (1.0 - t * t)
        if HAS_GCELLS:
            carry_c = carry_c + g_c
        g_i = carry_c * g * i * (1.0 - i)
        g_f = carry_c * before * f * (1.0 - f)
        g_g = carry_c * i * (1.0 - g * g)
        g_o = g_h * t * o * (1.0 - o)
        carry_c = carry_c * f
        write(gates, g_i, here, alive, 0, 4 * H, H, HP)
        write(gates, g_f, here, alive, 1, 4 * H, H, HP)
        write(gates, g_g, here, alive, 2, 4 * H, H, HP)
        write(gates, g_o, here, alive, 3, 4 * H, H, HP)
        carry = tl.zeros((ROWS, HP), dtype=tl.float32)
        if SCALE:
            peak = tl.maximum(tl.maximum(tl.abs(g_i), tl.abs(g_f)), tl.abs(g_g))
            peak = row_peak(tl.maximum(peak, tl.abs(g_o)))
            g_i = g_i / peak
            g_f = g_f / peak
            g_g = g_g / peak
            g_o = g_o / peak
        if STREAM:
            carry, tile = streamed_product(
                g_i, tile, w_i, w_f, carry, H, HP, True, True, False, PRECISION
            )
            carry, tile = streamed_product(
                g_f, tile, w_f, w_g, carry, H, HP, True, False, False, PRECISION
            )
            carry, tile = streamed_product(
                g_g, tile, w_g, w_o, carry, H, HP, True, False, False, PRECISION
            )
            carry, tile = streamed_product(
                g_o, tile, w_o, w_i, carry, H, HP, True, False, True, PRECISION
            )
        else:
            carry = product(g_i, w_i, carry, PRECISION)
            carry = product(g_f, w_f, carry, PRECISION)
            carry = product(g_g, w_g, carry, PRECISION)
            carry = product(g_o, w_o, carry, PRECISION)
            i = i_next
            f = f_next
            g = g_next
            o = o_next
            before = before_next
            c = c_next
            g_h = g_h_next
            if HAS_GCELLS:
                g_c = g_c_next
        if SCALE:
            carry = carry * peak
        s -= 1
    write(gstart, carry, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
    write(gstart_c, carry_c, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
