"""GRU: one position, COLUMNS sequences.

r = s(W_r x + b_r + U_r h + v_r)          z = s(W_z x + b_z + U_z h + v_z)
n = tanh(W_n x + b_n + r m)               m = U_n h + v_n
h' = (1 - z) n + z h
"""

from __future__ import annotations

import numpy as np

from optuna_mi._numba import njit
from optuna_mi.nn._fused_matmul import (
    Address,
    Floats,
    Rows,
    add_to,
    pack,
    pack_one,
    pack_transposed,
    product,
)
from optuna_mi.nn._simd import (
    COLUMNS,
    ONE,
    WIDTH,
    address,
    flush,
    fma,
    load,
    splat,
    store,
    tanh,
    two_sigmoids,
)


@njit(nogil=True)
def gru_pack(
    w_ih: Floats, w_hh: Floats, b_ih: Floats, b_hh: Floats
) -> tuple[Floats, Floats, Floats]:
    """Weights and biases of (r, z) from [x; h], of n from x and of m from h."""
    rz = 2 * w_hh.shape[1]
    return (
        pack(w_ih[:rz], w_hh[:rz], (b_ih + b_hh)[:rz]),
        pack_one(w_ih[rz:], b_ih[rz:]),
        pack_one(w_hh[rz:], b_hh[rz:]),
    )


@njit(nogil=True)
def gru_pack_transposed(w_ih: Floats) -> Floats:
    """Transposed W_ih for the gradients of (n, r, z), as `gru_backward` orders them."""
    rz = 2 * (w_ih.shape[0] // 3)
    packed: Floats = pack_transposed(np.concatenate((w_ih[rz:], w_ih[:rz])))
    return packed


@njit(nogil=True)
def _gates(
    w_rz: Floats, w_n: Floats, w_m: Floats, x: Rows, h: Rows, size: int, gates: Address
) -> None:
    """r, z, n, m into ``gates``, each H rows.

    A product writes whole blocks of rows: what it writes too many, the next one overwrites, and
    behind m there is room for a block.
    """
    part = size * COLUMNS
    none = Rows(x.start, 0, 0)
    product(w_rz, x, h, gates)
    product(w_n, x, none, address(gates, 2 * part))
    product(w_m, h, none, address(gates, 3 * part))
    for o in range(0, part, WIDTH):
        r, z = two_sigmoids(load(gates, o), load(gates, part + o))
        m = load(gates, 3 * part + o)
        store(gates, o, r)
        store(gates, part + o, z)
        store(gates, 2 * part + o, tanh(fma(r, m, load(gates, 2 * part + o))))


@njit(nogil=True)
def gru_forward(
    w_rz: Floats, w_n: Floats, w_m: Floats, x: Rows, h: Rows, gates: Address, y: Rows
) -> None:
    """Outputs ``y``; ``h`` has no rows where there is no past, ``gates`` is scratch memory."""
    _gates(w_rz, w_n, w_m, x, h, y.n, gates)
    part = y.n * COLUMNS
    one = splat(ONE)
    for i in range(y.n):
        for half in range(0, COLUMNS, WIDTH):
            o = i * COLUMNS + half
            z = load(gates, part + o)
            h_new = (one - z) * load(gates, 2 * part + o)
            if h.n > 0:
                h_new = fma(z, load(h.start, i * h.stride + half), h_new)
            store(y.start, i * y.stride + half, h_new)


@njit(nogil=True)
def gru_backward(
    w_rz: Floats, w_n: Floats, w_m: Floats, x: Rows, h: Rows, gates: Address,
    gy: Rows, carry: Rows, g: Address, bias: Floats,
) -> None:  # fmt: skip
    """Gradients of the sums: ``g`` of n, r, z, m (4H), so that x meets the first three, h the last.

    ``h`` is zeros where it has no rows. ``gy`` and ``carry`` are the gradient of the output from
    above and from the later position; ``carry`` becomes z times their sum, what goes straight to h.
    ``bias`` gains the sums of ``g``, WIDTH lanes a row.
    """
    size = carry.n
    _gates(w_rz, w_n, w_m, x, h, size, gates)
    part = size * COLUMNS
    one = splat(ONE)
    for i in range(size):
        sum_n = sum_r = sum_z = sum_m = one - one
        for half in range(0, COLUMNS, WIDTH):
            o, c = i * COLUMNS + half, i * carry.stride + half
            r, z = load(gates, o), load(gates, part + o)
            n, m = load(gates, 2 * part + o), load(gates, 3 * part + o)
            gh = flush(load(gy.start, i * gy.stride + half) + load(carry.start, c))
            gn = flush(gh * (one - z) * (one - n * n))
            gr = flush(gn * m * r * (one - r))
            gz = flush(gh * (load(h.start, i * h.stride + half) - n) * z * (one - z))
            gm = flush(gn * r)
            store(g, o, gn)
            store(g, part + o, gr)
            store(g, 2 * part + o, gz)
            store(g, 3 * part + o, gm)
            store(carry.start, c, gh * z)
            sum_n, sum_r, sum_z, sum_m = sum_n + gn, sum_r + gr, sum_z + gz, sum_m + gm
        add_to(bias, i * WIDTH, sum_n)
        add_to(bias, (size + i) * WIDTH, sum_r)
        add_to(bias, (2 * size + i) * WIDTH, sum_z)
        add_to(bias, (3 * size + i) * WIDTH, sum_m)
