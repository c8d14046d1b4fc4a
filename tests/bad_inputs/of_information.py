"""Bad inputs to the estimators of entropy and mutual information."""

from __future__ import annotations

from typing import Any

import numpy as np

from optuna_mi.information import (
    entropy_discrete,
    entropy_from_counts,
    mi_sample_size_curve,
    mutual_info_discrete,
    mutual_info_ksg,
    mutual_info_mixed,
)
from tests.bad_inputs.table import INF, NAN, Table, name, real, whole

T = Table()
N = 60
_rng = np.random.default_rng(0)
X = _rng.normal(size=N)
Y = X + _rng.normal(size=N)
LABELS = np.arange(N) % 3
MASKED = np.ma.masked_array(LABELS, mask=LABELS == 1)
MASKED_REAL = np.ma.masked_array(X, mask=X > 0)
OBJECTS = np.array([1, "a", None] * (N // 3), dtype=object)
RAGGED = [[1, 2], [3]] * (N // 2)

_SYMBOLS: tuple[Any, ...] = (
    None, "text", 5, [], np.zeros((3, 2), int), X, MASKED, OBJECTS, RAGGED, {"a": 1},
    X + 1j, np.array(["2020-01-01"] * N, dtype="datetime64[D]"),
)
_COUNTS: tuple[Any, ...] = (
    None, "text", [], [-1, 2], [0, 0], [1.5, 2.5], [NAN, 1], [INF, 1], [1 + 1j],
    np.ma.masked_array([5, 5, 7], mask=[0, 0, 1]), ["a", "b"], [[1, 2], [3]], {"a": 1},
    [True, False], np.array([1, None], dtype=object),
)
_SAMPLES: tuple[Any, ...] = (
    None, "text", 5, [], np.zeros((N, 0)), np.where(X > 1, NAN, X), np.where(X > 1, INF, X),
    MASKED_REAL, OBJECTS, RAGGED, X + 1j, X[:-1], {"a": 1}, X[:1],
)
_LABELS: tuple[Any, ...] = (
    None, "text", 5, [], X, MASKED, OBJECTS, RAGGED, np.eye(3)[LABELS], LABELS[:-1],
    np.arange(N), LABELS + 1j, {"a": 1},
)

T.sweep("entropy_discrete", entropy_discrete, lambda: {"x": LABELS}, x=_SYMBOLS, estimator=name())
T.sweep(
    "entropy_from_counts", entropy_from_counts, lambda: {"counts": [3, 4]},
    counts=_COUNTS, estimator=name(),
)
T.sweep(
    "mutual_info_discrete", mutual_info_discrete, lambda: {"x": LABELS, "y": LABELS},
    x=(*_SYMBOLS, LABELS[:-1]), y=(*_SYMBOLS, LABELS[:-1]), estimator=name(),
)
T.sweep(
    "mutual_info_ksg", mutual_info_ksg, lambda: {"x": X, "y": Y},
    x=_SAMPLES, y=_SAMPLES, k=(*whole(1), N, N + 5), metric=name(), variant=(0, 3, "1", None, 1.5),
    jitter=real(-1, optional=True), compat=name(optional=True), standardize=("no", 2, 0.5), tile=whole(1),
    random_state=("0", -1, 2.5, True, [1.5]),
)
T.add("mutual_info_ksg", "compat", "npeet with variant=2",
      lambda: mutual_info_ksg(X, Y, compat="npeet", variant=2))
T.sweep(
    "mutual_info_mixed", mutual_info_mixed, lambda: {"x": X, "labels": LABELS},
    x=_SAMPLES, labels=_LABELS, k=(*whole(1), N), metric=name(), tile=whole(1),
)
T.sweep(
    "mi_sample_size_curve", mi_sample_size_curve,
    lambda: {"x": X, "y": LABELS, "sizes": [20, 40]},
    x=_SAMPLES, sizes=(None, [], [0], [3], [N + 1], [2.5, 20], ["20"], "20", 20, [True, 20], [[20]]),
    repeats=(*whole(1), 1), estimator=name(), k=whole(1), metric=name(), seed=("0", -1, 2.5, True),
    progress=("no", 2),
)
T.sweep("mi_sample_size_curve", mi_sample_size_curve,
        lambda: {"x": X, "y": LABELS, "sizes": [20, 40]}, y=_LABELS, words=("labels",))

T.stays_valid("mutual_info_ksg", mutual_info_ksg, lambda: {"x": X, "y": Y},
              k=np.int32(3), jitter=np.float32(1e-3), random_state=np.uint8(3), tile=np.int64(1),
              variant=np.int64(1), x=np.ma.masked_array(X), y=list(Y))
T.stays_valid("entropy_from_counts", entropy_from_counts, counts=[3, 4])
T.stays_valid("mi_sample_size_curve", mi_sample_size_curve, lambda: {"x": X, "y": LABELS},
              sizes=np.array([20, 40]))
