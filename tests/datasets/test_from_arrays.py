"""Data sets of a user's own arrays: what is taken for what, and what is refused."""

from __future__ import annotations

import logging
import math

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from optuna_mi import DilatedRNNObjective, DilationSpace, from_arrays, load_best
from optuna_mi.datasets import LanguageModeling, SequenceClassification, SequenceRegression
from optuna_mi.training._regression_task import RegressionTask

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(60, 30, 2))
SYMBOLS = RNG.integers(0, 4, (60, 30))
RAGGED = [RNG.normal(size=(n, 2)) for n in RNG.integers(20, 31, 60)]
LABELS = np.arange(60) % 3


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS + 1, (1, 2, 3)),  # not 0, 1, 2
        (np.array(["b", "a", "c"])[LABELS], ("a", "b", "c")),
        (LABELS == 1, (False, True)),
        (LABELS.astype(float), (0.0, 1.0, 2.0)),  # as UCR files are often read
        (pd.Series(LABELS).map({0: "x", 1: "y", 2: "z"}).astype("category"), ("x", "y", "z")),
        (pd.Series(LABELS, dtype="Int64"), (0, 1, 2)),
        (torch.from_numpy(LABELS), (0, 1, 2)),
    ],
)
def test_labels_of_any_kind_are_encoded_and_kept(labels, classes):
    dataset = from_arrays(REAL, labels)
    assert isinstance(dataset, SequenceClassification)
    assert dataset.classes == classes
    assert dataset.n_classes == len(classes)
    parts = [dataset.train, dataset.valid, dataset.test]
    assert [len(part) for part in parts] == [42, 9, 9]
    found = np.sort(np.concatenate([part.targets for part in parts]))
    expected = np.unique(np.asarray(labels), return_inverse=True)[1]
    assert (found == np.sort(expected)).all()
    for part in parts:  # every class in proportion
        assert set(part.targets) == set(range(len(classes)))


def test_every_sequence_lands_in_one_split_with_its_own_label():
    x = np.tile(np.arange(60.0)[:, None], (1, 5)) + np.arange(5) / 10
    dataset = from_arrays(x, np.arange(60) // 20)
    parts = [dataset.train, dataset.valid, dataset.test]
    inputs = np.concatenate([part.inputs[:, 0, 0] for part in parts])
    targets = np.concatenate([part.targets for part in parts])
    assert (targets[np.argsort(inputs)] == np.arange(60) // 20).all()
    # units of the training split: nothing of the others is looked at
    assert dataset.train.inputs.mean() == pytest.approx(0, abs=1e-6)
    assert dataset.train.inputs.std() == pytest.approx(1, abs=1e-5)


def test_a_test_split_of_ones_own_is_left_as_it_is():
    dataset = from_arrays(REAL, LABELS, test=(REAL[:7] + 5, LABELS[:7]))
    assert (dataset.test.targets == LABELS[:7]).all()
    assert [len(dataset.train), len(dataset.valid), len(dataset.test)] == [51, 9, 7]


@pytest.mark.parametrize("padded", [False, True])
def test_sequences_of_different_lengths(padded):
    if padded:
        x = np.full((60, 33, 2), 1e9)
        for row, part in zip(x, RAGGED, strict=True):
            row[: len(part)] = part
        dataset = from_arrays(x, LABELS, lengths=[len(part) for part in RAGGED])
    else:
        dataset = from_arrays(RAGGED, LABELS)
    assert dataset.train.inputs.shape == (42, 30, 2)
    assert (dataset.train.inputs[np.arange(30) >= dataset.train.lengths[:, None]] == 0).all()
    assert np.abs(dataset.train.inputs).max() < 10
    assert len(dataset.sequences) == 2 * 42  # each feature of each


def test_features_of_different_kinds_do_not_depend_on_their_distance():
    scale = np.array([1.0, 100.0])
    x = RNG.normal(size=(200, 20, 2)) * scale + 10 * scale
    dataset = from_arrays(x, np.arange(200) % 2)
    assert DilationSpace.from_sequences(dataset.sequences).geometry.law == "none"


@pytest.mark.parametrize(
    ("x", "y", "kind"),
    [
        (REAL, LABELS, SequenceClassification),
        (SYMBOLS, np.array(["no", "yes", "perhaps"])[LABELS], SequenceClassification),
        (["abcab", "bcabc"] * 30, LABELS, SequenceClassification),
        ([b"abcab", b"bcabc"] * 30, LABELS, SequenceClassification),
        (RAGGED, LABELS, SequenceClassification),
        ([s[: 10 + i % 20] for i, s in enumerate(SYMBOLS)], LABELS, SequenceClassification),
        (REAL, REAL.mean(axis=(1, 2)), SequenceRegression),
        (RAGGED, REAL.mean(axis=1), SequenceRegression),
        (SYMBOLS, SYMBOLS.mean(axis=1), SequenceRegression),
        (np.sin(np.arange(400.0)), None, SequenceRegression),
        (RNG.normal(size=(3, 200, 2)), None, SequenceRegression),
        (RAGGED, [part[:, 0] ** 2 for part in RAGGED], SequenceRegression),
        (SYMBOLS, None, LanguageModeling),
        (SYMBOLS.ravel(), None, LanguageModeling),
        ("to be or not to be, that is the question: " * 10, None, LanguageModeling),
    ],
)
def test_what_is_read_is_searched_and_loaded_again(x, y, kind, tmp_path):
    dataset = from_arrays(x, y)
    assert isinstance(dataset, kind)
    window = 16 if kind is LanguageModeling else dataset.length
    space = DilationSpace.from_sequences(dataset.sequences, window=window, max_layers=2)
    settings = {"hidden_size": 4, "epochs": 1, "steps": 2, "batch_size": 4}
    settings |= {"policy": None, "checkpoint_dir": tmp_path}
    objective = DilatedRNNObjective(dataset, space, window=window, **settings)
    study = optuna.create_study(direction=dataset.direction)
    study.optimize(objective, n_trials=1)
    assert objective.task.score(load_best(study), "valid") == pytest.approx(study.best_value)
    trial = study.best_trial
    assert math.isfinite(trial.value)
    assert math.isfinite(trial.user_attrs["test"])
    assert math.isfinite(trial.user_attrs["ihyll_final"])


class _Repeats(torch.nn.Module):
    """Predicts that nothing changes."""

    def forward(self, x):
        return x[..., :1]


def _task(dataset):
    return RegressionTask(
        dataset, batch_size=4, steps=None, embedding_size=1, device=torch.device("cpu")
    )


@pytest.mark.parametrize("metric", ["MAE", "MSE", "MASE"])
@pytest.mark.parametrize("season", [1, 7])
def test_scores_are_those_of_numpy_in_the_series_own_units(metric, season):
    x = 50 + np.cumsum(RNG.normal(size=1000))
    dataset = from_arrays(x, metric=metric, season=season, window=64)
    error = np.diff(x)  # of saying that nothing changes
    spans = {"train": (0, 700), "valid": (700, 850), "test": (850, 1000)}
    naive = np.abs(x[season:700] - x[: 700 - season]).mean()
    for split in ("valid", "test"):
        start, stop = spans[split]
        part = error[start - 1 : stop - 1]  # each step of the split is predicted once
        expected = {
            "MAE": np.abs(part).mean(),
            "MSE": (part**2).mean(),
            "MASE": np.abs(part).mean() / naive,
        }
        assert _task(dataset).score(_Repeats(), split) == pytest.approx(expected[metric], rel=1e-5)


def test_targets_are_the_next_values_and_never_of_another_split():
    x = np.arange(100.0)
    dataset = from_arrays(x, horizon=3, window=20)
    units = dataset.target_scale[0], dataset.target_center[0]
    for split, (first, last) in {"train": (0, 69), "valid": (70, 84), "test": (85, 99)}.items():
        part = getattr(dataset, split)
        targets = part.targets * units[0] + units[1]
        inputs = part.inputs[..., 0] * dataset.input_scale[0] + dataset.input_center[0]
        found = targets[part.scored]
        np.testing.assert_allclose(
            found - inputs[part.scored][:, None], [[1, 2, 3]] * len(found), atol=1e-3
        )
        assert found.min() >= first - 1e-3
        assert found.max() <= last + 1e-3
        if split != "train":  # all of it, each once
            assert len(found) == len(np.unique(found[:, 0].round())) == last - first - 1


@pytest.mark.parametrize("n", [60, 300, 3000])
def test_the_probe_meets_every_training_step_once(n):
    x = RNG.normal(size=n)
    dataset = from_arrays(x)
    probe = _task(dataset).probe(_Repeats(), size=10_000, seed=0)
    targets = probe.targets.flatten() * dataset.target_scale[0, 0] + dataset.target_center[0, 0]
    n_train = n - 2 * round(0.15 * n)
    np.testing.assert_allclose(np.sort(targets), np.sort(x[1:n_train]), atol=1e-5)
    if n == 3000:  # noise tells nothing, however often a window shows it
        assert abs(float(probe.measure().ihyll)) < 0.1


def test_a_target_column_and_a_target_of_every_step():
    x = RNG.normal(size=(1, 300, 3))
    dataset = from_arrays(x, target=2, window=32)
    assert dataset.n_values == 1
    at = dataset.train
    rebuilt = at.targets[..., 0] * dataset.target_scale[0] + dataset.target_center[0]
    own = at.inputs[..., 2] * dataset.input_scale[0, 2] + dataset.input_center[0, 2]
    np.testing.assert_allclose(rebuilt[0, :15], own[0, 1:16], atol=1e-5)
    now = from_arrays(x, x[..., 0] * 2 + 1, window=32)
    np.testing.assert_allclose(
        now.train.targets[..., 0][now.train.scored],
        now.train.inputs[..., 0][now.train.scored],
        atol=1e-5,
    )


def test_whole_numbers_with_many_values_are_real_and_this_is_said(caplog):
    day = np.sin(2 * np.pi * np.arange(2000) / 24)
    loads = (30_000 + 8000 * day + RNG.normal(0, 500, 2000)).astype(int)
    with caplog.at_level(logging.WARNING):
        dataset = from_arrays(loads)
    assert isinstance(dataset, SequenceRegression)
    assert "symbols=True takes them for symbols" in caplog.text
    assert isinstance(from_arrays(loads, symbols=True), LanguageModeling)
    assert isinstance(from_arrays(SYMBOLS.ravel(), symbols=False), SequenceRegression)


def test_channels_before_steps_are_noticed(caplog):
    with caplog.at_level(logging.WARNING):
        from_arrays(RNG.normal(size=(60, 3, 50)), LABELS)
    assert "pass X.transpose(0, 2, 1)" in caplog.text


NAN = np.where(np.arange(30) == 3, np.nan, REAL[..., 0])


@pytest.mark.parametrize(
    ("x", "y", "options", "words"),
    [
        (NAN, LABELS, {}, "60 of 1800 values are NaN or infinite"),
        (REAL, LABELS[:50], {}, r"y has shape \(50,\), but X holds 60 sequences"),
        (REAL, np.eye(3)[LABELS], {"kind": "classification"}, r"y\.argmax\(axis=1\)"),
        (REAL, [None, *LABELS[1:]], {}, "1 of 60 labels are missing, the first at place 0"),
        (REAL, np.zeros(60, int), {}, "all 60 labels are 0"),
        (REAL[:4], LABELS[:4] > 0, {}, "too few to split"),
        (REAL[:, :1], LABELS, {}, "fewer than 2 steps.*transpose"),
        (REAL, LABELS, {"valid": 0.6, "test": 0.6}, "leave nothing to train on"),
        (REAL, LABELS, {"valid": 15}, "valid must be a finite number > 0 and < 1"),
        (
            REAL,
            LABELS,
            {"kind": "sequence"},
            "kind must be one of 'classification', 'regression', 'next'",
        ),
        (REAL, LABELS, {"kind": "next"}, "leave y out"),
        (REAL, None, {"kind": "classification"}, "give y"),
        (REAL, None, {"target": 2}, "target.0. must be an integer from 0 to 1"),
        (REAL, None, {"metric": "sMAPE"}, "metric must be one of 'MAE', 'MASE', 'MSE'"),
        (REAL, LABELS * 0.5, {"kind": "regression", "metric": "MASE"}, "choose 'MAE' or 'MSE'"),
        (REAL, SYMBOLS, {"kind": "classification"}, "a label for every step"),
        (RNG.normal(size=(2000, 3)), None, {}, r"X\[None\]"),
        (np.ones(100), None, {}, "none of the 1 series varies"),
        (np.arange(12.0), None, {"horizon": 6}, "longest has 12"),
        (np.zeros((60, 30), int), LABELS, {}, "all 1800 symbols are the same"),
        (REAL, LABELS, {"lengths": [31] * 60}, r"must lie in 1\.\.30, got 31\.\.31"),
        (REAL, LABELS, {"lengths": [30.0] * 60}, "one integer for each row"),
        (REAL, LABELS, {"test": (REAL, LABELS[:3])}, "3 labels for 60 sequences"),
        ([], LABELS, {}, "empty list"),
        (REAL, np.arange(60), {}, "60 different values among 60.*kind='regression'"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_remedy(x, y, options, words):
    with pytest.raises(ValueError, match=words):
        from_arrays(x, y, **options)


def test_types_that_cannot_be_used():
    with pytest.raises(TypeError, match="from_frame"):
        from_arrays(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(TypeError, match="symbols=True, but X holds float64"):
        from_arrays(REAL[..., 0], LABELS, symbols=True)
    with pytest.raises(TypeError, match="labels must have one type"):
        from_arrays(REAL, [1, "a", *LABELS[2:]])
    with pytest.raises(TypeError, match="must be numbers"):
        from_arrays(REAL, np.array(list("abc"))[LABELS], kind="regression")


def test_padding_is_no_class() -> None:
    labels = np.arange(60) % 3
    labels[:5] = -100
    inputs = np.random.default_rng(0).normal(size=(60, 8, 2))
    for y in (labels, labels.tolist()):
        with pytest.raises(ValueError, match=r"-100.*5 times in 60"):
            from_arrays(inputs, y)
    assert from_arrays(inputs, np.where(labels > 0, 1, -1)).classes == (-1, 1)


def test_its_text_is_short() -> None:
    rng = np.random.default_rng(0)
    dataset = from_arrays(rng.normal(size=(400, 60)), rng.integers(0, 2, 400))
    text = repr(dataset)
    assert len(text) < 1000
    assert "shape (280, 60, 1)" in text
    assert "metric='accuracy'" in text
