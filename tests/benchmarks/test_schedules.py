import math

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from benchmarks._experiment import Request, as_frame
from benchmarks.schedules import compare, schedules, table, tasks, text


@pytest.fixture
def blobs(monkeypatch):
    """Ten images, each with a little noise, in place of the four tasks."""
    rng = np.random.default_rng(0)
    y = torch.from_numpy(rng.integers(0, 10, 300))
    images = rng.random((10, 1, 14, 14))[y] + 0.2 * rng.standard_normal((300, 1, 14, 14))
    x = torch.from_numpy(images.astype(np.float32))
    data = (x, y, x[:60], y[:60])
    task = tasks.Images(data, tasks.mnist_cnn, n_train=200, batch=50, level=20)
    monkeypatch.setattr(compare, "task_of", lambda name: task)


@pytest.mark.slow
def test_every_schedule_trains_and_is_summed_up(blobs):
    study = optuna.create_study(direction="maximize")
    for cell in compare.cells(Request(seeds=1)):
        if cell["task"] != "mnist":
            continue
        if cell["schedule"] in ("schedule-free", "Prodigy"):
            library = {"Prodigy": "prodigyopt"}.get(str(cell["schedule"]), "schedulefree")
            if not _has(library):
                continue
        trial = study.ask()
        cell = dict(cell) | {"epochs": 2}
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", str(cell))
        trial.set_user_attr("cpu_s", 1.0)
        study.tell(trial, compare.run(trial, cell, Request()))
    frame = as_frame(study.get_trials())
    assert all(len(valid) == 2 for valid in frame["valid"])
    rates = frame[frame["rate"] == 3e-3].groupby(["schedule"])["lr"].first()
    assert rates["constant"] == [3e-3, 3e-3]
    assert rates["policy 1"] == pytest.approx([3e-5, 3e-5])
    assert rates["objective's"][0] == pytest.approx(3e-4)
    assert rates["OneCycle"][0] < 3e-3
    assert frame[frame["schedule"] == "range test"]["lr"].iloc[0][0] == 1e-3
    summary = text.page(frame)
    assert "1 whole seeds, 2 epochs" in summary.text
    assert "whatever the rate" in summary.text
    assert len(summary.figures) == 1


def _has(library: str) -> bool:
    try:
        __import__(library)
    except ImportError:
        return False
    return True


def test_a_missing_optimizer_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "schedulefree", None)
    with pytest.raises(ImportError, match=r"schedulefree is not.*optuna-mi\[benchmarks\]"):
        schedules.schedule_of("schedule-free", [torch.nn.Parameter(torch.zeros(1))], 1.0, 1.0, 2, 2)


def rows(name, feed, rate, values, metric="accuracy"):
    common = {"task": "t", "schedule": name, "feed": feed, "rate": rate, "metric": metric}
    common |= {"steps": 10, "level": 2.5, "epochs": 3, "probe_s": 0.1, "cpu_s": 1.0}
    common |= {"IHYLL": [0.1, 0.5, 1.0], "loss": [-0.1, 0.4, 1.1]}
    return [
        {**common, "seed": seed, "value": value, "valid": [4.0, 3.0, value]}
        for seed, value in enumerate(values)
    ]


def test_bits_are_gained_where_they_are_saved():
    frame = table.prepared(
        pd.DataFrame(
            rows("constant", "", 3e-4, [2.0, 2.1, 2.2], "bits")
            + rows("constant", "", 3e-3, [3.0, 3.1, 3.2], "bits")
            + rows("policy 1", "IHYLL", 3e-3, [1.9, 2.0, 2.1], "bits")
            + rows("policy 1", "loss", 3e-3, [2.0, 2.1, 2.2], "bits")
        )
    )
    constant, fed = table.schedules_table(frame)[:2]
    assert constant["worst - best"] == "-1.000 ± 0.000"
    assert constant["steps to the level"] == "30"
    assert fed["its best - best fixed"] == "0.100 ± 0.000"
    feeds, counts = table.feeds_table(frame)
    assert feeds[0]["t"] == "0.100 ± 0.000"
    assert counts == {"policy 1": [1, 0, 0]}


def test_what_is_within_noise_of_the_best_fixed_rate():
    frame = table.prepared(
        pd.DataFrame(
            rows("constant", "", 3e-4, [50.0, 51.0, 49.0])
            + rows("constant", "", 3e-3, [90.0, 91.0, 89.0])
            + rows("good", "", 3e-4, [90.0, 90.0, 89.5])
            + rows("good", "", 3e-3, [91.0, 92.0, 90.0])
            + rows("free", "", 1.0, [80.0, 80.0, 80.0])
        )
    )
    found = {row["schedule"]: row for row in table.choices_table(frame)}
    assert found["constant"]["whatever the rate"] == "none"
    assert found["constant"]["0.003"] == "all"
    assert found["good"]["whatever the rate"] == "all"
    assert found["free"]["whatever the rate"] == "none"


def test_correlation_of_feeds():
    frame = table.prepared(pd.DataFrame(rows("constant", "", 3e-3, [1.0])))
    rank, above, below = table.correlation(frame)
    assert rank == 1
    assert above == below == pytest.approx(1 / 3)


def test_text_that_diverged_counts_as_a_guess(monkeypatch):
    task = object.__new__(tasks.Text)
    task._n_symbols = 8
    task._splits = {"valid": torch.zeros(5, 2, dtype=torch.int64)}
    bits, nats = task.score(lambda x: (torch.full((4, 2, 8), math.nan), None), "valid")
    assert bits == pytest.approx(3)
    assert nats == pytest.approx(math.log(8))
