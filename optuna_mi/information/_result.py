"""What every mutual information estimator returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class MutualInformation:
    """An estimate of mutual information with what is needed to judge it.

    The value is never clipped: an estimate may fall below zero or rise above ``upper_bound``, and
    either tells about the estimator's bias and noise. ``float(result)`` is the value.

    Attributes:
        value: The estimate, in nats.
        standard_error: Standard deviation of the pointwise terms divided by sqrt(n), in nats;
            ``None`` where the estimator has none.
        n: Number of samples.
        k: Number of nearest neighbours; ``None`` for estimators without neighbours.
        estimator: Name of the estimator, e.g. ``"mixed"``, ``"ksg1"`` or ``"grassberger"``.
        entropy_labels: Plug-in entropy H(Y) of the labels, in nats; ``None`` if Y is continuous.
        upper_bound: The largest value the true mutual information of the empirical distribution
            can have, in nats (H(Y) for labels); ``None`` if there is none.
        tie_fraction: Share of samples whose neighbourhood was closed by a tie (mixed), or that
            have another sample at distance zero (KSG); ``None`` where ties mean nothing.

    Example:
        >>> mi = MutualInformation(value=0.5, n=100, k=3, estimator="mixed")
        >>> float(mi)
        0.5
    """

    value: float
    standard_error: float | None = None
    n: int = 0
    k: int | None = None
    estimator: str = ""
    entropy_labels: float | None = None
    upper_bound: float | None = None
    tie_fraction: float | None = None

    def __float__(self) -> float:
        return self.value

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary of plain Python values (JSON-serialisable)."""
        return asdict(self)
