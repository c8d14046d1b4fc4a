"""Weak clocks: peaks far below MI(1), or hidden in noise, that come back for good."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis._bins import Bins
from optuna_mi.decay.analysis._crossing import crossing
from optuna_mi.decay.analysis.periods._period import Period
from optuna_mi.decay.analysis.periods._returns import Returns

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Peaks have settled if those of the last half of the lags are not lower by more than this share
# than those of the quarter before it, and two standard errors: a power law with an exponent of
# 0.15 falls by so much. A choice.
_FALL, _ERRORS = 0.1, 2.0
# With fewer peaks there is no telling.
_FEWEST = 8
# A law is right to 15 %, so what exceeds the height of a clock by less is the clock.
_TOLERANCE = 0.15


def as_a_clock(
    returns: Returns, found: Period, bins: Bins, lags: Ints, values: Floats, threshold: float
) -> Returns:
    """Return how far dependence reaches beyond what a clock tells at any distance, if it is one.

    One period back tells the phase, and with it all that later peaks tell. So the span is where
    the curve comes down to the height of its late peaks, and never less than a period.

    Args:
        returns: What is known of the peaks.
        found: The period.
        bins: The curve over its peaks.
        lags: Distances.
        values: Corrected MI.
        threshold: MI in nats at which dependence counts as over.
    """
    tooth = values[found.multiples(lags)[1]]
    if not (found.steady or settled(tooth)):
        return returns
    late = bins.lag > 0.25 * lags[-1]
    level = max(float(np.median(bins.value[late])), 0.0)
    above = replace(bins, value=bins.value - level)
    over = crossing(above, max(threshold, _TOLERANCE * level))
    if over is None:
        return returns
    share = level / float(values[0]) if values[0] > 0 else float("inf")
    if over <= found.period:
        return replace(returns, kind="dominant", share=share, kept=1.0)
    return replace(returns, settles_at=over)


def settled(tooth: Floats) -> bool:
    """Return whether peaks, which noise may hide one by one, have stopped falling."""
    if tooth.size < _FEWEST:
        return False
    n = tooth.size
    before, late = tooth[n // 4 : n // 2], tooth[n // 2 :]
    error = [float(v.std(ddof=1)) / np.sqrt(v.size) for v in (before, late)]
    fall = float(before.mean() - late.mean())
    there = float(late.mean()) > _ERRORS * error[1]
    return there and fall <= _FALL * float(before.mean()) + _ERRORS * float(np.hypot(*error))
