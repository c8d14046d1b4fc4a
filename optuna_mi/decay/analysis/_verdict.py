"""The verdict in words: how far to connect, and whether the data can tell."""

from __future__ import annotations

import numpy as np

from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.analysis._period import Period, Returns
from optuna_mi.decay.analysis.laws._law import Law, evaluate_log


def span(
    curve: DecayCurve,
    law: str,
    crossing: float | None,
    level: float,
    period: Period | None,
    returns: Returns | None,
    fit: Law,
) -> tuple[int, str]:
    """Return the longest distance worth connecting, and why [MK20 §3]."""
    last = int(curve.lags[-1])
    longest = curve.sequence_length
    limit = last if longest is None else max(1, longest - 1)
    if law == "none":
        return 1, (
            "no dependence stands above the noise at any distance, so nothing is gained by "
            "reaching further than one step"
        )
    first = int(curve.lags[0])
    if period is not None and returns is not None and returns.kind == "dominant":
        why = (
            " and does not fall from one to the next"
            if returns.clock
            else f", for {returns.n_periods} periods at most, which are few enough steps to go back"
        )
        return min(period.period, limit), (
            f"MI returns near its value at {first} every {period.period} steps{why}: one period "
            "reaches all there is"
        )
    if law == "flat":
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
    if crossing is not None:
        least = 1 if period is None else period.period
        reach = int(np.clip(round(crossing), min(least, limit), limit))
        return reach, f"{what} falls below {level:.2g} nats there and stays below"
    grid = np.geomspace(last, 1e9, 400)
    below = np.flatnonzero(evaluate_log(fit, grid) < np.log(level))
    beyond = f"; the fitted law would get there near {grid[below[0]]:,.0f}" if below.size else ""
    remedy = "" if longest is not None and last >= longest - 1 else ", so measure longer lags"
    return last, (
        f"{what} is still above {level:.2g} nats at the last lag measured{remedy}{beyond}"
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
