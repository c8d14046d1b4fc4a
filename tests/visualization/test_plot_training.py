from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import plotly.graph_objects as go
import pytest

from optuna_mi.visualization import plot_training

MakeStudy = Callable[..., optuna.Study]


def panel(figure: go.Figure, row: int, col: int) -> list[Any]:
    x = figure.get_subplot(row, col).xaxis.plotly_name.replace("axis", "")
    return [t for t in figure.data if (t.xaxis or "x") == x]


def test_four_panels(make_study: MakeStudy) -> None:
    study = make_study(epochs=4)
    figure = plot_training(study.trials[2], target_name="validation accuracy")
    (rate,) = panel(figure, 1, 1)
    assert list(rate.x) == [0, 1, 2, 3]
    assert list(rate.y) == pytest.approx([0.001, 0.002, 0.003, 0.004])
    (value,) = panel(figure, 1, 2)
    assert list(value.y) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    ihyll, reference = panel(figure, 2, 1)
    assert list(ihyll.y) == pytest.approx([0.22, 0.42, 0.62, 0.82])
    assert list(reference.y) == [2.0, 2.0]
    assert reference.name == "reference 2 nats"
    (against,) = panel(figure, 2, 2)
    assert list(against.x) == pytest.approx([0.22, 0.42, 0.62, 0.82])
    assert list(against.y) == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert list(against.customdata) == [0, 1, 2, 3]
    assert against.marker.symbol[-1] == "star"
    assert "dilations 1,2,4,8" in figure.layout.title.text
    titles = [a.text for a in figure.layout.annotations]
    assert titles == [
        "learning rate",
        "validation accuracy",
        "IHYLL",
        "validation accuracy against IHYLL",
    ]


def test_a_trial_without_series_says_so() -> None:
    trial = optuna.trial.create_trial(value=1.0)
    figure = plot_training(trial)
    texts = {a.text for a in figure.layout.annotations}
    assert {
        "no learning rates recorded",
        "no intermediate values reported",
        "no IHYLL recorded",
        "needs both series",
    } <= texts
    assert len(figure.data) == 0


def test_steps_that_do_not_start_at_zero_carry_the_rates_along() -> None:
    trial = optuna.trial.create_trial(
        value=1.0, intermediate_values={5: 0.1, 6: float("nan")}, user_attrs={"mi:lr": [0.1, 0.2]}
    )
    figure = plot_training(trial)
    assert list(panel(figure, 1, 1)[0].x) == [5, 6]
    assert list(panel(figure, 1, 2)[0].x) == [5]  # NaN has no place


def test_several_trials(make_study: MakeStudy) -> None:
    study = make_study()
    figure = plot_training({"<i>best": study.trials[4], "median": study.trials[2]})
    first, second = panel(figure, 1, 2)
    assert (first.name, second.name) == ("&lt;i&gt;best", "median")
    assert first.line.color != second.line.color
    legend = [t.name for t in figure.data if t.showlegend]
    assert legend == ["&lt;i&gt;best", "median"]


def test_wide_rates_get_a_log_axis() -> None:
    trial = optuna.trial.create_trial(value=1.0, user_attrs={"mi:lr": [1e-4, 1e-1]})
    assert plot_training(trial).layout.yaxis.type == "log"


def test_long_runs_are_thinned() -> None:
    trial = optuna.trial.create_trial(
        value=1.0, intermediate_values={e: e / 1000 for e in range(1000)}
    )
    (value,) = panel(plot_training(trial, max_points=50), 1, 2)
    assert len(value.x) <= 50
    assert value.x[-1] == 999


def test_bad_input(make_study: MakeStudy) -> None:
    with pytest.raises(ValueError, match="empty mapping"):
        plot_training({})
    with pytest.raises(ValueError, match="max_points must be an integer of at least 10, got 2"):
        plot_training(make_study().trials[0], max_points=2)
