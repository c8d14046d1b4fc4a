import dataclasses

import optuna
import pytest

from benchmarks._experiment import Request, as_frame
from benchmarks.worth import _ablation_text, ablation
from benchmarks.worth._data import TRAININGS
from benchmarks.worth._variants import VARIANTS, recommended_list, variant_analysis


@pytest.fixture
def tiny(monkeypatch):
    """Make a training of digits next to nothing."""
    training = dataclasses.replace(
        TRAININGS["small"]["pdigits"], hidden_size=4, epochs=1, steps=1, batch_size=16
    )
    monkeypatch.setattr(ablation, "TRAININGS", {"small": {"pdigits": training}})
    sizes = {
        "control": {"small": (("digits", 2, 1), ("digits", 1, 2))},
        "longer": {"small": (("digits", 1, 2),)},
    }
    monkeypatch.setattr(ablation, "SIZES", sizes)


def test_both_parts_and_their_summary(tiny):
    cells = [
        c for c in ablation.cells(Request(seeds=3)) if c["dataset"] == "digits" and c["lr"] == 0.01
    ]
    assert len(cells) == 3 * (len(VARIANTS) + 2 + 5 + 2 * 3)
    study = optuna.create_study(direction="maximize")
    for cell in cells:
        study.enqueue_trial({}, user_attrs={"key": str(cell), "cell": cell})
    study.optimize(lambda t: ablation.run(t, t.user_attrs["cell"], Request()), n_trials=len(cells))
    frame = as_frame(study.trials)
    same = frame[(frame["part"] == "lists") & frame["variant"].isin(["as it is", "floor only"])]
    same = same.groupby("seed")["value"]
    assert (same.nunique() == 1).all()  # the same list, the same training
    text = ablation.summarize(frame, Request(seeds=3)).text
    assert "| digits | single power law | power |" in text
    assert "floor only: 1 same." in text
    assert "| digits | 2x1 | 0.01 |" in text
    assert "| digits | 1x2 | 0.01 |" in text
    assert "### Trained for longer: gru-4/1x2/" in text
    assert "| IHYLL alone |" in text


def test_digits_have_a_period_unless_a_law_is_forced():
    assert variant_analysis("digits", "as it is").period == 8
    assert variant_analysis("digits", "single power law").law == "power"
    assert recommended_list("digits", "as it is", 64, 6) == (1, 2, 4, 8)


def test_a_difference_counts_beyond_its_interval_only():
    assert _ablation_text._judge((0.2, 0.1)) == "better"
    assert _ablation_text._judge((-0.2, 0.1)) == "worse"
    assert _ablation_text._judge((0.05, 0.1)) == "undecided"
    assert _ablation_text._judge((0.05, float("nan"))) == "undecided"


def test_every_budget_has_cells_and_an_estimate():
    for budget in TRAININGS:
        assert sum(map(ablation.seconds, ablation.cells(Request(budget, seeds=5)))) > 60
