"""From a decay curve to its law and the span of dependence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as SequenceABC
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import instance, one_of, real, reals, whole
from optuna_mi.decay._decay_analysis import Cycle, DecayAnalysis, Delay, LawName
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._bins import Bins, Noise, make_bins, measure_noise
from optuna_mi.decay.analysis._crossing import crossing, crossing_interval, last_above
from optuna_mi.decay.analysis._delays import Delays, common_period, find_delays, make_a_period
from optuna_mi.decay.analysis._limit import family_factor, least_mi
from optuna_mi.decay.analysis._verdict import Crossing, resolution_sentence, span
from optuna_mi.decay.analysis.laws._choose import (
    Choice,
    choose_law,
    fit_periodic,
    points_above_noise,
)
from optuna_mi.decay.analysis.laws._law import Law, evaluate_log
from optuna_mi.decay.analysis.periods._clocks import as_a_clock
from optuna_mi.decay.analysis.periods._period import Period, describe_given, find_period
from optuna_mi.decay.analysis.periods._returns import envelope, judge

Floats = npt.NDArray[np.float64]

# Bins per octave for peaks that single lags do not show: each must average several. A choice.
_POOLED_BINS = 2
# Beside single distances that stand out, the rest must exceed this many times its floor: they add
# to the bias of all other lags, of which the floor has only an estimate. A choice.
_UNSURE = 1.5
# Chance that pure noise, over all lags together, shows a single distance. A choice: one false echo
# in a thousand data sets.
_FALSE_DELAY = 1e-3
# Three peaks in a row, the lowest half as high as the highest, are a period whatever else is noise.
# An echo's second peak is much lower (twelve years of months: 47 of 50 without this, 49 with it).
_IN_A_ROW, _AS_HIGH = 3, 0.5


def analyze_decay(
    curve: DecayCurve,
    *,
    threshold: float = 1e-5,
    law: LawName | None = None,
    breakpoints: SequenceABC[float] | None = None,
    period: int | None = None,
    seed: int = 0,
) -> DecayAnalysis:
    """Find the law of a decay curve, its inflections or period, and how far dependence reaches.

    Args:
        curve: The curve; its baseline is subtracted and its floor respected.
        threshold: MI in nats at which dependence counts as over; never taken below the noise
            floor of the smoothed curve.
        law: Take this law instead of the best.
        breakpoints: Take inflections at these distances; implies ``law="broken_power"``.
        period: Take this distance between peaks; implies ``law="periodic_power"``.
        seed: Seed of the bootstrap intervals.

    Returns:
        The analysis.

    Raises:
        TypeError: If curve is no DecayCurve.
        ValueError: If a setting is out of range, or settings contradict each other, or a period
            is given for a curve that is 0 everywhere.

    Note:
        Source: [MK20] §3; the explanation "Decay curves", gives the choices and their reasons.

    Example:
        >>> lags = np.arange(1, 40)
        >>> analyze_decay(DecayCurve(lags, 0.3 * np.exp(-0.5 * lags))).law
        'exponential'
    """
    given = _check(curve, threshold, law, breakpoints, period)
    rng = np.random.default_rng(whole("seed", seed))
    noise = measure_noise(curve)
    found, delays = _what_stands_out(curve, noise, given, threshold)
    body = delays.body
    bins = make_bins(curve.lags, body, noise)
    bare = _is_bare(bins, threshold, delays)
    if found is not None:
        bins = _envelope_bins(curve, body, noise, found)
    end = crossing(bins, threshold)
    last = last_above(bins, threshold)
    returns = None
    if found is not None:
        chosen = fit_periodic(curve, noise, found, points_above_noise(bins, threshold))
        returns = judge(curve.lags, body, found, end)
        if returns.kind == "modulating" and (end is None or found.pooled):
            returns = as_a_clock(returns, found, bins, curve.lags, body, threshold)
    elif given.law == "delays" or (given.law is None and bare and delays.at.size):
        chosen = Choice("delays", _level(float(curve.mi_corrected[delays.at].max())), {})
    elif given.law == "none" or (given.law is None and bare):
        level = float(np.median(least_mi(bins.floor, threshold)))
        chosen = Choice("none", _level(level), {"none": 0.0})
    else:
        chosen = choose_law(
            points_above_noise(bins, threshold),
            crossed=end is not None,
            law=given.law,
            breakpoints=given.breakpoints,
            rng=rng,
        )
    effective = float(least_mi(bins.floor, threshold)[max(last, 0)])
    interval = None
    if end is not None and last >= 0:
        fitted = np.exp(evaluate_log(chosen.law, bins.lag))
        low, high = crossing_interval(bins, fitted, threshold, rng)
        interval = (min(low, end), max(high, end))
    delays_found = tuple(Delay(int(curve.lags[i]), float(curve.mi_corrected[i])) for i in delays.at)
    crossed = Crossing(end if last >= 0 else None, interval, effective)
    reach, reason = span(curve, chosen, crossed, found, returns, delays_found)
    resolved, sentence = resolution_sentence(curve, threshold, effective, noise.estimated)
    return DecayAnalysis(
        curve=curve,
        threshold=float(threshold),
        effective_threshold=effective,
        law=chosen.name,
        fit=chosen.law,
        max_dilation=reach,
        max_dilation_reason=reason,
        forced=given.names,
        scores=chosen.scores,
        breakpoints=chosen.law.knots if chosen.name == "broken_power" else (),
        breakpoint_intervals=chosen.intervals,
        crossing=crossed.at,
        crossing_interval=interval,
        period=found.period if found else None,
        period_kind=returns.kind if returns else None,
        period_strength=found.strength if found else None,
        periods=_cycles(curve, noise, found, threshold),
        delays=delays_found,
        resolved=resolved,
        resolution=sentence,
    )


def _level(mi: float) -> Law:
    return Law(float(np.log(mi)), (0.0,))


@dataclass(frozen=True)
class _Given:
    law: LawName | None
    breakpoints: tuple[float, ...] | None
    period: int | None
    names: tuple[str, ...]


def _check(
    curve: DecayCurve,
    threshold: float,
    law: LawName | None,
    breakpoints: SequenceABC[float] | None,
    period: int | None,
) -> _Given:
    instance(
        "curve",
        curve,
        DecayCurve,
        "a DecayCurve",
        "make one with decay_curve(x), or wrap a published one: DecayCurve(lags, mi)",
    )
    real("threshold", threshold, above=0)
    one_of("law", law, (*get_args(LawName), None))
    values = None
    if breakpoints is not None:
        values = tuple(float(b) for b in np.atleast_1d(reals("breakpoints", breakpoints)).ravel())
        ordered = all(a < b for a, b in itertools.pairwise(values))
        if not values or not ordered or not values[0] > 1 or values[-1] >= curve.lags[-1]:
            raise ValueError(
                "breakpoints must be increasing distances between 1 and the last lag "
                f"{curve.lags[-1]}, got {breakpoints!r}"
            )
        if law not in (None, "broken_power"):
            raise ValueError(f"breakpoints belong to law='broken_power', got law={law!r}")
    if period is not None:
        whole("period", period, 2, int(curve.lags[-1]))
        if law not in (None, "periodic_power") or values is not None:
            raise ValueError("period belongs to law='periodic_power', without breakpoints")
    pairs = (("law", law), ("breakpoints", values), ("period", period))
    names = tuple(name for name, value in pairs if value is not None)
    implied: LawName | None = law
    if values is not None:
        implied = "broken_power"
    elif period is not None:
        implied = "periodic_power"
    return _Given(implied, values, None if period is None else int(period), names)


def _what_stands_out(
    curve: DecayCurve, noise: Noise, given: _Given, threshold: float
) -> tuple[Period | None, Delays]:
    """Return the period and the single distances that stand out.

    A few single distances are no period, even if one is twice the other. Three peaks in a row are a
    period, and so are peaks on a curve that is more than noise without them.
    """
    factor = family_factor(curve, _FALSE_DELAY)
    lags, y = curve.lags, curve.mi_corrected
    found = _period(curve, noise, given)
    alone = find_delays(lags, y, noise, factor, threshold)
    if given.law == "delays" and not alone.at.size:
        raise ValueError("law='delays' was asked for, but no single distance stands out")
    shared = common_period(lags[alone.at])
    if found is None and given.law is None and shared is not None:
        # peaks beyond the lags that are measured without gaps
        top, between = float(y[alone.at[0]]), float(alone.body[alone.at[0]])
        strength = float(np.clip(1.0 - between / top, 0.0, 1.0))
        found = Period(shared, strength, exact=float(shared), nested=(shared,))
    if found is None:
        return None, alone
    bare = _is_bare(make_bins(lags, alone.body, noise), threshold, alone)
    few = alone.at.size > 0 and not make_a_period(lags[alone.at], found.period)
    if given.law is None and bare and few and not _returns_thrice(curve, noise, found):
        return None, alone
    return found, find_delays(lags, y, noise, factor, threshold, stride=min(_strides(found)))


def _returns_thrice(curve: DecayCurve, noise: Noise, found: Period) -> bool:
    """Return whether three peaks in a row stand above the noise, about as high.

    The peaks of an echo or a copy are not: the second is much lower.
    """
    at = found.multiples(curve.lags)[1][:_IN_A_ROW]
    tooth = curve.mi_corrected[at]
    seen = bool((tooth > noise.floor[at]).all())
    return at.size == _IN_A_ROW and seen and bool(tooth.min() >= _AS_HIGH * tooth.max())


def _is_bare(bins: Bins, threshold: float, delays: Delays) -> bool:
    """Return whether nothing but single distances is more than noise.

    They raise the bias of all other lags, which the floor knows only approximately.
    """
    unsure = _UNSURE if delays.at.size else 1.0
    return last_above(replace(bins, floor=unsure * bins.floor), threshold) < 0


def _strides(found: Period) -> tuple[int, ...]:
    return found.nested or (found.period,)


def _cycles(
    curve: DecayCurve, noise: Noise, found: Period | None, threshold: float
) -> tuple[Cycle, ...]:
    if found is None:
        return ()
    y, out = curve.mi_corrected, []
    for length in sorted({*_strides(found), *found.beside}):
        exact = found.exact if length == found.period else float(length)
        _, at = replace(found, period=length, exact=exact).multiples(curve.lags)
        if at.size:
            above = at[y[at] > least_mi(noise.floor, threshold)[at]]
            reach = int(curve.lags[above[-1]]) if above.size else 0
            out.append(Cycle(length, float(y[at[0]]), reach))
    return tuple(out)


def _period(curve: DecayCurve, noise: Noise, given: _Given) -> Period | None:
    y = curve.mi_corrected
    if given.period is not None:
        if not y.any():
            raise ValueError(
                f"period={given.period} was given, but the curve is 0 at all lags: there are no "
                "peaks to repeat; leave the period out"
            )
        return describe_given(curve.lags, y, noise.peaks, noise.floor, given.period)
    if given.law not in (None, "periodic_power"):
        return None
    found = find_period(
        curve.lags,
        y,
        noise.peaks,
        noise.floor,
        curve.correlation,
        memory=curve.memory,
        n_pairs=curve.n_pairs,
    )
    if found is None and given.law == "periodic_power":
        raise ValueError(
            "law='periodic_power' was asked for, but no period was found; give it: period=..."
        )
    return found


def _envelope_bins(curve: DecayCurve, body: Floats, noise: Noise, period: Period) -> Bins:
    """Return bins of the peaks.

    Their floor is that of single lags, as a maximum averages nothing. If single peaks cannot be
    told from noise they are averaged over wide bins, without the lags between them.
    """
    if period.pooled:
        tooth = np.zeros(body.size, dtype=np.bool_)
        tooth[period.multiples(curve.lags)[1]] = tooth[0] = True
        return make_bins(curve.lags[tooth], body[tooth], noise.at(tooth), _POOLED_BINS)
    shows, top = envelope(curve.lags, body, period)
    lags, seen = curve.lags[shows], noise.at(shows)
    floor = make_bins(lags, seen.floor, seen).value
    return replace(make_bins(lags, top, seen), floor=floor)
