"""The unit of samples: taken away, where an estimate would depend on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._warn import warn

Floats = npt.NDArray[np.float64]

# beyond these, squares and differences of float64 overflow or vanish
_LARGE, _SMALL = 1e100, 1e-100
# axes so different that the smaller one has no say in which of two samples is nearer
_APART = 1000.0


def within_range(samples: Floats) -> Floats:
    """Return samples whose squares neither overflow nor vanish, by a power of two if need be.

    A power of two changes no digit, so that no comparison of distances changes.
    """
    largest = float(np.abs(samples).max())
    if largest == 0.0 or _SMALL < largest < _LARGE:
        return samples
    return np.ldexp(samples, -int(np.frexp(largest)[1]))


def standardized(samples: Floats, name: str) -> Floats:
    """Return samples divided by their standard deviation: one number for all axes.

    The shape of a vector's cloud stays, only its unit goes: the axes of a network's outputs are
    alike, and one that carries nothing must not be blown up to the size of the others.

    Args:
        samples: Shape (N, D).
        name: What to call it in messages.

    Warns:
        UserWarning: If the spreads of two axes differ by a factor of a thousand.
    """
    samples = within_range(samples)
    spread = samples.std(axis=0)
    scale = float(np.sqrt((spread**2).mean()))
    if scale == 0.0:
        return samples
    if samples.shape[1] > 1:
        _warn_if_apart(samples, name)
    return samples / scale


def _warn_if_apart(samples: Floats, name: str) -> None:
    # from the tenth to the ninetieth percentile: a pixel that is nearly always black is no unit
    low, high = np.quantile(samples, [0.1, 0.9], axis=0)
    spread = (high - low)[high > low]
    if spread.size > 1 and spread.max() > _APART * spread.min():
        warn(
            f"the axes of {name} spread over {spread.min():.3g} to {spread.max():.3g}: the smaller "
            f"ones hardly count for which samples are near. If their units differ, divide each "
            f"by its own: {name} / {name}.std(axis=0)"
        )
