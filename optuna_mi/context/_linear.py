"""How well real values are predicted from the last k: nested linear predictors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

from optuna_mi._numba import njit
from optuna_mi.context._back_off_kernels import LEFT_OUT, SCORED_ONLY
from optuna_mi.context._data import Data
from optuna_mi.context._lag_products import lag_products, square_root
from optuna_mi.context._places import N_FOLDS, Places

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Ridges to choose from on held-out rounds, for values of variance 1, and the power of the lag that
# each grows with: powers of ten, from hardly any to a strong one. A choice.
_RIDGES = ((0.1, 0.0), (1.0, 0.0), (10.0, 0.0), (100.0, 0.0), (1.0, 1.0), (10.0, 1.0))
# Share of the number of places that is added to the diagonal, as the Cholesky factor of a noiseless
# cycle's moments would not exist: a thousand million times smaller than any variance of interest.
_JITTER = 1e-9
# A squared error below a millionth of the variance is a perfect prediction: that of a noiseless
# cycle goes on falling with every lag, down to rounding, and each fall would count as information.
_PERFECT = 1e-6


class LagMoments:
    """Sums of products of lagged values and targets, by block, and who trains for whom.

    Args:
        data: Real values.
        places: Where to predict; every lag and horizon must lie inside the place's sequence.
        lags: Lags, 1 for t itself; shape (K,).
        horizons: Steps ahead of t; shape (H,).
        n_train: As in `Places.folds`.

    Attributes:
        sums: Sums of products of (1, lags, targets), shape (cells, width, width).
        roots: Rows with the same sums for each cell.
        n_features: Columns of a lag.
        n_targets: Columns at the end.
        n_scored: Places of each block that are scored, shape (blocks,).
        n_trained: Places that a prediction learns from.
        rounds: Pairs of cells to train on and blocks to score.
        trained: Sums over the cells to train on, for each round.
        held_out: Sums over the blocks to score, for each round.
    """

    def __init__(
        self, data: Data, places: Places, lags: Ints, horizons: Ints, n_train: int | None = None
    ) -> None:
        fold = places.folds(n_train)
        n = places.n_blocks
        if n_train is None:
            cell, n_cells = places.block, n
            of_block = np.arange(n) % min(N_FOLDS, n)
            self.rounds = [
                (np.flatnonzero(of_block != f), np.flatnonzero(of_block == f))
                for f in range(int(of_block.max()) + 1)
            ]
            scored = np.ones(fold.size, dtype=bool)
        else:
            # the training part is one more cell; every other block is scored
            cell, n_cells = np.where(fold == 0, n, places.block), n + 1
            scored = fold == SCORED_ONLY
            blocks = np.unique(places.block[scored])
            self.rounds = [(np.array([n]), blocks[0::2]), (np.array([n]), blocks[1::2])]
        used = fold != LEFT_OUT
        self.n_scored = np.bincount(places.block[scored], minlength=n)
        self.n_features = data.values.shape[1]
        self.n_targets = horizons.size * self.n_features
        self.sums, self.roots = lag_products(
            data.values, places.at[used], cell[used], n_cells, lags, horizons
        )
        sizes = self.sums[:, 0, 0]
        self.n_trained = int(min(sizes[train].sum() for train, _ in self.rounds))
        # summed once: a choice of lags asks for a few columns of them, again and again
        self.held_out = [self.sums[blocks].sum(axis=0) for _, blocks in self.rounds]
        self.trained = [
            np.sum([h for i, h in enumerate(self.held_out) if i != r], axis=0)
            if n_train is None
            else self.sums[n]
            for r in range(len(self.rounds))
        ]

    def _rows(self, r: int, keep: Ints) -> Floats:
        """Return as few rows as have the sums of products of a round's blocks together."""
        blocks = self.rounds[r][1]
        if sum(len(self.roots[b]) for b in blocks) <= keep.size:
            return np.concatenate([self.roots[b][:, keep] for b in blocks])
        return square_root(self.held_out[r][keep[:, None], keep])

    def errors(self, columns: Ints | None = None) -> Floats:
        """Return summed squared errors after no lag and after each, held out block by block.

        For each number of lags, a round uses the ridge penalty that does best in the other rounds.

        Args:
            columns: Indices of the lags to use, in this order; all by default.

        Returns:
            Shape (lags + 1, blocks, targets); blocks that are not scored hold 0.
        """
        width, f = self.sums.shape[1], self.n_features
        if columns is None:
            columns = np.arange((width - 1 - self.n_targets) // f)
        keep = np.concatenate(
            [
                [0],
                (1 + columns[:, None] * f + np.arange(f)).ravel(),
                np.arange(width - self.n_targets, width),
            ]
        ).astype(np.int64)
        steps = np.arange(columns.size + 1)
        factors = []
        totals = np.empty((len(self.rounds), len(_RIDGES), steps.size, self.n_targets))
        for r in range(len(self.rounds)):
            trained = self.trained[r][keep[:, None], keep]
            rows = self._rows(r, keep)
            fits = [_Fit(trained, f, self.n_targets, *ridge) for ridge in _RIDGES]
            every = np.array([len(rows)])
            totals[r] = [fit.errors(rows, every)[:, 0] for fit in fits]
            factors.append(fits)
        out = np.zeros((steps.size, self.n_scored.size, self.n_targets))
        for r, (_, blocks) in enumerate(self.rounds):
            others = np.delete(totals, r, axis=0).sum(axis=0)
            best = np.log(np.maximum(others, 1e-300)).sum(axis=2).argmin(axis=0)
            rows = np.concatenate([self.roots[b][:, keep] for b in blocks])
            ends = np.cumsum([len(self.roots[b]) for b in blocks])
            for i in np.unique(best):
                some = np.flatnonzero(best == i)
                out[some[:, None], blocks] = factors[r][i].errors(rows, ends)[some]
        return out


def gaussian_losses(errors: Floats, n_scored: Ints, n_features: int) -> Floats:
    """Return summed Gaussian log losses in nats from squared errors, shape (lags + 1, blocks).

    The loss of n places of mean squared error e is n ln(e) / 2; what a block adds to it is the
    derivative. Features add up, horizons are averaged.
    """
    n = n_scored.astype(np.float64)
    measured = np.maximum(errors.sum(axis=1, keepdims=True) / n.sum(), 1e-300)
    mean = np.maximum(measured, _PERFECT)
    losses = 0.5 * (n[:, None] * np.log(mean) + errors / measured - n[:, None])
    n_horizons = errors.shape[2] // n_features
    return np.asarray(losses.sum(axis=2) / n_horizons)


class _Fit:
    """Linear predictors of 0 … K lags.

    The Cholesky factor of the training moments gives new coordinates for the lags. In these the
    best predictor from k lags is the one from all lags, cut off after k, so one factor serves all.
    """

    def __init__(
        self, trained: Floats, n_features: int, n_targets: int, ridge: float, power: float
    ) -> None:
        w = len(trained) - n_targets
        n_lags = (w - 1) // n_features
        lag = np.repeat(np.arange(1, n_lags + 1), n_features)
        square = trained[:w, :w].copy()
        diagonal = np.arange(1, w)
        square[diagonal, diagonal] += ridge * lag**power + _JITTER * square[0, 0]
        self.factor = cholesky(square, lower=True, check_finite=False)
        self.weights = solve_triangular(
            self.factor, trained[:w, w:], lower=True, check_finite=False
        )
        self.after = n_features * np.arange(n_lags + 1)

    def errors(self, rows: Floats, ends: Ints) -> Floats:
        """Return the squared errors of rows (1, lags, targets), summed part by part.

        Args:
            rows: Shape (R, width).
            ends: One after the last row of every part, shape (P,).

        Returns:
            Shape (K + 1, P, targets).
        """
        w = len(self.factor)
        parts = solve_triangular(self.factor, rows[:, :w].T, lower=True, check_finite=False)
        out = np.zeros((self.after.size, ends.size, self.weights.shape[1]))
        _sum_errors(
            np.ascontiguousarray(parts.T),
            np.ascontiguousarray(rows[:, w:]),
            np.ascontiguousarray(self.weights),
            self.after,
            ends,
            out,
        )
        return out


@njit(cache=True, nogil=True)
def _sum_errors(parts, targets, weights, after, ends, out):  # type: ignore[no-untyped-def]
    """Add the squared errors of predictions from the first coordinates, up to each of ``after``."""
    n_targets = targets.shape[1]
    left = np.empty(n_targets)
    part = 0
    for n in range(targets.shape[0]):
        while n >= ends[part]:
            part += 1
        left[:] = targets[n]
        i = 0
        for k in range(parts.shape[1]):
            for m in range(n_targets):
                left[m] -= parts[n, k] * weights[k, m]
            if k == after[i]:
                for m in range(n_targets):
                    out[i, part, m] += left[m] * left[m]
                i += 1
