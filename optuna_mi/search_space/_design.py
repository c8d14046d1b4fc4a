"""One list of dilations, from an analysis and a number of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optuna_mi._checks import whole, wholes
from optuna_mi._logging import get_logger
from optuna_mi.search_space._geometry import LINE_EXPONENT, MAX_RATIO, DecayGeometry

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

_logger = get_logger(__name__)


def largest_dilation(analysis: DecayAnalysis, window: int | None) -> tuple[int | None, str]:
    """Return the largest dilation that the training data can use, and why, or ``None``."""
    if window is not None:
        window = whole("window", window, 2)
    length = analysis.sequence_length
    if window is not None and (length is None or window <= length):
        return window - 1, f"the training window of {window} steps"
    if length is not None and length >= 2:
        return int(length) - 1, f"the longest sequence of {length} steps"
    return None, ""


def design_dilations(
    analysis: DecayAnalysis,
    *,
    n_layers: int | None = None,
    max_dilation: int | None = None,
    window: int | None = None,
    layers: Sequence[int] | None = None,
    snap: bool = True,
    line_exponent: float = LINE_EXPONENT,
    max_ratio: float | None = MAX_RATIO,
) -> tuple[int, ...]:
    """Design the dilations of a network from a decay analysis.

    Power and broken power laws: ``n_layers`` equidistant horizontal lines between distance 1 and
    the maximum; each line's crossing with the fitted curve is a dilation, so steep stretches get
    dense dilations ([MK20], §3, Fig. 2). The paper's lines are equidistant in log MI
    (``line_exponent=0``); ours are equidistant in a root of MI, which gives short distances, where
    there is more to learn, more of the layers. All other laws keep the standard progression
    1, 2, 4, ….

    Args:
        analysis: The decay analysis.
        n_layers: Number of dilations. Needed unless ``layers`` is given.
        max_dilation: The largest dilation; ``None`` takes the analysis' own.
        window: Length in steps of the sequences that the network will be trained on. A dilation
            must be shorter; a clipped maximum is logged.
        layers: Number of dilations in each segment of a broken law, instead of ``n_layers``.
        snap: Move dilations onto the multiples of a modulating period, where MI peaks, and onto
            single distances that stand out (``analysis.delays``) and other periods.
        line_exponent: The lines are equidistant in MI to this power, from 0, which stands for
            log MI as in [MK20], to 1. Larger ones crowd the dilations at short distances.
        max_ratio: Largest ratio of neighbouring dilations; lines are moved up for it. Layers that
            are too few for it get the smallest ratio that reaches the maximum; ``None``: no limit.

    Returns:
        Strictly increasing positive integers starting at 1.

    Raises:
        ValueError: If the numbers of layers contradict each other or the law's segments, or do not
            fit between 1 and the maximum dilation.

    Example:
        >>> import numpy as np
        >>> from optuna_mi.decay import DecayCurve, analyze_decay
        >>> lags = np.arange(1, 1001)
        >>> curve = DecayCurve(lags=lags, mi=0.5 * lags**-1.5)
        >>> analysis = analyze_decay(curve, law="power")
        >>> design_dilations(analysis, n_layers=7, max_dilation=256)
        (1, 2, 3, 5, 10, 33, 256)
        >>> design_dilations(analysis, n_layers=5, max_dilation=256, max_ratio=None)
        (1, 2, 5, 17, 256)
        >>> design_dilations(analysis, n_layers=5, max_dilation=256, line_exponent=0)
        (1, 4, 16, 64, 256)
    """
    geometry = DecayGeometry.from_analysis(
        analysis, snap=snap, line_exponent=line_exponent, max_ratio=max_ratio
    )
    if layers is not None:
        counts = wholes("layers", layers)
        if len(counts) != geometry.n_segments or sum(counts) < 1:
            raise ValueError(
                f"layers must hold one count for each of the {geometry.n_segments} segments of "
                f"the {geometry.law} law, not all zero, got {counts}."
            )
        if n_layers is not None and whole("n_layers", n_layers, 1) != sum(counts):
            raise ValueError(
                f"n_layers={n_layers} contradicts layers={counts}, which sum to {sum(counts)}: "
                "give one of them."
            )
    elif n_layers is None:
        raise ValueError("give n_layers, or layers with one count for each segment.")
    else:
        n_layers = whole("n_layers", n_layers, 1)
    wanted = analysis.max_dilation if max_dilation is None else max_dilation
    wanted = whole("max_dilation", wanted, 1)
    limit, reason = largest_dilation(analysis, window)
    if limit is not None and wanted > limit:
        _logger.warning(f"Max dilation clipped from {wanted} to {limit} by {reason}.")
        wanted = limit
    if layers is None:
        assert n_layers is not None
        counts = geometry.counts(wanted, n_layers)
    return geometry.place(wanted, counts)
