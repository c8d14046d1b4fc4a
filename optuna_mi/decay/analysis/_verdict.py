"""The verdict in words: how far to connect, and whether the data can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_mi.decay._decay_analysis import Delay
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._period import Period
from optuna_mi.decay.analysis._returns import Returns
from optuna_mi.decay.analysis.laws._choose import Choice
from optuna_mi.decay.analysis.laws._law import evaluate_log

# an interval whose ends differ by a larger factor leaves the crossing open
_SURE = 4.0
# peaks that keep this share of the first one do not fall
_STEADY = 0.86


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
        return farthest, f"MI stands above the noise at {what} alone: {names}"
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
            "no dependence stands above the noise at any distance, so nothing is gained by "
            "reaching further than one step"
        )
    first = int(curve.lags[0])
    if period is not None and returns is not None and returns.kind == "dominant":
        return min(period.period, limit), (
            f"MI returns {_how_near(returns)} at {first} every {period.period} steps"
            f"{_how_long(returns)}: one period reaches all there is"
        )
    if chosen.name == "flat":
        several = curve.n_sequences is not None and curve.n_sequences > 1
        if several and longest is not None:
            return limit, (
                f"MI does not decay with distance: dependence spans the whole sequence of "
                f"{longest:,} steps"
            )
        return last, (
            f"MI does not decay within the {last:,} lags measured: dependence spans them all"
        )
    what = "the envelope of the peaks" if period is not None else "MI"
    if period is not None and returns is not None and returns.long:
        what = (
            f"MI returns near its value at {first} every {period.period} steps, but too long for "
            f"one period to be all: {what}"
        )
    if crossing.at is not None:
        least = 1 if period is None else period.period
        reach = int(np.clip(round(crossing.at), min(least, limit), limit))
        return reach, f"{what} {crossing.words}"
    grid = np.geomspace(last, 1e9, 400)
    below = np.flatnonzero(evaluate_log(chosen.law, grid) < np.log(crossing.level))
    beyond = f"; the fitted law would get there near {grid[below[0]]:,.0f}" if below.size else ""
    remedy = "" if longest is not None and last >= longest - 1 else ", so measure longer lags"
    return last, (
        f"{what} is still above {crossing.level:.2g} nats at the last lag measured{remedy}{beyond}"
    )


def _how_near(returns: Returns) -> str:
    return "near its value" if returns.share >= 0.5 else f"to {100 * returns.share:.0f} % of that"


def _how_long(returns: Returns) -> str:
    if returns.kept is not None:
        if returns.kept >= _STEADY:
            return " and does not fall from one to the next"
        return f" and keeps {100 * returns.kept:.0f} % of it to the last lag measured"
    if returns.n_periods == 1:
        return ", and hardly a second time"
    return (
        f", and nearly all that it tells lies within {returns.n_periods} periods, which are few "
        "enough steps to go back"
    )


def resolution_sentence(
    curve: DecayCurve, threshold: float, effective: float, estimated: bool
) -> tuple[bool, str]:
    """Return whether the data resolve the threshold, and a sentence that says it."""
    if estimated:
        return effective <= threshold, (
            f"the curve has no baseline and levels off: {effective:.2g} nats, the height of its "
            f"tail, was taken for the noise floor instead of {threshold:.2g}. Measure it with a "
            "baseline (decay_curve) to see further"
        )
    if curve.floor is None:
        return True, (
            f"the curve carries no noise floor; {threshold:.2g} nats is taken at its word. Measure "
            "it with a baseline (decay_curve) to know"
        )
    if effective <= threshold:
        return True, f"the data resolve {threshold:.2g} nats"
    sentence = (
        f"the data cannot resolve {threshold:.2g} nats: values below {effective:.2g} are noise"
    )
    if curve.n_pairs is not None:
        # the spread of an estimate of no dependence falls like 1 / pairs
        # and that of nearest neighbours, with its first-order part, like 1 / root of pairs
        power = 2.0 if curve.estimator == "ksg" else 1.0
        needed = float(np.median(curve.n_pairs)) * (effective / threshold) ** power
        sentence += (
            f" with {float(np.median(curve.n_pairs)):,.0f} pairs a lag; about "
            f"{float(f'{needed:.2g}'):,.0f} would be needed"
        )
    return False, sentence
