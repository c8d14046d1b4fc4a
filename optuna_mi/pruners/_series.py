from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, SupportsFloat

from optuna.trial import BaseTrial, FrozenTrial, Trial

from optuna_mi._attributes import IHYLL_ATTR
from optuna_mi._checks import flag, instance, real, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

# One attribute per epoch would double load times; one write per epoch would bloat the journal
# of a long trial.
_WRITE_EVERY = 10


def report_ihyll(trial: BaseTrial, step: int, value: float, *, flush: bool = False) -> None:
    """Report the IHYLL that a trial's network has reached.

    IHYLL is I(last layer's activations; true outcome), in nats ([V], §3). The whole series is one
    user attribute, ``mi:ihyll``, written with each of the first ten reports and every tenth from
    there on; end a longer objective with `flush_ihyll`. ``IHYLLPruner`` sees every report of the
    running trial at once. Values are kept to six significant digits.

    Args:
        trial: The running trial.
        step: The step (epoch) as given to ``trial.report``, not negative.
        value: IHYLL in nats; NaN where it could not be measured.
        flush: Write to the storage now, as with the last report of a trial.

    Raises:
        ValueError: If the step is negative or the value infinite.
        TypeError: If the step is no integer.
    """
    _check_trial(trial)
    step = whole("step", step)
    flag("flush", flush)
    # NaN where it could not be measured
    is_nan = isinstance(value, SupportsFloat) and value != value
    number = math.nan if is_nan else real("value", value)
    stored = dict(trial.user_attrs.get(IHYLL_ATTR, {}))
    # Text keys and None for NaN: what JSON gives back, so that all storages agree.
    stored[str(step)] = None if math.isnan(number) else float(f"{number:.6g}")
    due = len(stored) <= _WRITE_EVERY or len(stored) % _WRITE_EVERY == 0
    if flush or due or not isinstance(trial, Trial):
        trial.set_user_attr(IHYLL_ATTR, stored)
    else:
        # The trial's own copy, which it shows to the pruner; the storage learns of it later.
        frozen = trial._cached_frozen_trial
        frozen.user_attrs = {**frozen.user_attrs, IHYLL_ATTR: stored}


def flush_ihyll(trial: BaseTrial) -> None:
    """Write the reported series to the storage; call it at the end of the objective.

    Args:
        trial: The running trial. Nothing is written if it reported nothing.
    """
    _check_trial(trial)
    series = trial.user_attrs.get(IHYLL_ATTR)
    if series:
        trial.set_user_attr(IHYLL_ATTR, dict(series))


def ihyll_series(trial: BaseTrial | FrozenTrial) -> dict[int, float]:
    """Return what a trial reported.

    Args:
        trial: Any trial, running or finished.

    Returns:
        IHYLL in nats by step, steps increasing, NaN where it could not be measured; empty if the
        trial reported none.
    """
    _check_trial(trial)
    return read_series(trial.user_attrs)


def _check_trial(trial: Any) -> None:
    instance("trial", trial, BaseTrial, "a trial of Optuna")


def read_series(user_attrs: Mapping[str, Any]) -> dict[int, float]:
    """Return the series held by a trial's attributes; what is no series there counts as none."""
    stored = user_attrs.get(IHYLL_ATTR)
    if not isinstance(stored, dict):
        return {}
    try:
        series = {int(k): math.nan if v is None else float(v) for k, v in stored.items()}
    except (TypeError, ValueError):
        return {}
    return dict(sorted(series.items()))
