"""Figures in plotly, one function each.

Colours work on light and dark; no figure sets a template, so ``plotly.io.templates.default`` and
``figure.update_layout(template=...)`` apply. For a study's history, importances, slices and
contours use ``optuna.visualization``: every parameter of a dilation space is an integer there.
"""

from __future__ import annotations

from optuna_mi.visualization._context import plot_context_curve, plot_selected_lags
from optuna_mi.visualization._decay import plot_decay_curve
from optuna_mi.visualization._sample_size import plot_mi_sample_size
from optuna_mi.visualization._study import plot_dilations, plot_ihyll
from optuna_mi.visualization._training import plot_training

__all__ = [
    "plot_context_curve",
    "plot_decay_curve",
    "plot_dilations",
    "plot_ihyll",
    "plot_mi_sample_size",
    "plot_selected_lags",
    "plot_training",
]
