"""Layers on a decay curve: one horizontal line per layer, and its crossing with the fit."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from optuna_mi._checks import wholes
from optuna_mi.visualization import _style

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis

Floats = NDArray[np.float64]
Dilations = Sequence[int] | Mapping[str, Sequence[int]]


def named_dilations(dilations: Dilations | None) -> dict[str, list[int]]:
    """Give one list a name, and check every list."""
    if dilations is None:
        return {}
    if isinstance(dilations, Mapping):
        return {
            html.escape(str(name)): list(wholes(f"dilations[{name!r}]", ds, 1))
            for name, ds in dilations.items()
        }
    return {"layers": list(wholes("dilations", dilations, 1))}


def crossing_heights(
    dilations: Floats, lags: Floats, corrected: Floats, analysis: DecayAnalysis | None
) -> Floats:
    """Return the MI at which each layer's line meets the fit, or the curve without one."""
    if analysis is not None and analysis.law != "none":
        return np.asarray(analysis.predict(dilations), dtype=np.float64)
    shown = corrected > 0
    if not shown.any():
        return np.full(len(dilations), np.nan)
    logs = np.interp(np.log(dilations), np.log(lags[shown]), np.log(corrected[shown]))
    return np.asarray(np.exp(logs), dtype=np.float64)


def add_layers(
    figure: go.Figure, name: str, dilations: list[int], heights: Floats, i: int, left: float
) -> None:
    """Draw one network's crossings, and its lines if it is the first."""
    if i == 0:
        lines = [((left, h), (float(d), h)) for d, h in zip(dilations, heights, strict=True)]
        x, y = _style.segments(lines)
        figure.add_trace(
            _style.line_trace(
                x, y, "layers' lines", _style.GREEN, width=0.8, legendgroup="layers0",
                showlegend=False,
            )
        )  # fmt: skip
    figure.add_scatter(
        x=dilations,
        y=heights,
        name=f"{name}: {','.join(map(str, dilations))}",
        mode="markers" if i else "markers+text",
        text=None if i else _spaced_labels(dilations),
        textposition="top right",
        legendgroup=f"layers{i}",
        marker={
            "symbol": f"{_style.SYMBOLS[i % len(_style.SYMBOLS)]}-open",
            "size": 9 + 3 * i,
            "line": {"width": 2},
            "color": _style.GREEN if i == 0 else _style.SERIES[(i + 3) % len(_style.SERIES)],
        },
        hovertemplate="dilation %{x}: %{y:.3g} nats",
    )


def _spaced_labels(dilations: list[int], gap: float = 0.09) -> list[str]:
    """Label dilations, leaving out those whose label would touch the one before."""
    labels: list[str] = []
    last = -np.inf
    for d in dilations:
        place = np.log10(d)
        labels.append(str(d) if place - last >= gap else "")
        last = place if labels[-1] else last
    return labels
