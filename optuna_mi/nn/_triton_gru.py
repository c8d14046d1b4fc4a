"""GRU: a dilated layer's recurrence, forward and backward, as one kernel each.

Torch's equations:

r = s(p_r + W_r h + b_r)      z = s(p_z + W_z h + b_z)      m = W_n h + b_n
n = tanh(p_n + r m)           h' = (1 - z) n + z h
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

SAVED = 5  # r, z, n, m and the h before, a row
GRADIENTS = 4  # of m, r, z, n, a row: the first three are the recurrent sums'


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
    b_r = read_bias(bias, model, 0, 3, H, HP)
    b_z = read_bias(bias, model, 1, 3, H, HP)
    b_n = read_bias(bias, model, 2, 3, H, HP)
    h = read(start, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
    if STREAM:
        w_r = weight + model * (3 * H * H)
        w_z = w_r + H * H
        w_n = w_z + H * H
        tile = gate_tile(w_r, 0, H, HP, CHUNK, False, True)
    else:
        w_r = gate_matrix(weight, model, 0, H, HP, 3, False)
        w_z = gate_matrix(weight, model, 1, H, HP, 3, False)
        w_n = gate_matrix(weight, model, 2, H, HP, 3, False)
    s = 0
    if not STREAM:
        first = place(starts, 0, row, batch, model, n_rows, n_steps)
        p_r = read(projected, first, steps > 0, 0, 3 * H, H, HP)
        p_z = read(projected, first, steps > 0, 1, 3 * H, H, HP)
        p_n = read(projected, first, steps > 0, 2, 3 * H, H, HP)
    while s < last:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        zeros = tl.zeros((ROWS, HP), dtype=tl.float32)
        if STREAM:
            r, tile = streamed_product(
                h, tile, w_r, w_z, zeros, H, HP, False, True, False, PRECISION
            )
            z, tile = streamed_product(
                h, tile, w_z, w_n, zeros, H, HP, False, False, False, PRECISION
            )
            m, tile = streamed_product(
                h, tile, w_n, w_r, zeros, H, HP, False, False, True, PRECISION
            )
            p_r = read(projected, here, alive, 0, 3 * H, H, HP)
            p_z = read(projected, here, alive, 1, 3 * H, H, HP)
            p_n = read(projected, here, alive, 2, 3 * H, H, HP)
        else:
            # The next step's inputs are on their way while this one is computed.
            s_next = tl.minimum(s + 1, last - 1)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            q_r = read(projected, ahead, s + 1 < steps, 0, 3 * H, H, HP)
            q_z = read(projected, ahead, s + 1 < steps, 1, 3 * H, H, HP)
            q_n = read(projected, ahead, s + 1 < steps, 2, 3 * H, H, HP)
            r = product(h, w_r, zeros, PRECISION)
            z = product(h, w_z, zeros, PRECISION)
            m = product(h, w_n, zeros, PRECISION)
        r = sigmoid(p_r + (r + b_r))
        z = sigmoid(p_z + (z + b_z))
        m = m + b_n
        n = tanh(p_n + r * m)
        if SAVE:
            write(saved, r, here, alive, 0, 5 * H, H, HP)
            write(saved, z, here, alive, 1, 5 * H, H, HP)
            write(saved, n, here, alive, 2, 5 * H, H, HP)
            write(saved, m, here, alive, 3, 5 * H, H, HP)
            write(saved, h, here, alive, 4, 5 * H, H, HP)
        h = (1.0 - z) * n + z * h
        write(y, h, here, alive, 0, H, H, HP)
        if not STREAM:
            p_r = q_r
            p_z = q_z
            p_n = q_n
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
        w_r = weight + model * (3 * H * H)
        w_z = w_r + H * H
        w_n = w_z + H * H
        tile = gate_tile(w_r, 0, H, HP, CHUNK, True, True)
    else:
        w_r = gate_matrix(weight, model, 0, H, HP, 3, True)
        w_z = gate_matrix(weight, model, 1, H, HP, 3, True)
        w_n = gate_matrix(weight, model, 2, H, HP, 3, True)
        end = tl.maximum(last - 1, 0)  # rows without a step must not pass for alive
        first = place(starts, end, row, batch, model, n_rows, n_steps)
        there = end < steps
        r = read(saved, first, there, 0, 5 * H, H, HP)
        z = read(saved, first, there, 1, 5 * H, H, HP)
        n = read(saved, first, there, 2, 5 * H, H, HP)
        m = read(saved, first, there, 3, 5 * H, H, HP)
        h = read(saved, first, there, 4, 5 * H, H, HP)
        g = read(gy, first, there, 0, H, H, HP)
    s = last - 1
    while s >= 0:
        here = place(starts, s, row, batch, model, n_rows, n_steps)
        alive = s < steps
        if STREAM:
            r = read(saved, here, alive, 0, 5 * H, H, HP)
            z = read(saved, here, alive, 1, 5 * H, H, HP)
            n = read(saved, here, alive, 2, 5 * H, H, HP)
            m = read(saved, here, alive, 3, 5 * H, H, HP)
            h = read(saved, here, alive, 4, 5 * H, H, HP)
            g = read(gy, here, alive, 0, H, H, HP)
        else:
            s_next = tl.maximum(s - 1, 0)
            ahead = place(starts, s_next, row, batch, model, n_rows, n_steps)
            there_next = s_next < steps
            r_next = read(saved, ahead, there_next, 0, 5 * H, H, HP)
            z_next = read(saved, ahead, there_next, 1, 5 * H, H, HP)
            n_next = read(saved, ahead, there_next, 2, 5 * H, H, HP)
            m_next = read(saved, ahead, there_next, 3, 5 * H, H, HP)
            h_next = read(saved, ahead, there_next, 4, 5 * H, H, HP)
            g_next = read(gy, ahead, there_next, 0, H, H, HP)
        g = g + carry
        g_n = g * (1.0 - z) * (1.0 - n * n)
        g_z = g * (h - n) * z * (1.0 - z)
        g_m = g_n * r
        g_r = g_n * m * r * (1.0 - r)
        write(gates, g_m, here, alive, 0, 4 * H, H, HP)
        write(gates, g_r, here, alive, 1, 4 * H, H, HP)
        write(gates, g_z, here, alive, 2, 4 * H, H, HP)
        write(gates, g_n, here, alive, 3, 4 * H, H, HP)
        direct = g * z
        carry = tl.zeros((ROWS, HP), dtype=tl.float32)
        if SCALE:
            peak = row_peak(tl.maximum(tl.maximum(tl.abs(g_m), tl.abs(g_r)), tl.abs(g_z)))
            g_m = g_m / peak
            g_r = g_r / peak
            g_z = g_z / peak
        if STREAM:
            carry, tile = streamed_product(
                g_r, tile, w_r, w_z, carry, H, HP, True, True, False, PRECISION
            )
            carry, tile = streamed_product(
                g_z, tile, w_z, w_n, carry, H, HP, True, False, False, PRECISION
            )
            carry, tile = streamed_product(
                g_m, tile, w_n, w_r, carry, H, HP, True, False, True, PRECISION
            )
        else:
            carry = product(g_r, w_r, carry, PRECISION)
            carry = product(g_z, w_z, carry, PRECISION)
            carry = product(g_m, w_n, carry, PRECISION)
            r = r_next
            z = z_next
            n = n_next
            m = m_next
            h = h_next
            g = g_next
        if SCALE:
            carry = carry * peak
        carry = direct + carry
        s -= 1
    write(gstart, carry, model * n_lanes * batch + row, steps > 0, 0, H, H, HP)
