"""Scores that other training seeds would have given: a bootstrap over the recorded trainings."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmarks.races.data import TRAININGS, small
from benchmarks.races.record import Recorded

BUDGETS = ("small", "large")
Dilations = tuple[int, ...]
Scores = dict[Dilations, tuple[float, float]]
# Which data sets are scored by accuracy; all others by an error.
_ACCURACY = ("pdigits", "psmnist14", "osuleaf")


def sign_of(name: str) -> float:
    """Return 1 where more is better, else -1."""
    return 1.0 if name in _ACCURACY else -1.0


def score(recorded: Recorded, budget: str) -> tuple[float, float]:
    """Return validation and test score of the best epoch; more is better."""
    sign = sign_of(recorded.dataset)
    epochs = small(TRAININGS[recorded.dataset]) if budget == "small" else len(recorded.valid)
    valid = sign * np.array(recorded.valid[:epochs])
    best = int(valid.argmax())
    return float(valid[best]), sign * recorded.test[best]


@dataclasses.dataclass(frozen=True)
class Table:
    """Recorded scores of one data set and budget.

    Attributes:
        mean: Mean validation and test score of each list.
        replicates: How many trainings it is the mean of.
        residuals: What single trainings deviate, pooled over lists trained twice or more, made as
            large as deviations from the true mean are; float64 (trainings, 2).
    """

    mean: Scores
    replicates: dict[Dilations, int]
    residuals: np.ndarray

    @classmethod
    def of(cls, rows: Iterable[Recorded], name: str, budget: str) -> Table:
        """Collect the trainings of a data set at a budget.

        Raises:
            ValueError: Fewer than two lists were trained twice.
        """
        by_list: dict[Dilations, list[tuple[float, float]]] = defaultdict(list)
        for row in rows:
            if row.dataset == name:
                by_list[row.dilations].append(score(row, budget))
        repeated = [np.array(v) for v in by_list.values() if len(v) > 1]
        if len(repeated) < 2:
            raise ValueError(
                f"{name}: training noise is unknown, as {len(repeated)} lists were trained twice; "
                "record more replicates"
            )
        residuals = np.concatenate(
            [(v - v.mean(axis=0)) * np.sqrt(len(v) / (len(v) - 1)) for v in repeated]
        )
        mean = {k: tuple(np.mean(v, axis=0)) for k, v in by_list.items()}
        return cls(mean, {k: len(v) for k, v in by_list.items()}, residuals)

    def truth(self, rng: np.random.Generator) -> Scores:
        """Return mean scores as another set of recorded trainings would have shown them."""
        found = {}
        for dilations, mean in self.mean.items():
            n = self.replicates[dilations]
            drawn = self.residuals[rng.integers(0, len(self.residuals), n)].mean(axis=0)
            found[dilations] = (mean[0] + drawn[0], mean[1] + drawn[1])
        return found

    def trained(self, truth: Scores, rng: np.random.Generator) -> Scores:
        """Return one training's scores of every list where these are the true means."""
        drawn = self.residuals[rng.integers(0, len(self.residuals), len(truth))]
        return {
            k: (m[0] + d[0], m[1] + d[1]) for (k, m), d in zip(truth.items(), drawn, strict=True)
        }


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and its standard error; values (worlds, seeds).

    Searches of one world share its trainings, so worlds, not searches, are what is counted: the
    variance between worlds is that of the recorded trainings, what seeds add to it is taken off.
    """
    worlds, seeds = values.shape
    between = float(values.mean(axis=1).var(ddof=1)) if worlds > 1 else float("nan")
    within = float(values.var(axis=1, ddof=1).mean()) if seeds > 1 else 0.0
    of_trainings = max(0.0, between - within / seeds)
    return float(values.mean()), float(np.sqrt(of_trainings + within / (worlds * seeds)))


__all__ = ["BUDGETS", "Scores", "Table", "mean_and_error", "score", "sign_of"]
