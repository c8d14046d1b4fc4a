"""The verdict in words: how far to connect, and whether the data can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_mi.decay._decay_analysis import Delay
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis.laws._choose import Choice
from optuna_mi.decay.analysis.laws._law import evaluate_log
from optuna_mi.decay.analysis.periods._period import Period
from optuna_mi.decay.analysis.periods._returns import DOMINANT_SHARE, Returns

# A crossing is named only if the ends of its 95 % interval differ by no more than this factor, two
# doublings of the distance; else the interval is named. A choice.
_SURE = 4.0
# Peaks that keep this share of the first one count as not falling: 15 % less is within the
# tolerance of the laws (exp(-0.15) = 0.86).
_STEADY = 0.86
# Words only: a first peak this many times MI at the first lag is called higher, else near. A
# choice.
_HIGHER = 1.25


@dataclass(frozen=True)
class Crossing:
    """Where a curve stays below a level, if it does, and the 95 % interval of that distance."""

    at: float | None
    interval: tuple[float, float] | None
    level: float

    @property
    def words(self) -> str:
        """Say where, as surely as the interval allows."""
        assert self.at is not None
        low, high = self.interval or (self.at, self.at)
        if high <= _SURE * low:
            return f"falls below {self.level:.2g} nats there and stays below"
        return (
            f"falls below {self.level:.2g} nats somewhere between {low:,.0f} and {high:,.0f}; "
            "more data would tell where"
        )


def span(
    curve: DecayCurve,
    chosen: Choice,
    crossing: Crossing,
    period: Period | None,
    returns: Returns | None,
    delays: tuple[Delay, ...],
) -> tuple[int, str]:
    """Return the longest distance worth connecting, and why [MK20] §3."""
    reach, reason = _without_delays(curve, chosen, crossing, period, returns)
    if not delays:
        return reach, reason
    names = ", ".join(f"{d.distance:,}" for d in delays)
    what = "one distance" if len(delays) == 1 else f"{len(delays)} distances"
    farthest = max(d.distance for d in delays)
    if chosen.name == "delays":
        return farthest, f"MI stands above the noise only at {what}: {names}"
    if farthest <= reach:
        return reach, f"{reason}; MI also stands out at {names}"
    return farthest, f"MI stands out at {names}; elsewhere it decays: by {reach:,}, {reason}"


def _without_delays(
    curve: DecayCurve,
    chosen: Choice,
    crossing: Crossing,
    period: Period | None,
    returns: Returns | None,
) -> tuple[int, str]:
    last = int(curve.lags[-1])
    longest = curve.sequence_length
    limit = last if longest is None else max(1, longest - 1)
    if chosen.name in ("none", "delays"):
        return 1, (
            "no dependence stands above the noise at any distance measured, so nothing is gained "
            "by reaching further than one step"
        )
    first = int(curve.lags[0])
    if period is not None and returns is not None and returns.kind == "dominant":
        reason = (
            f"{_comes_back(returns, period.period, first)}{_how_long(returns, period.period)}, so "
            "connecting one period back is enough"
        )
        longer = max(period.beside, default=0)
        if longer > period.period:
            reason += f"; other peaks repeat every {longer:,} steps"
        return min(max(period.period, longer), limit), reason
    if chosen.name == "flat":
        several = curve.n_sequences is not None and curve.n_sequences > 1
        reach, spanned = last, f"the {last:,} steps measured"
        if several and longest is not None:
            reach, spanned = limit, f"the whole sequence of {longest:,} steps"
        if curve.differs_in_composition:
            pooled = ", positions='pooled'" if curve.positions == "conditional" else ""
            within = f"baseline='within'{pooled}"
            return reach, (
                f"MI does not decay with distance over {spanned}, but half or more of what is "
                "left far away is there in any order: the sequences differ in composition (in "
                "which values they hold), and any two values of one sequence tell that. If "
                f"only order counts, measure with decay_curve(…, {within})"
            )
        return reach, f"MI does not decay with distance: dependence spans {spanned}"
    if period is not None and returns is not None and returns.settles_at is not None:
        reach = int(np.clip(round(returns.settles_at), min(period.period, limit), limit))
        return reach, (
            f"beyond {reach:,} steps nothing is left but peaks every {period.period:,} steps that "
            "do not fall any more: one period back tells what they tell"
        )
    what = "the line over the peaks' tops" if period is not None else "MI"
    if period is not None and returns is not None and returns.long:
        what = (
            f"{_comes_back(returns, period.period, first)}, but the peaks go on too long for one "
            f"period to be enough: {what}"
        )
    if crossing.at is not None:
        least = 1 if period is None else period.period
        reach = int(np.clip(round(crossing.at), min(least, limit), limit))
        return reach, f"{what} {crossing.words}"
    grid = np.geomspace(last, 1e9, 400)
    below = np.flatnonzero(evaluate_log(chosen.law, grid) < np.log(crossing.level))
    beyond = f"; the fitted law would get there near {grid[below[0]]:,.0f}" if below.size else ""
    remedy = "" if longest is not None and last >= longest - 1 else ", so measure longer distances"
    return last, (
        f"{what} is still above {crossing.level:.2g} nats at the last distance measured"
        f"{remedy}{beyond}"
    )


def _comes_back(returns: Returns, period: int, first: int) -> str:
    every = f"every {period:,} steps" if period > 1 else "at every step"
    if returns.share > _HIGHER:
        return f"MI peaks {every}, there higher than at distance {first},"
    near = "near" if returns.share >= DOMINANT_SHARE else f"to {100 * returns.share:.0f} % of"
    return f"MI returns {near} its value at distance {first} {every}"


def _how_long(returns: Returns, period: int) -> str:
    if returns.kept is not None:
        if returns.kept >= _STEADY:
            return " and does not fall from one peak to the next"
        return f" and keeps {100 * returns.kept:.0f} % of that as far as was measured"
    if returns.n_periods == 1:
        return " but hardly a second time"
    return (
        f" and nearly all that the peaks tell lies within {returns.n_periods} periods, which a "
        f"network reaches in {returns.n_periods} steps of {period:,}"
    )


def resolution_sentence(
    curve: DecayCurve, threshold: float, effective: float, estimated: bool
) -> tuple[bool, str]:
    """Return whether the data resolve the threshold, and a sentence that says it."""
    if estimated:
        return effective <= threshold, (
            f"the curve has no baseline and levels off: {effective:.2g} nats, the height of its "
            f"tail, was taken for noise instead of {threshold:.2g}. Measure it with a "
            "baseline (decay_curve) to see further"
        )
    if curve.floor is None:
        return True, (
            f"the curve has no noise floor, so {threshold:.2g} nats may be below the noise. "
            "Measure it with a baseline (decay_curve) to know"
        )
    if effective <= threshold:
        return True, f"the data resolve {threshold:.2g} nats"
    sentence = (
        f"the data cannot resolve {threshold:.2g} nats: at the distance that decides, values "
        f"below {effective:.2g} cannot be told from chance"
    )
    if curve.n_pairs is not None:
        # the spread of an estimate of no dependence falls like 1 / pairs
        # and that of nearest neighbours, with its first-order part, like 1 / root of pairs
        power = 2.0 if curve.estimator == "ksg" else 1.0
        needed = float(np.median(curve.n_pairs)) * (effective / threshold) ** power
        sentence += (
            f" with {float(np.median(curve.n_pairs)):,.0f} pairs per lag; about "
            f"{float(f'{needed:.2g}'):,.0f} would be needed"
        )
    return False, sentence
