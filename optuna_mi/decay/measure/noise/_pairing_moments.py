"""What the estimators give when earlier and later symbols are paired at random.

Under a random pairing with given marginal counts a_i, b_j a cell of the table is hypergeometric, so
the mean of an entropy estimate over all pairings is a sum over cells of the mean of one count's
term: exact, for any number of pairs. Cells whose marginal counts are equal are alike, which keeps
the sum short.

The spread: a cell's term is split into a multiple of its count and a rest that is uncorrelated with
the count. The multiples add up to a sum over pairs. The marginal counts fix the part of that sum
which belongs to a row or a column; the part that is left varies. The rests are nearly independent.
In a dense table each is (z^2 - 1) / 2 of a normal z, and the marginal counts leave
(K_x - 1)(K_y - 1) of them free: the chi-square law.

Source of the mean: N. X. Vinh, J. Epps, J. Bailey, Information Theoretic Measures for Clusterings
Comparison, JMLR 11, 2010, eq. 24, there for the plug-in estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit
from optuna_mi.information._entropy import (
    Estimator,
    count_terms,
    entropy_of_terms,
    large_count_terms,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# From this mean count of a cell on, a series in its inverse is exact to about 1e-8.
_MANY = 200.0
# Cells with smaller means may reach counts up to this: 200 and 58 deviations of sqrt(200), which
# has a probability below any float64.
_LARGEST = 1024
# Marginal counts below 400 are kept apart; larger ones are joined if they differ by less than a
# five-hundredth, which changes the moments by less and keeps the sums short.
_EXACT_BELOW, _WIDTH = 400, 2e-3
# Terms of a cell's distribution below this share of the largest one are left out: a hundred of them
# do not reach the last bit of a float64.
_NEGLIGIBLE = 1e-18


@dataclass(frozen=True)
class PairingMoments:
    """Estimated MI of randomly paired symbols, over all pairings.

    Attributes:
        mean: Mean, in nats.
        deviation: Standard deviation, in nats.
        skewness: Third central moment in units of the deviation's cube.
    """

    mean: float
    deviation: float
    skewness: float


def pairing_moments(n_x: Ints, n_y: Ints, estimator: Estimator) -> PairingMoments:
    """Return the moments of the estimated MI over all pairings of symbols with these counts.

    Args:
        n_x: How often each symbol is the earlier one of a pair, int64; zeros are allowed.
        n_y: How often each is the later one; the same sum.
        estimator: Which entropy.
    """
    (x, x_times), (y, y_times) = marginal_classes(n_x), marginal_classes(n_y)
    k_x, k_y, total = float(x_times.sum()), float(y_times.sum()), float(x @ x_times)
    terms_x = float(count_terms(x, estimator) @ x_times)
    terms_y = float(count_terms(y, estimator) @ y_times)
    if min(k_x, k_y) < 2:
        # one row or column: its cells are the counts of the others
        joint, variance, third = terms_y if k_x < 2 else terms_x, 0.0, 0.0
    else:
        table = count_terms(np.arange(_LARGEST), estimator)
        joint, variance, third = _sum_of_terms(
            x, x_times, y, y_times, total, table, *large_count_terms(estimator)
        )
    # H(X) + H(Y) - H(X, Y); the terms are subtracted first, as they are large and nearly cancel
    mean = entropy_of_terms(total, terms_x + terms_y - joint, estimator)
    skewness = third / variance**1.5 if variance > 0.0 else 0.0
    return PairingMoments(float(mean), float(np.sqrt(variance)) / total, skewness)


def marginal_classes(counts: Ints) -> tuple[Floats, Floats]:
    """Return the different counts above 0 and how many symbols have each; large ones are joined."""
    if counts.max() < 4 * counts.size + _LARGEST:
        # no sorting: this is done at every lag
        times = np.bincount(counts)
        times[0] = 0
        value = np.flatnonzero(times)
        times = times[value]
    else:
        value, times = np.unique(counts[counts > 0], return_counts=True)
    far = np.log(np.maximum(value / _EXACT_BELOW, 1.0)) / _WIDTH
    _, group = np.unique(np.minimum(value, _EXACT_BELOW) + np.floor(far), return_inverse=True)
    together = np.bincount(group, times)
    return np.bincount(group, value * times) / together, together.astype(np.float64)


@njit(cache=True, nogil=True)
def _sum_of_terms(
    x: Floats,
    x_times: Floats,
    y: Floats,
    y_times: Floats,
    total: float,
    table: Floats,
    constant: float,
    inverse: float,
) -> tuple[float, float, float]:
    """Return mean, variance and third moment of the sum over all cells of their terms.

    Args:
        x: Counts of the earlier symbols.
        x_times: How many symbols have each of them.
        y: Counts of the later symbols.
        y_times: How many symbols have each of them.
        total: Number of pairs.
        table: The term of every count from 0 on.
        constant: A large count n has the term n ln n + constant + inverse / n.
        inverse: See constant.
    """
    mean, rest, third, multiples = 0.0, 0.0, 0.0, 0.0
    by_row, by_column = np.zeros(x.size), np.zeros(y.size)
    for i in range(x.size):
        p = x[i] / total
        row_mean, row_rest, row_third, row_multiples = 0.0, 0.0, 0.0, 0.0
        for j in range(y.size):
            q = y[j] / total
            if x[i] * q >= _MANY:
                m, slope, r, t = _far_cell(x[i], y[j], total)
                m += constant + inverse / (x[i] * q)
            else:
                m, slope, r, t = _near_cell(x[i], y[j], total, table)
            # a cell that shares its marginals with few others varies less than the z above
            full = (1.0 - p) * (1.0 - q)
            row_mean += y_times[j] * m
            row_rest += y_times[j] * r / full**2
            row_third += y_times[j] * t / full**3
            row_multiples += y_times[j] * q * slope**2
            by_row[i] += y_times[j] * q * slope
            by_column[j] += x_times[i] * p * slope
        mean += x_times[i] * row_mean
        rest += x_times[i] * row_rest
        third += x_times[i] * row_third
        multiples += x_times[i] * p * row_multiples
    overall = (x_times * x / total * by_row).sum()
    multiples -= (x_times * x / total * by_row**2).sum()
    multiples -= (y_times * y / total * by_column**2).sum() - overall**2
    free = (1.0 - 1.0 / x_times.sum()) * (1.0 - 1.0 / y_times.sum())
    return mean, free * rest + total * max(multiples, 0.0), free * third


@njit(cache=True, nogil=True)
def _near_cell(
    a: float, b: float, total: float, table: Floats
) -> tuple[float, float, float, float]:
    """Return what a cell with few pairs adds, from its distribution.

    Returns:
        Mean of its term f; with f less n ln(mean count), which marginals fix, the slope of f in n
        less 1; the variance and third moment of the rest of f.
    """
    neither = total - a - b
    center = a * b / total
    log = np.log(center)
    mode = np.floor((a + 1.0) * (b + 1.0) / (total + 2.0))
    # sums of f^i c^j with c the count less its mean
    s0 = s_f = s_c = s_ff = s_fc = s_cc = s_fff = s_ffc = s_fcc = s_ccc = 0.0
    for direction in (0, 1):
        n, p = mode, 1.0
        while p > _NEGLIGIBLE:
            if direction == 0 or n < mode:
                c = n - center
                f = table[int(n)] - n * log - c
                s0 += p
                s_f += p * f
                s_c += p * c
                s_ff += p * f * f
                s_fc += p * f * c
                s_cc += p * c * c
                s_fff += p * f * f * f
                s_ffc += p * f * f * c
                s_fcc += p * f * c * c
                s_ccc += p * c * c * c
            if direction == 0:
                if n >= min(a, b):
                    break
                p *= (a - n) * (b - n) / ((n + 1.0) * (neither + n + 1.0))
                n += 1.0
            else:
                if n <= max(0.0, -neither):
                    break
                p *= n * (neither + n) / ((a - n + 1.0) * (b - n + 1.0))
                n -= 1.0
    f, c, ff, fc, cc = s_f / s0, s_c / s0, s_ff / s0, s_fc / s0, s_cc / s0
    v, fc, ff = cc - c * c, fc - f * c, ff - f * f
    slope = fc / v if v > 0.0 else 0.0
    # the rest is f - slope * c
    u3 = (s_fff - slope * (3.0 * s_ffc - slope * (3.0 * s_fcc - slope * s_ccc))) / s0
    u1 = f - slope * c
    u2 = max(ff - slope * fc, 0.0)
    third = u3 - 3.0 * u1 * u2 - u1**3
    return f + c + center * log, slope, u2, third


@njit(cache=True, nogil=True)
def _far_cell(a: float, b: float, total: float) -> tuple[float, float, float, float]:
    """Return the same of a cell with many pairs and the term n ln n, from central moments."""
    p, q = a / total, b / total
    mean = a * q
    full = (1.0 - p) * (1.0 - q)
    v = mean * full * total / (total - 1.0)
    odd = (1.0 - 2.0 * p) * (1.0 - 2.0 * q) * total / (total - 2.0)
    third = v * odd
    fourth = 3.0 * v * v
    if v > 0.0:
        # the excess, for many pairs
        fourth += v * ((1.0 - 6.0 * p * (1.0 - p)) * (1.0 - 6.0 * q * (1.0 - q)) - 6.0 * v / total)
    value = mean * np.log(mean) + v / (2.0 * mean) - third / (6.0 * mean**2)
    value += fourth / (12.0 * mean**3) - 0.5 * v * third / mean**4 + 0.5 * v**3 / mean**5
    return value, (odd - full) / (2.0 * mean), 0.5 * full**2, full**3
