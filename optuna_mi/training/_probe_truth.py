"""What a probe compares activations with: classes, or real values."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, logsumexp
from torch import Tensor

from optuna_mi.information import MutualInformation, mutual_info_ksg, mutual_info_mixed

Metric = Literal["chebyshev", "euclidean"]
ClassEstimator = Literal["mixed", "ksg", "loss"]

_PAPER_JITTER = 1e-10


class Classes:
    """Integer targets.

    Args:
        targets: Classes, shape (N,).
        k: Number of nearest neighbours.
        metric: The probe's metric.
        estimator: ``"mixed"``, the paper's ``"ksg"`` against one-hot labels, or ``"loss"``: H(Y)
            less the cross entropy of the outputs, a lower bound.
        seed: Seed of the jitter.

    Attributes:
        bound: H(Y) in nats.
        entropy: The same.
    """

    def __init__(
        self,
        targets: Tensor,
        *,
        k: int,
        metric: Metric,
        estimator: ClassEstimator,
        seed: int,
    ) -> None:
        self._labels = targets.numpy()
        self._k = k
        self._estimator = estimator
        self._seed = seed
        # on the labels alone, so that unusable ones are reported here and not after an epoch
        alone = mutual_info_mixed(np.zeros(len(self._labels)), self._labels, k=k, metric=metric)
        # A class of one example has no neighbours, which lowers the bound, but it has a loss.
        bound = alone.entropy_labels if estimator == "loss" else alone.upper_bound
        assert bound is not None
        self.bound: float = bound
        self.entropy: float | None = alone.entropy_labels
        self.softmax = estimator == "ksg"
        self.is_loss = estimator == "loss"
        self.estimator: str = estimator

    def information(self, samples: npt.NDArray[np.float64], metric: Metric) -> MutualInformation:
        """Estimate I(samples; classes) in nats; samples have shape (N, D).

        Raises:
            ValueError: If ``"loss"`` finds fewer outputs than classes.
        """
        if self._estimator == "loss":
            return self._less_cross_entropy(samples)
        if self._estimator == "mixed":
            return mutual_info_mixed(samples, self._labels, k=self._k, metric=metric)
        codes = np.unique(self._labels, return_inverse=True)[1]
        return mutual_info_ksg(
            samples,
            np.eye(codes.max() + 1)[codes],
            k=self._k,
            metric=metric,
            standardize=False,  # the paper's way: softmax and one-hot labels as they are
            jitter=_PAPER_JITTER,
            random_state=self._seed,
        )

    def _less_cross_entropy(self, logits: npt.NDArray[np.float64]) -> MutualInformation:
        """Return H(Y) - E[-log q(y|h)], which no q(y|h) lifts above I(h; Y) [Barber, Agakov 2003].

        Args:
            logits: Shape (N, classes); log probabilities are logits too.
        """
        n, n_outputs = logits.shape
        if n_outputs <= self._labels.max():
            raise ValueError(
                f'estimator="loss" needs an output for each class, got {n_outputs} and the class '
                f'{self._labels.max()}: let forward= return the logits, or use estimator="mixed"'
            )
        codes, counts = np.unique(self._labels, return_inverse=True, return_counts=True)[1:]
        known = logits[np.arange(n), self._labels] - logsumexp(logits, axis=1)
        terms = known - np.log(counts / n)[codes]
        return MutualInformation(
            value=float(terms.mean()),
            standard_error=float(terms.std() / np.sqrt(n)),
            n=n,
            estimator="loss",
            entropy_labels=self.entropy,
            upper_bound=self.bound,
        )


class RealValues:
    """Real targets, one or several per sample.

    Args:
        targets: Shape (N, values).
        k: Number of nearest neighbours.
        seed: Seed of the jitter, which breaks ties.

    Attributes:
        bound: psi(N) - psi(k), the estimate if both variables are equal: with N examples it cannot
            be larger. (A real variable has no finite entropy.)

    Raises:
        ValueError: If there are no more than k examples, or all are the same.
    """

    entropy = None
    softmax = False
    is_loss = False
    estimator = "ksg1"

    def __init__(self, targets: Tensor, *, k: int, seed: int) -> None:
        self._values = targets.double().numpy()
        self._k = k
        self._seed = seed
        n = len(self._values)
        if n <= k:
            raise ValueError(f"{n} targets are too few for k = {k} neighbours: give more")
        if np.ptp(self._values, axis=0).max() == 0:
            raise ValueError(
                f"all {n} targets of the probe are the same ({self._values[0]}): there is nothing "
                "to know about them"
            )
        self.bound = float(digamma(n) - digamma(k))

    def information(self, samples: npt.NDArray[np.float64], metric: Metric) -> MutualInformation:
        """Estimate I(samples; values) in nats; samples have shape (N, D)."""
        return mutual_info_ksg(
            samples,
            self._values,
            k=self._k,
            metric=metric,
            jitter=_PAPER_JITTER,
            random_state=self._seed,
        )
