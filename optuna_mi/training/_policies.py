"""The two learning-rate policies of [V], appendix."""

from __future__ import annotations

from torch.optim import Optimizer

from optuna_mi._checks import whole
from optuna_mi.training._policies_base import (
    IHYLLPolicy,
    Information,
    Observation,
    Rates,
    Reference,
)


class IHYLLChangePolicy(IHYLLPolicy):
    r"""Policy 1: raise the rate while the information changes, lower it when it saturates.

    .. math::
        \delta_t &= |IHYLL_{t-1} - IHYLL_{t-2}| / IHYLL_{t-1} \\
        LR_t &= \min(LR_{max}, LR_{t-1} + \gamma_1 \delta_t)
            \quad\text{if } \delta_t > \epsilon \\
        LR_t &= \max(LR_{min}, LR_{t-1} - \gamma_2 \delta_t) \quad\text{otherwise}

    Training begins at ``lr_min``; the first `step` only records. Given plain numbers this is the
    paper's rule. A `MutualInformation` brings its standard error: then a change within ``noise``
    standard errors does not raise the rate, as noise would raise it for ever; it lowers the rate
    by no more than a change of ``epsilon`` would. ``noise=0`` is the paper's rule there too.

    Args:
        optimizer: Any optimizer; every parameter group gets the rate (or its own, layer-wise).
        lr_min: Lowest rate, a number or one per parameter group; training begins there.
        lr_max: Highest rate, a number or one per parameter group.
        gamma1: Step up per unit of relative change. The paper's: 0.1 (MNIST), 0.003 (CIFAR-10).
            None is ``lr_max``, which is the paper's for MNIST, where that is 0.1.
        gamma2: Step down per unit of relative change. The paper's: 1 (MNIST), 0.003 (CIFAR-10).
            None is ten times ``lr_max``, which again is the paper's for MNIST.
        epsilon: Relative change above which the information still moves.
        noise: The change must also exceed this many standard errors, where they are known. With a
            fixed probe an epoch's increment varies by about 0.6 of one.

    Raises:
        TypeError: If ``optimizer`` is none.
        ValueError: If not 0 < lr_min <= lr_max, or a factor is negative or not finite.

    Note:
        Source: [V] appendix, first policy.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch.optim.SGD([weight], lr=0.1)
        >>> policy = IHYLLChangePolicy(optimizer, lr_min=0.001, lr_max=0.1)
        >>> for ihyll in (1.0, 2.0):
        ...     policy.step(ihyll)
        >>> round(policy.get_last_lr()[0], 6)   # 0.001 + 0.1 * (2 - 1) / 2
        0.051
    """

    _PER_GROUP = (*IHYLLPolicy._PER_GROUP, "gamma1", "gamma2")

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: Rates,
        lr_max: Rates,
        gamma1: float | None = None,
        gamma2: float | None = None,
        epsilon: float = 0.01,
        noise: float = 1.0,
    ) -> None:
        super().__init__(optimizer, lr_min=lr_min, lr_max=lr_max, epsilon=epsilon, noise=noise)
        self.gamma1 = self._gains(gamma1, "gamma1", 1.0)
        self.gamma2 = self._gains(gamma2, "gamma2", 10.0)
        self._begin()

    def _next_rate(self, seen: Observation) -> float:
        if seen.before is None:
            return seen.rate
        delta = seen.relative_change
        if self._changed(seen):
            return min(self.lr_max[seen.group], seen.rate + self.gamma1[seen.group] * delta)
        # A change within the noise may be larger than epsilon; it must not lower the rate by more
        # than the paper's rule ever does.
        delta = min(delta, self.epsilon)
        return max(self.lr_min[seen.group], seen.rate - self.gamma2[seen.group] * delta)


class IHYLLReferencePolicy(IHYLLPolicy):
    r"""Policy 2: change and value of the information, relative to a reference.

    .. math::
        d1_t &= 1 - IHYLL_{t-1} / IXY \\
        d2_t &= |IHYLL_{t-1} - IHYLL_{t-2}| / IHYLL_{t-1} \\
        LR_t &= \min(LR_{max}, LR_{t-1} + \gamma_1 d1_t)
            \quad\text{if } d1_t > 0 \text{ and } d2_t > \epsilon \\
        LR_t &= \max(LR_{min}, LR_{t-1} - \gamma_2 d1_t)
            \quad\text{if } d1_t > 0 \text{ and } d2_t \le \epsilon \\
        LR_t &= \max(LR_{min}, LR_{t-1} + \gamma_3 d1_t) \quad\text{if } d1_t \le 0

    After a change of the batch size only the value counts for a few epochs (`value_only`), so that
    the rate can grow with it ([V] Fig. 5). Training begins at ``lr_min``; the first `step` only
    records, unless the value alone counts.

    Args:
        optimizer: Any optimizer; every parameter group gets the rate (or its own, layer-wise).
        lr_min: Lowest rate, a number or one per parameter group; training begins there.
        lr_max: Highest rate, a number or one per parameter group.
        reference: The information to reach, nats: IXY, estimated with the same N, k and metric, or
            H(Y), which always bounds it (`InformationProbe.reference` gives either). A number or
            `MutualInformation`, or one per parameter group.
        gamma1: Step up per unit of d1. The paper's: 0.1 (MNIST), 0.001 (CIFAR-10). None is
            ``lr_max``, which is the paper's for MNIST, where that is 0.1.
        gamma2: Step down per unit of d1 once the information has saturated. The same values.
        gamma3: Step down per unit of -d1 above the reference. The paper's: 0.1; None is ``lr_max``.
        epsilon: Relative change above which the information still moves.
        noise: The change must also exceed this many standard errors, where they are known (ours,
            as in `IHYLLChangePolicy`; 0 is the paper's rule).
        value_only_epochs: How many epochs only the value counts once `step` is told another
            batch size.

    Raises:
        TypeError: If ``optimizer`` is none.
        ValueError: If not 0 < lr_min <= lr_max, a factor is negative or not finite, or the
            reference is not positive.

    Note:
        Source: [V] appendix, second policy, and Fig. 5.

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch.optim.SGD([weight], lr=0.1)
        >>> policy = IHYLLReferencePolicy(optimizer, lr_min=0.001, lr_max=0.1, reference=2.0)
        >>> for ihyll in (1.0, 1.5):
        ...     policy.step(ihyll)
        >>> round(policy.get_last_lr()[0], 6)   # 0.001 + 0.1 * (1 - 1.5 / 2)
        0.026
    """

    _PER_GROUP = (*IHYLLPolicy._PER_GROUP, "gamma1", "gamma2", "gamma3", "reference")

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: Rates,
        lr_max: Rates,
        reference: Reference,
        gamma1: float | None = None,
        gamma2: float | None = None,
        gamma3: float | None = None,
        epsilon: float = 0.01,
        noise: float = 1.0,
        value_only_epochs: int = 5,
    ) -> None:
        super().__init__(optimizer, lr_min=lr_min, lr_max=lr_max, epsilon=epsilon, noise=noise)
        self.reference = self._references(reference)
        self.gamma1 = self._gains(gamma1, "gamma1", 1.0)
        self.gamma2 = self._gains(gamma2, "gamma2", 1.0)
        self.gamma3 = self._gains(gamma3, "gamma3", 1.0)
        self.value_only_epochs = whole("value_only_epochs", value_only_epochs)
        self._value_only_left = 0
        self._batch_size: int | None = None
        self._begin()

    def step(self, ihyll: Information | None = None, *, batch_size: int | None = None) -> None:
        """Set the next epoch's learning rate from the epoch's information.

        Args:
            ihyll: Mutual information in nats, as for `IHYLLChangePolicy.step`.
            batch_size: The batch size of the next epoch. When it differs from the one told before,
                only the value counts for ``value_only_epochs`` steps, this one included.

        Raises:
            ValueError: If the number or the names do not match the parameter groups.
        """
        if batch_size is not None:
            batch_size = whole("batch_size", batch_size, 1)
            if self._batch_size is not None and batch_size != self._batch_size:
                self.value_only(self.value_only_epochs)
            self._batch_size = batch_size
        super().step(ihyll)

    def value_only(self, epochs: int) -> None:
        """Let only the value relative to the reference count for the next ``epochs`` steps.

        Args:
            epochs: How many; 0 ends it at once.

        Raises:
            ValueError: If it is negative or no integer.
        """
        self._value_only_left = whole("epochs", epochs)

    def _next_rate(self, seen: Observation) -> float:
        low, high = self.lr_min[seen.group], self.lr_max[seen.group]
        d1 = 1.0 - seen.now / self.reference[seen.group]
        if self._value_only_left == 0 and seen.before is None:
            return seen.rate
        if d1 <= 0:
            return max(low, seen.rate + self.gamma3[seen.group] * d1)
        if self._value_only_left > 0 or self._changed(seen):
            return min(high, seen.rate + self.gamma1[seen.group] * d1)
        return max(low, seen.rate - self.gamma2[seen.group] * d1)

    def _after_step(self) -> None:
        self._value_only_left = max(0, self._value_only_left - 1)
