"""Recommend a window to a user's data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from optuna_mi._checks import flag, real, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.context._candidates import symbol_candidates
from optuna_mi.context._context_curve import ContextCurve, _steps
from optuna_mi.context._data import Data, Values, read
from optuna_mi.context._enough import TOLERANCE
from optuna_mi.context._measure import Question, answer
from optuna_mi.context._select_lags import choose_from
from optuna_mi.context._window import Window

# Six steps ahead, spread evenly, stand for all up to the horizon: each costs as much as a curve of
# its own. A choice.
_HORIZONS = 6
# Up to six single lags are looked for behind the curve's end, on so many places. Choices of time.
_FAR, _FAR_PLACES = 6, 200_000
# A far lag lengthens the window only if it adds more than a tenth of all that is known. A choice.
_NOTABLE = 0.1


def recommend_window(
    x: Any,
    *,
    horizon: int = 1,
    max_context: int | None = None,
    values: Values = "auto",
    per_series: bool = False,
    tolerance: float = TOLERANCE,
    n_threads: int | None = None,
) -> Window:
    """Recommend how many past steps a model should see to predict the next ones.

    The window is the smallest one beyond which a predictor of held-out blocks gains nothing, as
    `context_curve` measures it. For real values all steps up to the horizon count, and the window
    reaches what products of two values need. If symbols depend on single far ones (an echo), the
    window reaches them.

    Args:
        x: As for `context_curve`.
        horizon: How many steps ahead are predicted.
        max_context: The longest window to consider, as for `context_curve`.
        values: As for `context_curve`.
        per_series: Whether to recommend a window for each series of a panel too, from its own
            values alone: a second for some ten series of 800 steps.
        tolerance: Gains that together are below this share of all that can be learnt count for
            nothing.
        n_threads: Threads; by default one for each processor.

    Returns:
        The window, with its reason and the parameters of libraries that take one.

    Raises:
        TypeError: If x is nothing that can be read.
        ValueError: If x is constant, holds NaN, or is too short for the context and the horizon.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = np.zeros(3000)
        >>> for t in range(12, 3000):
        ...     x[t] = 0.8 * x[t - 12] + rng.normal()
        >>> window = recommend_window(x, horizon=6)
        >>> window.length, window.parameters("neuralforecast")
        (12, {'input_size': 12})
    """
    horizon = whole("horizon", horizon, 1)
    tolerance = real("tolerance", tolerance, least=0, below=1)
    flag("per_series", per_series)
    threads = resolve_threads(n_threads)
    data = read(x, values)
    if per_series and not data.is_panel:
        raise ValueError(
            "per_series=True needs a panel: a DataFrame with the columns unique_id, ds and y"
        )
    curve = _curve(data, horizon, max_context, tolerance, threads)
    far = () if data.is_real else _far_lags(data, curve, horizon, threads)
    length = max(1, curve.context_length, curve.nonlinear_length, *(d - horizon + 1 for d in far))
    low, high = (max(1, k, curve.nonlinear_length) for k in curve.context_interval)
    if far:
        low, high = length, length
    windows = {}
    if per_series:
        for i, name in enumerate(data.names or ()):
            series = _series(data, i)
            if series is not None:
                own = _curve(series, horizon, max_context, tolerance, threads)
                windows[str(name)] = max(1, own.context_length, own.nonlinear_length)
    return Window(
        length=length,
        interval=(low, high),
        reason=_reason(curve, far, length),
        horizon=horizon,
        curve=curve,
        far_lags=far,
        per_series=windows,
    )


def _curve(
    data: Data, horizon: int, max_context: int | None, tolerance: float, threads: int
) -> ContextCurve:
    ahead = np.array([horizon])
    if data.is_real:
        ahead = np.unique(np.linspace(1, horizon, min(horizon, _HORIZONS)).round().astype(np.int64))
    question = Question.of(data, ahead, max_context, threads)
    return answer(question, n_train=None, budgets=False, tolerance=tolerance)


def _far_lags(data: Data, curve: ContextCurve, horizon: int, threads: int) -> tuple[int, ...]:
    """Return single distances behind the curve's end that add something."""
    room = int(data.lengths.max()) - 10
    end = horizon + curve.max_context - 1
    if room <= end:
        return ()
    lags, n_screened = symbol_candidates(data, room, horizon, threads)
    found = choose_from(
        data,
        lags,
        n_screened,
        horizon=horizon,
        max_lags=_FAR,
        max_places=_FAR_PLACES,
        tolerance=TOLERANCE,
        n_threads=threads,
    )
    # a few near lags leave far ones something to tell; the whole near past may not
    total = max(float(curve.information.max()), found.information)
    return tuple(
        sorted(
            d
            for d, gain in zip(found.lags, found.gain, strict=True)
            if d > end and gain > _NOTABLE * total
        )
    )


def _series(data: Data, i: int) -> Data | None:
    """Return one series of a panel, or ``None`` where it is too short or constant."""
    part = data.values[data.offsets[i] : data.offsets[i + 1]]
    if len(part) < 60 or not np.ptp(part, axis=0).any():
        return None
    there = None if data.there is None else data.there[data.offsets[i] : data.offsets[i + 1]]
    return replace(
        data,
        values=part,
        offsets=np.array([0, len(part)], dtype=np.int64),
        is_panel=False,
        names=None,
        notes=(),
        there=there,
    )


def _reason(curve: ContextCurve, far: tuple[int, ...], length: int) -> str:
    ahead = "the next value" if curve.horizon == 1 else f"the next {curve.horizon:,} values"
    if curve.predictor == "back-off" and curve.horizon > 1:
        ahead = f"the value {curve.horizon:,} steps ahead"
    if far:
        return (
            f"{ahead} depends on single symbols {', '.join(f'{d:,}' for d in far)} steps before it"
        )
    if curve.nonlinear_length > curve.context_length:
        return (
            f"a linear predictor of {ahead} needs {_steps(curve.context_length)}, but products of "
            f"two values tell more, and the farther of them lies {_steps(length)} back"
        )
    if curve.context_length == 0:
        return (
            f"nothing in the last {curve.max_context:,} steps tells about {ahead} beyond the error "
            "of the measurement"
        )
    told = float(curve.information[length])
    most = float(curve.information.max())
    last = "step tells" if length == 1 else f"{length:,} steps tell"
    return (
        f"the last {last} {told:.3g} nats ({told / math.log(2):.3g} bits) about {ahead}; all "
        f"{curve.max_context:,} looked at tell {most:.3g}: the difference is within the error or "
        "one per cent"
    )
