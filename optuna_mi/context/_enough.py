"""Where a curve of held-out losses stops falling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

#: Standard errors beyond which a gain counts: two, the usual 95 %.
BEYOND = 2.0
#: Share of all that can be learnt below which a gain counts for nothing: 1 %, which nobody trains a
#: larger model for. A choice; a keyword changes it.
TOLERANCE = 0.01
# 200 bootstraps leave ten beyond either end of a 90 % interval; the seed makes it the same each
# time.
_RESAMPLED, _SEED = 200, 0


@dataclass(frozen=True)
class Enough:
    """The smallest number of steps beyond which nothing is gained, and its 90 % interval."""

    length: int
    interval: tuple[int, int]


def mean_and_error(losses: Floats, n_scored: Counts) -> tuple[Floats, Floats]:
    """Return the mean per place of summed losses, shape (…, blocks), and its standard error."""
    n = n_scored.astype(np.float64)
    total = float(n.sum())
    mean = losses.sum(axis=-1) / total
    spread = losses - mean[..., None] * n
    used = int((n > 0).sum())
    error = np.sqrt((spread**2).sum(axis=-1) * used / max(1, used - 1)) / total
    return mean, error


def enough(losses: Floats, n_scored: Counts, tolerance: float = TOLERANCE) -> Enough:
    """Find the smallest k whose loss is within two errors, or a tolerance, of the smallest of all.

    The difference to the best k is taken block by block, so that a block which is hard for both
    does not matter.

    Args:
        losses: Summed losses in nats of predictions from 0, 1, … steps, shape (K + 1, blocks).
        n_scored: Places scored in each block, shape (blocks,).
        tolerance: Share of the best information below which a gain counts for nothing.
    """
    used = n_scored > 0
    losses, n = losses[:, used], n_scored[used].astype(np.float64)
    rng = np.random.default_rng(_SEED)
    drawn = rng.multinomial(n.size, np.full(n.size, 1 / n.size), size=_RESAMPLED)
    found = [_smallest(losses, n, w, tolerance) for w in drawn]
    length = _smallest(losses, n, np.ones(n.size), tolerance)
    low, high = np.quantile(found, [0.05, 0.95], method="nearest")
    return Enough(length, (min(int(low), length), max(int(high), length)))


def _smallest(losses: Floats, n: Floats, weight: Floats, tolerance: float) -> int:
    total = float(weight @ n)
    best = int((losses @ weight).argmin())
    rest = losses - losses[best]
    mean = rest @ weight / total
    spread = (rest - mean[:, None] * n) ** 2 @ weight
    error = np.sqrt(spread * n.size / max(1, n.size - 1)) / total
    return int(np.flatnonzero(mean <= np.maximum(BEYOND * error, tolerance * mean[0]))[0])
