"""A learning-rate policy of our own: the trend of the information, in steps of log rate."""

from __future__ import annotations

from torch.optim import Optimizer

from optuna_mi._checks import real
from optuna_mi.training._policies_base import IHYLLPolicy, Observation, Rates


class IHYLLTrendPolicy(IHYLLPolicy):
    r"""Multiply the rate while the information rises beyond noise, divide it otherwise.

    .. math::
        LR_t &= \min(LR_{max}, u LR_{t-1})
            \quad\text{if } I_{t-1} - I_{t-2} > \max(\epsilon I_{t-1}, z s_{t-1}) \\
        LR_t &= \max(LR_{min}, LR_{t-1} / v) \quad\text{otherwise}

    with s the standard error of the estimate, where it is known. This is not the paper's: its
    policies take the absolute change, so that a collapse of the information raises the rate; their
    steps are in units of the rate, so that the gammas must be chosen anew for every range of
    rates; and their threshold does not know how noisy the estimate is. Here a fall lowers the
    rate, the factors hold for any range, and noise does not count.

    Args:
        optimizer: Any optimizer; every parameter group gets the rate (or its own, layer-wise).
        lr_min: Lowest rate, a number or one per parameter group; training begins there.
        lr_max: Highest rate, a number or one per parameter group.
        up: The factor u >= 1.
        down: The divisor v >= 1.
        epsilon: Relative rise that is needed in any case.
        noise: The factor z: standard errors that the rise must exceed.

    Raises:
        TypeError: If ``optimizer`` is none.
        ValueError: If not 0 < lr_min <= lr_max, or a factor is below 1 or not finite.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch.optim.SGD([weight], lr=0.1)
        >>> policy = IHYLLTrendPolicy(optimizer, lr_min=0.001, lr_max=0.1, up=3.0, down=1.5)
        >>> for ihyll in (1.0, 1.5, 1.4):
        ...     policy.step(ihyll)
        >>> round(policy.get_last_lr()[0], 6)   # 0.001 * 3 / 1.5
        0.002
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: Rates,
        lr_max: Rates,
        up: float = 3.0,
        down: float = 1.5,
        epsilon: float = 0.005,
        noise: float = 1.0,
    ) -> None:
        super().__init__(optimizer, lr_min=lr_min, lr_max=lr_max, epsilon=epsilon, noise=noise)
        self.up = real("up", up, least=1)
        self.down = real("down", down, least=1)
        self._begin()

    def _next_rate(self, seen: Observation) -> float:
        if seen.before is None:
            return seen.rate
        if seen.now > seen.before and self._changed(seen):
            return min(self.lr_max[seen.group], seen.rate * self.up)
        return max(self.lr_min[seen.group], seen.rate / self.down)
