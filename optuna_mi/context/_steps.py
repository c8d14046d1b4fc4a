"""How many steps of context are looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import whole
from optuna_mi.context._data import Data
from optuna_mi.context._places import FEWEST_PLACES

# Steps of context by default. Contexts of 32 symbols hardly ever occur twice; linear predictors may
# use 512 values, but no more than 4e10 products (lags squared times places). Choices of time.
_SYMBOL_STEPS, _REAL_VALUES, _MOST_PRODUCTS = 32, 512, 4e10


def steps_of(data: Data, horizon: int, max_context: int | None) -> int:
    """Return the largest number of steps of context, given or by default.

    Raises:
        ValueError: If no sequence has as many.
    """
    room = int(data.lengths.max()) - horizon
    if max_context is not None:
        wanted = whole("max_context", max_context, 1)
        if wanted > room > 0:
            raise ValueError(
                f"max_context={wanted} with horizon {horizon} needs a sequence of "
                f"{wanted + horizon} steps, and the longest has {room + horizon}; take at most "
                f"{room}"
            )
        return wanted
    return default_steps(data, horizon)


def default_steps(data: Data, horizon: int) -> int:
    """Return the largest number of steps of context that is looked at by default."""
    room = max(1, int(data.lengths.max()) - horizon)
    if not data.is_real:
        return min(_SYMBOL_STEPS, room)
    lengths = data.lengths
    typical = _typical(lengths)
    affordable = min(int(np.sqrt(_MOST_PRODUCTS / lengths.sum())), _REAL_VALUES)
    steps: int = min((typical - horizon) // 3, max(affordable // data.values.shape[1], 16), room)
    # short data: no more than leaves enough to hold out
    while steps > 1 and np.maximum(lengths - horizon - steps + 1, 0).sum() < FEWEST_PLACES:
        steps -= 1
    return max(1, steps)


def short_sequences_note(data: Data, steps: int, horizon: int) -> tuple[str, ...]:
    """Say where short sequences keep the default from looking as far as long ones would allow."""
    longest, typical = int(data.lengths.max()), _typical(data.lengths)
    if not data.is_real or longest < 2 * typical or steps < (typical - horizon) // 3:
        return ()
    farther = min((longest - horizon) // 3, _REAL_VALUES)
    if farther < 2 * steps:
        return ()
    return (
        f"{steps:,} steps are looked at, as a quarter of the data lies in sequences of "
        f"{typical:,} steps or fewer; max_context={farther} looks farther back in the longer ones",
    )


def _typical(lengths: npt.NDArray[np.int64]) -> int:
    """Return a length that three quarters of the steps lie in sequences of, or longer ones."""
    by_length = np.sort(lengths)
    share = np.cumsum(by_length) / by_length.sum()
    return int(by_length[np.searchsorted(share, 0.25)])
