"""Sums of products at all distances, by Fourier transforms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

Floats = npt.NDArray[np.float64]


def lagged_sums(x: Floats, n_lags: int | None = None) -> Floats:
    """Return the sums over i of x[i] * x[i + k] for k = 0, 1, ...

    Args:
        x: Values, shape (N,).
        n_lags: How many distances; all N of them if ``None``.
    """
    wanted = x.size if n_lags is None else n_lags
    length = next_fast_len(x.size + wanted, real=True)
    spectrum = rfft(x, length)
    sums: Floats = irfft(spectrum.real**2 + spectrum.imag**2, length)[:wanted]
    return sums
