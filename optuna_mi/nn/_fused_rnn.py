"""Tanh RNN: one position, COLUMNS sequences.

h' = tanh(W x + b + U h + v)
"""

from __future__ import annotations

from optuna_mi._numba import njit
from optuna_mi.nn._fused_matmul import Address, Floats, Rows, product
from optuna_mi.nn._simd import COLUMNS, ONE, WIDTH, flush, load, splat, store, tanh


@njit(nogil=True, forceinline=True)
def rnn_forward(packed: Floats, x: Rows, h: Rows, sums: Address, y: Rows) -> None:
    """Outputs ``y``; ``sums`` is scratch memory."""
    product(packed, x, h, sums)
    for i in range(y.n):
        for half in range(0, COLUMNS, WIDTH):
            store(y.start, i * y.stride + half, tanh(load(sums, i * COLUMNS + half)))


@njit(nogil=True)
def rnn_backward(y: Rows, gy: Rows, carry: Rows, g: Address, bias: Floats) -> None:
    """Gradient of the sums: ``g`` (H).

    ``gy`` and ``carry`` are the gradient of ``y`` from above and from the later position.
    ``bias`` gains the sums of ``g``, WIDTH lanes a row.
    """
    one = splat(ONE)
    for i in range(y.n):
        total = load(bias, i * WIDTH)
        for half in range(0, COLUMNS, WIDTH):
            h = load(y.start, i * y.stride + half)
            gh = load(gy.start, i * gy.stride + half) + load(carry.start, i * carry.stride + half)
            ga = flush(gh * (one - h * h))
            store(g, i * COLUMNS + half, ga)
            total = total + ga
        store(bias, i * WIDTH, total)
