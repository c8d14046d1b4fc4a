import pickle
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks._experiment import Request, as_frame
from benchmarks.papers import _cifar10, all_cnn


def write_batches(root, n=60):
    """Generated images of ten brightnesses in CIFAR-10's format."""
    rng = np.random.default_rng(0)
    folder = root / _cifar10.FOLDER
    folder.mkdir()
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        labels = rng.integers(0, 10, n)
        data = (labels[:, None] * 20 + rng.integers(0, 40, (n, 3072))).astype(np.uint8)
        batch = {b"data": data, b"labels": labels.tolist(), b"batch_label": b"generated"}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return folder


@pytest.fixture
def batches(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    return write_batches(tmp_path)


@pytest.mark.slow
def test_every_run_trains_and_is_summed_up(batches):
    study = optuna.create_study(direction="maximize")
    for name in all_cnn.RUNS:
        trial = study.ask()
        cell = {"run": name, "images": 300, "test_images": 50, "width": 4, "batch": 100}
        cell |= {"epochs": 3, "pace": 1, "seed": 0}
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", name)
        study.tell(trial, all_cnn.run(trial, cell, Request()))
    frame = as_frame(study.get_trials())
    rates = frame.set_index("run")["lr"]
    assert rates["fixed"] == [0.01] * 3
    assert rates["decay"] == pytest.approx([0.01, 0.0099, 0.009801])
    assert rates["warm-up"][0] == pytest.approx(0.001)
    assert rates["policy 1"][0] == rates["policy 2"][0] == all_cnn.LR_MIN
    summary = all_cnn.summarize(frame, Request())
    assert "300 training images (the paper: 50,000), the first 50 test images" in summary.text
    assert "width 4 (96), batches of 100, 3 epochs (350), no augmentation. Ratio" in summary.text
    assert summary.text.count("- policy") == 2
    # what is drawn lies within what is shown: the ranges are not MNIST's
    for figure in summary.figures.values():
        axes = [a for a in figure.layout if a.startswith(("xaxis", "yaxis"))]
        shown = [figure.layout[a].range for a in axes]
        assert all(limits is None or limits[0] == 0 for limits in shown)


def test_a_tenth_of_the_epochs_moves_the_rate_ten_times_as_fast():
    rates = {}
    for pace in (1, 10):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=all_cnn.RATE)
        step = all_cnn.schedule("policy 2", optimizer, np.log(10), pace)
        for epoch, ihyll in enumerate((0.2, 0.4)):
            step(SimpleNamespace(ihyll=ihyll), epoch)
        rates[pace] = optimizer.param_groups[0]["lr"] - all_cnn.LR_MIN
    assert rates[1] == pytest.approx(0.001 * (1 - 0.4 / np.log(10)))
    assert rates[10] == pytest.approx(10 * rates[1])


def test_the_network_has_the_weights_of_model_c():
    sizes = [(3, 96, 9), (96, 96, 9), (96, 192, 9), (192, 192, 9), (192, 192, 9), (192, 192, 1)]
    weights = sum(i * o * k + o for i, o, k in [*sizes, (192, 10, 1)])
    assert sum(p.numel() for p in all_cnn.network(96).parameters()) == weights


def test_images_keep_channels_and_labels(batches):
    x, y, x_test, y_test = _cifar10.cifar10()
    assert x.shape == (300, 3, 32, 32)
    assert x_test.shape == (60, 3, 32, 32)
    assert len(y) == 300
    assert len(y_test) == 60
    with (batches / "data_batch_1").open("rb") as file:
        raw = pickle.load(file, encoding="bytes")
    np.testing.assert_array_equal(x[3, 1], raw[b"data"][3, 1024:2048].reshape(32, 32))


def test_a_batch_may_hold_arrays_only(batches):
    (batches / "test_batch").write_bytes(pickle.dumps({b"data": print, b"labels": []}))
    with pytest.raises(ValueError, match=r"arrays only, not builtins\.print"):
        _cifar10.cifar10()


def test_a_batch_of_another_shape_is_refused(batches):
    wrong = {b"data": np.zeros((3, 10), np.uint8), b"labels": [0, 1, 2]}
    (batches / "test_batch").write_bytes(pickle.dumps(wrong))
    with pytest.raises(ValueError, match="expected uint8 of 3072 a label"):
        _cifar10.cifar10()


def test_without_the_data_the_command_says_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    storage = f"sqlite:///{tmp_path}/bench.db"
    monkeypatch.setattr("sys.argv", ["benchmarks", "all-cnn", "--storage", storage])
    with pytest.raises(FileNotFoundError, match=r"unpack https://www\.cs\.toronto\.edu"):
        command.main()
