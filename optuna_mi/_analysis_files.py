"""The files of an analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna_mi.decay import DecayAnalysis, DecayCurve


def write_analysis(analysis: DecayAnalysis, folder: Path) -> list[Path]:
    """Write ``curve.csv`` and ``analysis.json``; return their paths."""
    from optuna_mi.decay._record import write_text

    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_text(folder / "curve.csv", _csv(analysis.curve)),
        write_text(folder / "analysis.json", analysis.to_json()),
    ]


def _csv(curve: DecayCurve) -> str:
    """Return what pandas would write, which takes a quarter of a second to load."""
    columns = curve.to_columns()
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = (",".join("" if v != v else str(v) for v in row) for row in rows)
    return "\n".join((",".join(columns), *lines, ""))


def write_figure(analysis: DecayAnalysis, folder: Path) -> Path:
    """Write ``decay.html``, the curve to look at; a search's report holds it too."""
    from optuna_mi._report_page import CONFIG
    from optuna_mi.decay._record import write_text
    from optuna_mi.visualization import plot_decay_curve

    figure = plot_decay_curve(analysis.curve, analysis)
    return write_text(folder / "decay.html", figure.to_html(config=CONFIG))
