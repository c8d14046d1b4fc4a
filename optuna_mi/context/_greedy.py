"""Models that take one lag after the other, in any order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._threads import parallel
from optuna_mi.context._back_off import BackOff
from optuna_mi.context._data import Data
from optuna_mi.context._linear import LagMoments, gaussian_losses
from optuna_mi.context._places import Places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The gain is measured on held-out data for the eight lags that are best on all data, and the eight
# nearest of those half as good: others have no chance, and each takes a fit. Choices.
_TRIED, _NEARLY = 8, 0.5
# Shares of the number of places that are added to diagonals, as lags of a noiseless cycle repeat
# one another: to those of the lags taken, and, larger, to what those leave of a candidate.
_JITTER, _REST_JITTER = 1e-9, 1e-6


class GreedySymbols:
    """Counts of the chosen lags' symbols.

    Args:
        data: Symbols.
        places: Where to predict.
        lags: Candidates, 1 for the newest symbol; shape (C,).
        horizon: How far ahead.
        n_threads: Threads.
    """

    def __init__(
        self, data: Data, places: Places, lags: Ints, horizon: int, n_threads: int
    ) -> None:
        self.model = BackOff(data, places, horizon)
        self.lags = lags
        self.n_threads = n_threads
        self.n_scored, self.n_trained = self.model.n_scored, self.model.n_trained
        self.taken: set[int] = set()

    def gains(self) -> Floats:
        """Return what each candidate would add, by block; shape (C, blocks)."""

        def one(i: int) -> Floats:
            if i in self.taken:
                return np.zeros(self.n_scored.size)
            return self.model.gain(int(self.lags[i]), keep=False)

        return np.stack(parallel(one, list(range(self.lags.size)), n_threads=self.n_threads))

    def take(self, i: int) -> None:
        """Add candidate i to the model."""
        self.taken.add(i)
        self.model.gain(int(self.lags[i]), keep=True)


class GreedyLinear:
    """Linear predictors of the chosen lags.

    Args:
        data: Real values.
        places: Where to predict; every candidate must lie inside the place's sequence.
        lags: Candidates, 1 for the newest value; shape (C,).
        horizon: How far ahead.
    """

    def __init__(self, data: Data, places: Places, lags: Ints, horizon: int) -> None:
        self.moments = LagMoments(data, places, lags, np.array([horizon]))
        self.n_scored, self.n_trained = self.moments.n_scored, self.moments.n_trained
        self.n_lags = lags.size
        self.taken: list[int] = []

    def _losses(self, columns: list[int]) -> Floats:
        errors = self.moments.errors(np.array(columns, dtype=np.int64))[[0, -1]]
        return gaussian_losses(errors, self.n_scored, self.moments.n_features)

    def gains(self) -> Floats:
        """Return what each candidate would add, by block; 0 for all but the most promising."""
        out = np.zeros((self.n_lags, self.n_scored.size))
        before = self._losses(self.taken)[1]
        score = self._scores()
        score[self.taken] = -np.inf
        # also the nearest of those nearly as good: only noise ranks the multiples of a period
        good = np.flatnonzero(score >= _NEARLY * score.max())[:_TRIED]
        for i in {*good.tolist(), *np.argsort(-score)[:_TRIED].tolist()}:
            if i not in self.taken:
                out[i] = before - self._losses([*self.taken, int(i)])[1]
        return out

    def alone(self) -> Floats:
        """Return what each candidate alone would tell a linear predictor, on all data; nats."""
        explained = self._scores() / self.n_scored.sum()
        return np.asarray(-0.5 * np.log(np.maximum(1.0 - explained, 1e-12)))

    def _scores(self) -> Floats:
        """Return by how much each candidate would lower the squared error on all data."""
        f, m = self.moments.n_features, self.moments.n_targets
        total = self.moments.sums.sum(axis=0)
        w = len(total) - m
        known = [0, *(1 + i * f + j for i in self.taken for j in range(f))]
        square = total[np.ix_(known, known)] + _JITTER * total[0, 0] * np.eye(len(known))
        rest = total - total[:, known] @ np.linalg.solve(square, total[known])
        score = np.zeros(self.n_lags)
        for i in range(self.n_lags):
            own = np.arange(1 + i * f, 1 + (i + 1) * f)
            inner = rest[np.ix_(own, own)] + _REST_JITTER * total[0, 0] * np.eye(f)
            cross = rest[own][:, w:]
            score[i] = float((cross * np.linalg.solve(inner, cross)).sum()) / m
        return score

    def take(self, i: int) -> None:
        """Add candidate i to the model."""
        self.taken.append(i)
