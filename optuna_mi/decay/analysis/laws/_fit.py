"""Fitting the laws to log-spaced averages, and choosing among them.

All laws are linear in ln MI once the knots are fixed, so every candidate set of knots is one small
least-squares problem and thousands of them are solved as one batch; a bootstrap reuses their
projections. Neither ruptures (penalised change points of piecewise constant or discontinuous
models) nor pwlf (a global optimiser around one such problem at a time) offers that for a
continuous law with weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from optuna_mi.decay.analysis.laws._law import Law, evaluate_log

Floats = npt.NDArray[np.float64]

# Misfits in ln MI that do not speak against a law, since a law describes and does not explain:
# 15 %, and about a third for a flat one. A choice.
TOLERANCE, FLAT_TOLERANCE = 0.15, 0.35
# Places on the grid of knots, by the number of knots: sets of knots grow as powers of it, and these
# sizes give at most some 1,500 sets.
_CANDIDATES = {1: 60, 2: 40, 3: 22}
# A piece needs three averages, one more than fix a line, and must span this ratio of distances: a
# shorter one bends with a single average.
_LEAST_POINTS, _LEAST_RATIO = 3, 1.5
# With 200 bootstraps five lie beyond either end of a 95 % interval.
_BOOTSTRAPS = 200


@dataclass(frozen=True)
class Points:
    """Averages that stand above the noise: distances, ln MI, the error of ln MI, and weights."""

    lag: Floats
    log_mi: Floats
    error: Floats
    weight: Floats

    def evenly_weighted(self) -> Self:
        """Return the same points with equal weight for every stretch of ln distance.

        On that axis the lags 1, 2, 3 are far apart, so each stands for a longer stretch than an
        average of later lags. The law from which dilations are read is fitted with these weights;
        law and knots are chosen with equal weight per point.
        """
        x = np.log(self.lag)
        if x.size < 3:
            return self
        middle = 0.5 * (x[1:] + x[:-1])
        edges = np.concatenate(([x[0] - (middle[0] - x[0])], middle, [2.0 * x[-1] - middle[-1]]))
        width = np.diff(edges)
        return replace(self, weight=width * (x.size / width.sum()))

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.lag.size)


def fit_power(points: Points, knots: tuple[float, ...] = ()) -> Law:
    """Fit straight pieces in log-log that meet at the knots; no piece rises."""
    x = np.log(points.lag)
    edges = np.log(np.array([1.0, *knots, np.inf]))
    columns = [np.ones_like(x)]
    columns += [np.clip(x - a, 0.0, b - a) for a, b in pairwise(edges)]
    values = _solve(np.stack(columns, axis=1), points, upper=0.0)
    return Law(float(values[0]), tuple(float(v) for v in values[1:]), tuple(knots))


def fit_exponential(points: Points) -> Law:
    """Fit ln MI = a - rate (d - 1), rate >= 0."""
    columns = np.stack([np.ones(points.size), points.lag - 1.0], axis=1)
    a, slope = _solve(columns, points, upper=0.0)
    return Law(float(a), rate=float(-slope))


def fit_flat(points: Points) -> Law:
    """Fit a constant."""
    weight = points.weight / (points.error**2 + FLAT_TOLERANCE**2)
    return Law(float(np.average(points.log_mi, weights=weight)), (0.0,))


def _solve(columns: Floats, points: Points, upper: float) -> Floats:
    """Weighted least squares; all coefficients but the first are at most upper."""
    root = np.sqrt(points.weight) / np.hypot(points.error, TOLERANCE)
    bounds = np.full(columns.shape[1], upper)
    bounds[0] = np.inf
    # a column without points (a knot beyond the last) is left at its bound
    solution = lsq_linear(columns * root[:, None], points.log_mi * root, (-np.inf, bounds))
    values: Floats = np.where(np.abs(columns).sum(axis=0) > 0, solution.x, 0.0)
    return np.where(np.isfinite(bounds), np.minimum(values, upper), values)


def score(law: Law, points: Points, *, n_parameters: int, flat: bool = False) -> float:
    """Return the information criterion of a fit; smaller is better.

    n ln max(chi2 / n, 1) + k ln n, chi2 from the errors and the tolerance of a description: what
    is within both counts as equally good, and the law with fewer parameters wins.
    """
    residual = points.log_mi - evaluate_log(law, points.lag)
    tolerance = FLAT_TOLERANCE if flat else TOLERANCE
    return criterion(residual, points, n_parameters=n_parameters, tolerance=tolerance)


def criterion(residual: Floats, points: Points, *, n_parameters: int, tolerance: float) -> float:
    """Return n ln max(chi2 / n, 1) + k ln n; see `score`."""
    z = residual / np.hypot(points.error, tolerance)
    n = points.size
    return float(
        n * np.log(max(float((points.weight * z**2).mean()), 1.0)) + n_parameters * np.log(n)
    )


@dataclass(frozen=True)
class KnotSearch:
    """Knots tried: positions, shape (C, K), projections, shape (C, n, K + 2), ratio of a step."""

    knots: Floats
    basis: Floats
    step: float

    def best(self, target: Floats) -> npt.NDArray[np.intp]:
        """Return which knots leave the least residual, for every column of target, (n, R)."""
        explained = (np.swapaxes(self.basis, 1, 2) @ target) ** 2
        return np.asarray(explained.sum(axis=1).argmax(axis=0))


def knot_search(points: Points, n_knots: int) -> KnotSearch | None:
    """Prepare all sets of knots worth trying, or return ``None`` if the points are too few."""
    x = np.log(points.lag)
    if x.size < _LEAST_POINTS * (n_knots + 1):
        return None
    low, high = x[_LEAST_POINTS - 1], x[-_LEAST_POINTS]
    grid = np.linspace(low, high, _CANDIDATES[n_knots])
    gap = np.log(_LEAST_RATIO)
    grid = grid[(grid >= x[0] + gap) & (grid <= x[-1] - gap)]
    sets = np.array(list(combinations(grid, n_knots))).reshape(-1, n_knots)
    if n_knots > 1 and sets.size:
        inside = (x[None, :, None] >= sets[:, None, :]).sum(axis=1)
        full = (inside[:, :-1] - inside[:, 1:] >= _LEAST_POINTS).all(axis=1)
        sets = sets[full & (np.diff(sets, axis=1) >= gap).all(axis=1)]
    if not sets.size:
        return None
    root = np.sqrt(points.weight) / np.hypot(points.error, TOLERANCE)
    hinges = np.maximum(x[None, :, None] - sets[:, None, :], 0.0)
    straight = np.broadcast_to(np.stack([np.ones_like(x), x], axis=1), (len(sets), x.size, 2))
    design = np.concatenate((straight, hinges), axis=2) * root[None, :, None]
    step = float(np.exp((high - low) / (_CANDIDATES[n_knots] - 1)))
    return KnotSearch(np.exp(sets), np.linalg.qr(design)[0], step)


def fit_broken(points: Points, search: KnotSearch) -> Law:
    """Fit the best of the prepared sets of knots."""
    root = np.sqrt(points.weight) / np.hypot(points.error, TOLERANCE)
    best = search.best((points.log_mi * root)[:, None])[0]
    return fit_power(points, tuple(float(k) for k in search.knots[best]))


def knot_intervals(
    points: Points, law: Law, search: KnotSearch, rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:
    """Return the 95 % bootstrap interval of every knot.

    Residuals are drawn in blocks of three neighbours, as misfits of a law come in runs.
    """
    root = np.sqrt(points.weight) / np.hypot(points.error, TOLERANCE)
    fitted = evaluate_log(law, points.lag)
    residual = (points.log_mi - fitted) * root
    n = points.size
    starts = rng.integers(0, n, size=(-(-n // 3), _BOOTSTRAPS))
    rows = (starts[:, None, :] + np.arange(3)[None, :, None]).reshape(-1, _BOOTSTRAPS)[:n] % n
    target = (fitted * root)[:, None] + residual[rows]
    knots = search.knots[search.best(target)]
    low, high = np.percentile(knots, [2.5, 97.5], axis=0)
    # the grid of candidates is no finer than half a step of it on either side
    own = np.array(law.knots)
    half = float(np.sqrt(search.step))
    return tuple(
        (float(a), float(b))
        for a, b in zip(np.minimum(low, own) / half, np.maximum(high, own) * half, strict=True)
    )
