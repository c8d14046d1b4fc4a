"""What becomes of a period's peaks: its kind, and the envelope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from optuna_mi.decay.analysis.periods._period import Period

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kind = Literal["dominant", "modulating"]

# A period may be dominant if its first peak returns to half of MI(1). It is a clock if the last
# peaks keep a quarter of the first one; then a quarter of MI(1) will do. Choices: clocks from half
# of MI(1) on only would leave out the load of a grid.
DOMINANT_SHARE, _CLOCK_SHARE = 0.5, 0.25
# One period is the span if so many steps of it reach all but 2 % of what the peaks tell. A choice:
# k periods back take k steps of a connection, and images have about 32 rows.
_MOST_STEPS, _BEYOND = 32, 0.02
# Peaks lower than this share of the first one are nearly gone, and their fall matters no more.
# A choice.
_NEARLY_GONE = 0.05
# Late peaks have levelled off if their second half is lower than the first by less than this share.
# A choice: noise of single peaks makes smaller differences.
_LEVEL = 0.2


@dataclass(frozen=True)
class Returns:
    """What becomes of a period's peaks.

    Attributes:
        kind: ``"dominant"`` if they return near MI(1) and one period is the span.
        share: How high the first peak is, as a share of MI(1).
        kept: Share of the first peak that the last ones have, where they come back for good.
        long: Whether they return near MI(1), but one period is not the span.
        n_periods: Within how many periods nearly all lies that the peaks tell.
        settles_at: Distance from which on nothing is left but peaks that come back for good, if
            that is more than a period.
    """

    kind: Kind
    share: float
    kept: float | None
    long: bool
    n_periods: int
    settles_at: float | None = None


def judge(lags: Ints, values: Floats, found: Period, crossing: float | None) -> Returns:
    """Tell a period that is the span from one that rides on a longer dependence.

    A connection over one period reaches k periods back in k steps. That is enough if the steps are
    few, as on images with their 28 rows, or if every period repeats the last one. Peaks that return
    near MI(1) but tell something over hundreds of periods are a long dependence of their own.
    Shares of the peaks decide, not where they vanish in noise, which depends on the amount of data.

    Args:
        lags: Distances.
        values: Corrected MI.
        found: The period.
        crossing: Where the envelope of the peaks stays below the threshold, if it does.
    """
    k, at = found.multiples(lags)
    if not at.size:
        # between measured lags the nearest one stands for the peak
        at = np.array([min(int(np.searchsorted(lags, found.period)), lags.size - 1)])
        k = np.ones(1, dtype=np.int64)
    tooth = values[at]
    if crossing is not None:
        # the first peak counts in any case
        tooth = np.where((k > 1) & (lags[at] > crossing), 0.0, tooth)
    late = tooth[-max(1, tooth.size // 3) :]
    kept = float(np.median(late)) / max(float(tooth[0]), 1e-300)
    clock = crossing is None and kept >= _CLOCK_SHARE
    falls = crossing is None and _falls(late, float(tooth[0]))
    # of peaks that have levelled off, or rise and fall for ever, only the part above that level
    rest = np.maximum(tooth - (0.0 if falls else max(float(late.max()), 0.0)), 0.0)
    told = np.cumsum(rest * np.diff(k, prepend=0))
    n_periods = int(k[np.searchsorted(told, (1 - _BEYOND) * told[-1])]) if told[-1] > 0 else 1
    # peaks hidden in noise say nothing about MI(1)
    share = float(tooth[0] / values[0]) if values[0] > 0 else float("inf")
    returns = not found.pooled and share >= (_CLOCK_SHARE if clock else DOMINANT_SHARE)
    # peaks that still fall at the last lag may live on for many more
    unknown = falls and k[-1] < 2 * _MOST_STEPS
    short = clock or (n_periods <= _MOST_STEPS and not unknown)
    kind: Kind = "dominant" if returns and short else "modulating"
    return Returns(kind, share, kept if clock else None, returns and not short, n_periods)


def _falls(late: Floats, first: float) -> bool:
    """Return whether peaks still fall, from one half to the other; not if they are nearly gone."""
    if late.size < 2:
        return False
    # one odd peak does not count
    before, after = (float(np.quantile(half, 0.95)) for half in np.array_split(late, 2))
    return after > _NEARLY_GONE * first and after < (1 - _LEVEL) * before


def envelope(lags: Ints, values: Floats, period: Period) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Return the largest value within half a period on either side of the lags that show it.

    Between lags with gaps a window may hold no peak. Only those count that are measured without
    gaps, or hold a multiple of the period.

    Returns:
        Which lags count, shape (L,), and the largest values about them.
    """
    half = period.period // 2
    low = np.searchsorted(lags, lags - half)
    high = np.searchsorted(lags, lags + half, side="right")
    width = np.minimum(lags + half, lags[-1]) - np.maximum(lags - half, lags[0]) + 1
    _, at = period.multiples(lags)
    n_peaks = np.concatenate(([0], np.cumsum(np.isin(np.arange(lags.size), at))))
    shows = (high - low == width) | (n_peaks[high] > n_peaks[low])
    # the first lag is a peak itself
    shows[0] = True
    pairs = zip(low[shows], high[shows], strict=True)
    return shows, np.array([values[a:b].max() for a, b in pairs])
