"""What users hand over to `from_arrays`: containers, tensors, columns, and labels of every kind."""

import numpy as np
import pandas as pd
import pytest

import optuna_mi
from optuna_mi import from_arrays

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 12, 2))
LABELS = np.array(["a", "b", "c"])[np.repeat([0, 1, 2], 20)]
TEXTS = ["abcabc", "cbacba", "bbacca"] * 20


@pytest.mark.parametrize(
    "sequences",
    [
        pd.Series(TEXTS, index=range(60, 0, -1)),
        pd.Series(TEXTS, dtype="string"),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
    ],
)
def test_texts_beside_labels_are_a_sequence_each(sequences):
    dataset = from_arrays(sequences, LABELS)
    assert dataset.train.inputs.shape == (42, 6)
    assert dataset.n_symbols == 3


def test_texts_without_labels_are_the_tokens_of_one_sequence():
    assert from_arrays(pd.Series(TEXTS)).train.size + 18 == 60


@pytest.mark.parametrize("of", [list, pd.Series, lambda rows: np.array(rows, dtype=object)])
def test_a_container_of_ragged_sequences(of):
    rows = [rng.normal(size=n) for n in 8 + np.arange(60) % 5]
    dataset = from_arrays(of(rows), LABELS)
    assert dataset.train.inputs.shape == (42, 12, 1)
    assert dataset.train.lengths is not None
    curve = optuna_mi.decay_curve(of(rows), max_lag=3)
    assert np.array_equal(curve.mi, optuna_mi.decay_curve(rows, max_lag=3).mi)


def test_objects_that_are_numbers_are_no_tokens():
    dataset = from_arrays(X[..., 0].astype(object), LABELS)
    assert dataset.n_symbols is None
    assert np.array_equal(dataset.train.inputs, from_arrays(X[..., 0], LABELS).train.inputs)


def test_tensors_of_any_type():
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X), torch.arange(60) % 3
    wanted = from_arrays(X, y.numpy()).train
    for tensor in (x.clone().requires_grad_(), x.bfloat16(), x.half(), list(x)):
        found = from_arrays(tensor, y).train
        assert np.allclose(found.inputs, wanted.inputs, atol=0.05)
        assert np.array_equal(found.targets, wanted.targets)


def test_the_remedies_for_a_dataset_and_a_loader_work():
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.tensor(X), torch.arange(60) % 3)
    loader = torch.utils.data.DataLoader(pairs, batch_size=7)
    for given in (pairs, loader):
        with pytest.raises(TypeError, match=r"zip\(\*dataset\).*map\(torch.cat, zip\(\*loader\)\)"):
            from_arrays(given)
    by_dataset, by_loader = zip(*pairs, strict=True), map(torch.cat, zip(*loader, strict=True))
    for x, y in (by_dataset, by_loader):
        assert from_arrays(x, y).classes == (0, 1, 2)


@pytest.mark.parametrize("y", [LABELS[:, None], pd.DataFrame({"y": LABELS})])
def test_a_column_of_labels_is_a_list_of_labels(y):
    assert from_arrays(X, y).classes == ("a", "b", "c")


def test_a_column_of_whole_reals_is_classes_as_the_same_without_the_axis():
    y = np.repeat([1.0, 2.0], 30)
    assert from_arrays(X, y[:, None]).classes == from_arrays(X, y).classes == (1.0, 2.0)


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        (X, np.eye(3)[np.arange(60) % 3], ValueError, r"one-hot.*argmax.*kind='regression'"),
        (X, dict(enumerate(LABELS)), TypeError, r"in the order of the sequences, got dict"),
        (X, set(LABELS), TypeError, r"in the order of the sequences, got set"),
        (X, [f"{i},a" for i in range(60)], ValueError, r"60 different values.*such as '0,a'"),
        (X, list("abcdef") * 2 + [*"ab"], ValueError, r"y has shape \(14,\)"),
        (X[:6], list("abcdef"), ValueError, r"raise the shares, or give more of each class"),
        (X * 1j, LABELS, TypeError, r"complex128: convert"),
        ((row for row in X), LABELS, TypeError, r"got generator: list\(...\) gathers"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(x, y, error, words):
    with pytest.raises(error, match=words):
        from_arrays(x, y)


def test_one_hot_rows_may_be_numbers():
    y = np.eye(3)[np.arange(60) % 3]
    assert from_arrays(X, y, kind="regression").train.targets.shape == (42, 3)


def test_classes_that_no_score_counts_are_named(caplog):
    from_arrays(X, ["rare", *"bc" * 29, "b"])
    from_arrays(X, LABELS)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert all("1 of 3 classes ('rare')" in line for line in said)


def test_a_polars_frame_is_a_table_too():
    polars = pytest.importorskip("polars")
    with pytest.raises(TypeError, match="from_frame"):
        from_arrays(polars.DataFrame({"a": [1, 2] * 30}), LABELS)
    rows = polars.Series([[1, 2, 3], [3, 1, 2]] * 30)
    assert from_arrays(rows, LABELS).train.inputs.shape == (42, 3)


def test_a_given_test_split_is_read_like_the_rest():
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X), torch.arange(60) % 3
    wanted = from_arrays(X[:40], y[:40].numpy(), test=(X[40:], y[40:].numpy())).test
    for given in (y, y[:, None], y[:, None].numpy(), list(y)):
        dataset = from_arrays(x[:40], given[:40], test=(x[40:], given[40:]))
        assert dataset.classes == (0, 1, 2)
        assert np.array_equal(dataset.test.targets, wanted.targets)
    with pytest.raises(TypeError, match="in the order of the sequences, got dict"):
        from_arrays(X[:40], LABELS[:40], test=(X[40:], dict(enumerate(LABELS[40:]))))
    with pytest.raises(ValueError, match=r"^test=.{,80}: give a share such as 0.15, or a pair"):
        from_arrays(X[:40], LABELS[:40], test=(X[40:], LABELS[40:], 3))
