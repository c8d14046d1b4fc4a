import math

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from benchmarks._experiment import Request, as_frame
from benchmarks.papers import _epochs_saved, _mnist_cnn, learning_rate


@pytest.fixture
def blobs(monkeypatch):
    """Ten images, each with a little noise, in place of MNIST."""
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.integers(0, 10, 600))
    images = rng.random((10, 1, 28, 28))[y] + 0.2 * rng.standard_normal((600, 1, 28, 28))
    x = torch.from_numpy(images.astype(np.float32))
    data = (x[:500], y[:500], x[500:], y[500:])
    monkeypatch.setattr(_mnist_cnn, "mnist", lambda: data)


@pytest.mark.slow
def test_every_run_trains_and_is_summed_up(blobs):
    study = optuna.create_study(direction="maximize")
    for name in learning_rate.RUNS:
        trial = study.ask()
        cell = {"run": name, "epochs": 4, "seed": 0}
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", name)
        study.tell(trial, learning_rate.run(trial, cell, Request()))
    frame = as_frame(study.get_trials())
    assert study.trials[0].intermediate_values.keys() == {0, 1, 2, 3}
    rates = frame.set_index("run")["lr"]
    assert rates["fixed"] == [0.01] * 4
    assert rates["warm-up"][0] == pytest.approx(0.001)
    assert rates["policy 1"][0] == rates["policy 2"][0] == learning_rate.LR_MIN
    assert len(frame.set_index("run")["lr_conv1"]["layer-wise"]) == 4
    summary = learning_rate.summarize(frame, Request())
    assert summary.text.count("| policy 2") == 3
    assert len(summary.figures) == 2


def test_every_run_has_every_seed():
    for budget in ("small", "paper"):
        cells = learning_rate.cells(Request(budget, seeds=5))
        counts = pd.Series([c["run"] for c in cells]).value_counts()
        assert counts.to_dict() == dict.fromkeys(learning_rate.RUNS, 5)


def test_ratio_is_of_epochs_to_the_same_seeds_best():
    frame = pd.DataFrame(
        {
            "run": ["fixed", "fixed", "policy 1", "policy 1", "policy 1"],
            "seed": [0, 1, 0, 1, 2],
            "accuracy": [[1.0, 2, 3, 4], [1.0, 5, 4, 4], [4.0, 1, 1, 1], [1.0] * 4, [9.0] * 4],
        }
    )
    found = _epochs_saved.ratios(frame, "policy 1", "fixed")
    assert found[0] == 0.25
    assert math.isnan(found[1])
    assert len(found) == 2
    assert _epochs_saved.verdict(found) == "not reached in 1 of 2 seeds"
    assert _epochs_saved.verdict([0.4, 0.5, 0.6]).startswith("fewer epochs, about half")
    assert _epochs_saved.verdict([0.3, 0.31, 0.3]).startswith("fewer than half the epochs")
    assert _epochs_saved.verdict([0.8, 0.81, 0.8]).startswith("fewer epochs, more than half")
    assert _epochs_saved.verdict([0.9, 1.2, 1.0]).startswith("no saving")
