import numpy as np
import optuna
import pytest
import torch

from benchmarks._experiment import Request, as_frame
from benchmarks.papers import sample_size
from tests.benchmarks.test_all_cnn import write_batches


def frame_of(cells):
    study = optuna.create_study()
    for cell in cells:
        trial = study.ask()
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", "")
        study.tell(trial, sample_size.run(trial, cell, Request()))
    return as_frame(study.get_trials())


@pytest.fixture
def pixels(monkeypatch):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 1200)
    x = rng.random((10, 1, 28, 28))[y] + 0.05 * rng.random((1200, 1, 28, 28))
    data = (torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y))
    monkeypatch.setattr(sample_size, "mnist", lambda: (*data, *data))
    sample_size.outputs.cache_clear()
    yield
    sample_size.outputs.cache_clear()


def test_repeats_of_all_seeds_are_one_spread(pixels, monkeypatch, tmp_path):
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    cells = [{**cell, "repeats": 2, "largest": 250} for cell in sample_size.cells(Request(seeds=2))]
    assert len(cells) == 8
    frame = frame_of(cells)
    assert {np.shape(values) for values in frame["values"]} == {(2, 2)}
    ours = frame[frame["estimator"] == sample_size.OURS]
    assert sample_size.pooled(ours).values.shape == (4, 2)
    text = sample_size.summarize(frame, Request()).text
    assert "over 4 random subsets" in text
    assert "CIFAR-10 is absent and was not measured" in text
    # ten images that hardly differ within a class: all of H(class) is there
    assert sample_size.pooled(ours).mean[-1] == pytest.approx(np.log(10), abs=0.15)


def test_cifar_is_measured_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    write_batches(tmp_path)
    cells = [c for c in sample_size.cells(Request(seeds=1)) if c["data"] == "cifar-10"]
    assert len(cells) == 3
    frame = frame_of([{**cell, "repeats": 2, "largest": 250} for cell in cells])
    assert "absent" not in sample_size.summarize(frame, Request()).text
