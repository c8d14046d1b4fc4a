"""How many samples an estimate of mutual information needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from optuna_mi._checks import flag, one_of, whole, wholes
from optuna_mi.information._check_samples import (
    as_labels,
    as_samples,
    check_metric,
    check_neighbours,
)
from optuna_mi.information._ksg import mutual_info_ksg
from optuna_mi.information._mixed import mutual_info_mixed

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SampleSizeCurve:
    """Estimates of mutual information against the number of samples ([V] Fig. 1).

    Attributes:
        sizes: Numbers of samples, int64, shape (S,), ascending.
        values: The estimates, nats, float64, shape (R, S): one row a repeat.
        n_total: Samples there were to draw from.
        k: Number of nearest neighbours.
        metric: Distance between samples.
        estimator: ``"mixed"`` or ``"ksg"``.
        seed: Decides which samples were drawn.
    """

    sizes: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    n_total: int
    k: int
    metric: str
    estimator: str
    seed: int | None

    @property
    def mean(self) -> npt.NDArray[np.float64]:
        """Mean over the repeats, nats, shape (S,)."""
        mean: npt.NDArray[np.float64] = self.values.mean(axis=0)
        return mean

    @property
    def std(self) -> npt.NDArray[np.float64]:
        """Standard deviation over the repeats, that of one estimate, nats, shape (S,)."""
        std: npt.NDArray[np.float64] = self.values.std(axis=0, ddof=1)
        return std

    @property
    def sufficient(self) -> int | None:
        """The smallest size from which on doubling changes nothing beyond the error.

        The change of the mean from N to 2N is compared with the standard deviation of the
        difference between one estimate at N and one at 2N, at this and every later doubling in
        `sizes`. ``None`` if no size passes: the estimate still moves at the largest one.
        """
        mean, variance = self.mean, self.std**2
        found = None
        for i in reversed(range(self.sizes.size)):
            double = np.flatnonzero(self.sizes == 2 * self.sizes[i])
            if double.size == 0:
                continue
            j = int(double[0])
            if abs(mean[j] - mean[i]) > np.sqrt(variance[i] + variance[j]):
                break
            found = int(self.sizes[i])
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return columns ``size``, ``mean`` and ``std`` (nats), one row a size."""
        import pandas as pd

        return pd.DataFrame({"size": self.sizes, "mean": self.mean, "std": self.std})


def mi_sample_size_curve(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    sizes: Sequence[int] | None = None,
    repeats: int = 10,
    estimator: Literal["mixed", "ksg"] = "mixed",
    k: int = 3,
    metric: Literal["chebyshev", "euclidean"] = "chebyshev",
    seed: int | None = 0,
    progress: bool = False,
) -> SampleSizeCurve:
    """Estimate I(X; Y) on random subsets of growing size ([V] Fig. 1).

    Subsets are drawn without replacement, afresh for every repeat and size. Near the full size they
    overlap and their spread understates the error; the default sizes stop at half of the samples.

    Args:
        x: Real samples, shape (N,) or (N, ...).
        y: Labels of shape (N,) for ``"mixed"``, real samples for ``"ksg"``.
        sizes: Numbers of samples; by default doublings of 125 up to N / 2. `sufficient` looks at
            pairs of sizes of which one is twice the other.
        repeats: Subsets per size, 2 or more.
        estimator: ``"mixed"`` (`mutual_info_mixed`) or ``"ksg"`` (`mutual_info_ksg` with a jitter
            of 1e-10).
        k: Number of nearest neighbours.
        metric: Distance between samples.
        seed: Decides which samples are drawn.
        progress: Show a progress bar.

    Returns:
        The curve; its `sufficient` is the sample size to use.

    Raises:
        TypeError: As the estimator does.
        ValueError: As the estimator does, or if sizes are not within k + 1 .. N, or there are fewer
            than 2 repeats.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 2000)
        >>> curve = mi_sample_size_curve(y + rng.normal(size=2000), y, sizes=[100, 200, 400])
        >>> curve.values.shape, curve.sufficient
        ((10, 3), 100)
    """
    samples = as_samples(x, "x")
    n = samples.shape[0]
    one_of("estimator", estimator, ("mixed", "ksg"))
    k = check_neighbours(k, n)
    check_metric(metric)
    if seed is not None:
        whole("seed", seed)
    flag("progress", progress)
    outcome = as_labels(y, n) if estimator == "mixed" else as_samples(y, "y")
    if outcome.shape[0] != n:
        raise ValueError(f"x has {n} samples but y has {outcome.shape[0]}: they must be pairs")
    repeats = whole("repeats", repeats, 2)  # one has no spread
    if sizes is None:
        chosen = _default_sizes(n)
    else:
        chosen = np.unique(np.array(wholes("sizes", sizes, k + 1, n), dtype=np.int64))
    if chosen.size == 0:
        raise ValueError(f"sizes is empty: give numbers of samples from {k + 1} to {n}")
    rng = np.random.default_rng(seed)
    values = np.empty((repeats, chosen.size))
    tasks = [(r, s) for s in range(chosen.size) for r in range(repeats)]
    for r, s in tqdm(tasks, desc="sample sizes", disable=not progress):
        subset = rng.choice(n, size=int(chosen[s]), replace=False)
        if estimator == "mixed":
            found = mutual_info_mixed(samples[subset], outcome[subset], k=k, metric=metric)
        else:
            noise = int(rng.integers(2**32))
            found = mutual_info_ksg(
                samples[subset],
                outcome[subset],
                k=k,
                metric=metric,
                jitter=1e-10,
                random_state=noise,
            )
        values[r, s] = found.value
    return SampleSizeCurve(
        sizes=chosen,
        values=values,
        n_total=n,
        k=k,
        metric=metric,
        estimator=estimator,
        seed=seed,
    )


def _default_sizes(n: int) -> npt.NDArray[np.int64]:
    if n < 250:
        raise ValueError(f"{n} samples are too few for the default sizes (250 or more): pass sizes")
    return 125 * 2 ** np.arange(int(np.log2(n / 250)) + 1, dtype=np.int64)
