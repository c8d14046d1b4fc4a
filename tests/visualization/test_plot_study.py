from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi.visualization import plot_dilations, plot_ihyll

MakeStudy = Callable[..., optuna.Study]
C, P, R, F = TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL


def test_ihyll_by_state(make_study: MakeStudy) -> None:
    figure = plot_ihyll(make_study([C, P, C, F, R], epochs=4))
    data = {t.name: t for t in figure.data}
    assert list(data["complete"].x) == pytest.approx([0.82, 0.80])  # best first
    assert list(data["complete"].y) == pytest.approx([0.52, 0.50])
    assert data["complete"].customdata[0][1] == "1,2,4,8"
    assert list(data["pruned"].x) == pytest.approx([0.81])
    assert list(data["pruned"].y) == pytest.approx([0.4])  # its last report
    assert list(data["running"].x) == pytest.approx([0.84])
    assert list(data["best: trial 2"].x) == pytest.approx([0.82])
    reference = data["reference (IXY or H(Y)) 2"]
    assert list(reference.x) == [2.0, 2.0]


def test_minimised_objectives_have_the_lowest_best(make_study: MakeStudy) -> None:
    figure = plot_ihyll(make_study([C, C], direction="minimize"))
    assert "best: trial 0" in [t.name for t in figure.data]


def test_metric_name(make_study: MakeStudy) -> None:
    study = make_study([C])
    study.set_metric_names(["bits < 2"])
    figure = plot_ihyll(study)
    assert figure.layout.yaxis.title.text == "bits &lt; 2"


def test_many_trials_are_thinned_and_the_title_says_so(make_study: MakeStudy) -> None:
    figure = plot_ihyll(make_study([C] * 40, epochs=1), max_points=10)
    (complete,) = (t for t in figure.data if t.name == "complete")
    assert [c[0] for c in complete.customdata[:5]] == [39, 38, 37, 36, 35]
    assert len(complete.x) == 10
    assert complete.customdata[-1][0] == 0
    assert "(10 of 40 trials)" in figure.layout.title.text


def test_dilations_of_the_best(make_study: MakeStudy) -> None:
    figure = plot_dilations(make_study([C, C, C]), n=2)
    assert [list(t.x) for t in figure.data] == [[1, 2, 4, 8], [1, 2, 4]]
    assert [t.y[0] for t in figure.data] == ["#2  0.52", "#1  0.51"]
    assert figure.layout.xaxis.type == "log"
    assert 10 ** figure.layout.xaxis.range[1] > 8


@pytest.mark.parametrize("plot", [plot_ihyll, plot_dilations])
def test_a_study_without_trials_says_so(plot: Callable[..., object]) -> None:
    figure = plot(optuna.create_study())
    assert len(figure.data) == 0
    assert "yet" in figure.layout.annotations[0].text


@pytest.mark.parametrize("plot", [plot_ihyll, plot_dilations])
def test_several_objectives_are_refused(plot: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="has 2 objectives"):
        plot(optuna.create_study(directions=["minimize", "maximize"]))


def test_bad_n() -> None:
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got 0"):
        plot_dilations(optuna.create_study(), n=0)
