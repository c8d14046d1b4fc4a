"""Which law a curve follows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from optuna_mi.decay._decay_analysis import LawName
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._bins import Bins, Noise
from optuna_mi.decay.analysis._crossing import last_above
from optuna_mi.decay.analysis._limit import least_mi
from optuna_mi.decay.analysis.laws._fit import (
    TOLERANCE,
    KnotSearch,
    Points,
    criterion,
    fit_broken,
    fit_exponential,
    fit_flat,
    fit_power,
    knot_intervals,
    knot_search,
    score,
)
from optuna_mi.decay.analysis.laws._law import Law
from optuna_mi.decay.analysis.periods._period import Period

Floats = npt.NDArray[np.float64]

# A law with more breaks than three describes little, and the sets of knots to try grow with each.
# A choice.
_MOST_KNOTS = 3
# Laws with and without a period are compared on so many periods, and lags at most: enough to show
# the period, and quick. These scores inform; they do not decide about a period.
_PERIODS_COMPARED, _LAGS_COMPARED = 12, 400


@dataclass(frozen=True)
class Choice:
    """A law, its parameters, the scores of all laws tried and the intervals of its knots."""

    name: LawName
    law: Law
    scores: dict[str, float]
    intervals: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class _Candidates:
    """Every law without a period, fitted to the same points."""

    laws: dict[LawName, Law]
    broken: dict[int, tuple[Law, KnotSearch]]
    scores: dict[str, float]

    @property
    def best_broken(self) -> int | None:
        """The number of knots that scores best."""
        return min(self.broken, key=lambda k: self.scores[f"broken_power_{k}"], default=None)


def points_above_noise(bins: Bins, threshold: float) -> Points:
    """Return the bins above the noise, up to the last one; a few beyond if they are too few."""
    last = last_above(bins, threshold)
    use = (bins.value > bins.floor) & (np.arange(bins.lag.size) <= last)
    value = np.maximum(bins.value, 1e-300)
    log_value, error = np.log(value), bins.error / value
    missing = 3 - int(use.sum())
    if missing > 0:
        # what comes after a short decay is about half the limit, within a factor of e
        after = np.arange(bins.lag.size)[last + 1 : last + 1 + missing]
        log_value[after] = np.log(0.5 * least_mi(bins.floor, threshold)[after])
        error[after] = 1.0
        use[after] = True
    return Points(bins.lag[use], log_value[use], error[use], np.ones(int(use.sum())))


def _fit_all(points: Points, most_knots: int = _MOST_KNOTS) -> _Candidates:
    laws: dict[LawName, Law] = {
        "flat": fit_flat(points),
        "power": fit_power(points),
        "exponential": fit_exponential(points),
    }
    parameters = {"flat": 1, "power": 2, "exponential": 2}
    scores: dict[str, float] = {
        name: score(law, points, n_parameters=parameters[name], flat=name == "flat")
        for name, law in laws.items()
    }
    broken = {}
    for k in range(1, most_knots + 1):
        search = knot_search(points, k)
        if search is not None:
            broken[k] = (fit_broken(points, search), search)
            scores[f"broken_power_{k}"] = score(broken[k][0], points, n_parameters=2 + 2 * k)
    return _Candidates(laws, broken, scores)


def choose_law(
    points: Points,
    *,
    crossed: bool,
    law: LawName | None,
    breakpoints: tuple[float, ...] | None,
    rng: np.random.Generator,
) -> Choice:
    """Fit all laws without a period and take the best, or the one asked for.

    Args:
        points: Averages above the noise.
        crossed: Whether the curve has come down to the threshold: then it is not flat.
        law: The law to take.
        breakpoints: The knots to take.
        rng: Source of the bootstrap.

    Raises:
        ValueError: If a broken law without given knots is asked for and the points are too few.
    """
    found = _fit_all(points)
    scores = dict(found.scores)
    if breakpoints is not None:
        fitted = fit_power(points.evenly_weighted(), breakpoints)
        scores["broken_power"] = score(fitted, points, n_parameters=2 + len(breakpoints))
        return Choice("broken_power", fitted, scores, tuple((b, b) for b in breakpoints))
    best = found.best_broken
    name = law if law is not None else _winner(found, best, crossed)
    if name == "broken_power":
        if best is None:
            raise ValueError(
                f"law='broken_power' needs six averages above the noise, got {points.size}; give "
                "breakpoints=..., or measure more lags"
            )
        at_best, search = found.broken[best]
        intervals = knot_intervals(points, at_best, search, rng)
        # knots whose places cannot be told apart are fewer knots
        while _overlap(intervals) and best - 1 in found.broken:
            best -= 1
            at_best, search = found.broken[best]
            intervals = knot_intervals(points, at_best, search, rng)
        fitted = fit_power(points.evenly_weighted(), at_best.knots)
        return Choice(name, fitted, scores, intervals)
    if name == "power":
        return Choice(name, fit_power(points.evenly_weighted()), scores)
    return Choice(name, found.laws[name], scores)


def _overlap(intervals: tuple[tuple[float, float], ...]) -> bool:
    return any(high > low for (_, high), (low, _) in itertools.pairwise(intervals))


def _winner(found: _Candidates, best: int | None, crossed: bool) -> LawName:
    candidates: dict[LawName, float] = {
        name: found.scores[name] for name in found.laws if not (crossed and name == "flat")
    }
    if best is not None:
        candidates["broken_power"] = found.scores[f"broken_power_{best}"]
    return min(candidates.items(), key=lambda item: item[1])[0]


def fit_periodic(curve: DecayCurve, noise: Noise, found: Period, pooled: Points) -> Choice:
    """Fit the envelope of the peaks, and score it beside the laws without a period.

    All are scored on single lags of the first twelve periods, 400 at most; the periodic law is a
    power law for every phase of the period. The scores inform: it is the test for peaks that
    repeat that decides about a period: in a score, many small phases outweigh a few tall peaks.

    Args:
        curve: The curve.
        noise: Its noise.
        found: The period.
        pooled: Averages of the peaks, on which the envelope rests if single ones drown.
    """
    period = found.period
    y = curve.mi_corrected
    level = np.maximum(y, np.maximum(0.5 * noise.floor, 1e-3 * np.abs(y).max()))
    error = np.hypot(noise.scatter, noise.slow) / level
    scores = {}
    near = curve.lags <= min(_PERIODS_COMPARED * period, max(_LAGS_COMPARED, 3 * period))
    if near.sum() >= 3:
        lag = curve.lags[near].astype(np.float64)
        points = Points(lag, np.log(level[near]), error[near], np.ones(lag.size))
        scores = dict(_fit_all(points, most_knots=1).scores)
        # with a period to explain, swings are not within the tolerance of a flat law
        scores["flat"] = score(fit_flat(points), points, n_parameters=1)
        scores["periodic_power"] = _score_phases(points, curve.lags[near] % period)
    if found.pooled:
        return Choice("periodic_power", fit_power(pooled), scores)
    peak = np.zeros(y.size, dtype=np.bool_)
    peak[found.multiples(curve.lags)[1]] = True
    peak &= y > noise.floor
    peak[0] = True
    lag = curve.lags[peak].astype(np.float64)
    points = Points(lag, np.log(level[peak]), error[peak], np.ones(lag.size))
    return Choice("periodic_power", fit_power(points), scores)


def _score_phases(points: Points, phase: npt.NDArray[np.int64]) -> float:
    """Return the better score of two laws: a slope for every phase, or one for all."""
    _, group, size = np.unique(phase, return_inverse=True, return_counts=True)
    weight = 1.0 / np.hypot(points.error, TOLERANCE) ** 2

    def about_phase(v: Floats) -> Floats:
        mean = np.bincount(group, weight * v) / np.bincount(group, weight)
        return np.asarray(v - mean[group])

    x, y = about_phase(np.log(points.lag)), about_phase(points.log_mi)
    covered, square = np.bincount(group, weight * x * y), np.bincount(group, weight * x**2)
    each = covered / np.where(square > 0, square, 1.0)
    residuals = (y - x * covered.sum() / square.sum(), y - x * each[group])
    parameters = (size.size + 1, size.size + int((size > 1).sum()))
    return min(
        criterion(residual, points, n_parameters=n, tolerance=TOLERANCE)
        for residual, n in zip(residuals, parameters, strict=True)
    )
