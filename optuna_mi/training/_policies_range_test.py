"""A learning-rate policy of our own that needs no rate: a range test that trains while it tests."""

from __future__ import annotations

import math
from typing import ClassVar

from torch.optim import Optimizer

from optuna_mi._checks import real, whole
from optuna_mi.training._policies_base import (
    IHYLLPolicy,
    Information,
    Observation,
    Rates,
    Reference,
)


class IHYLLRangeTestPolicy(IHYLLPolicy):
    r"""Raise the rate until the network learns more slowly, go back to the fastest, fall to zero.

    With I the information, R its reference and s the standard error, an epoch's speed is the share
    of what was left to learn that it has learned,

    .. math::
        g_t = (I_{t-1}^+ - I_{t-2}^+) / (R - I_{t-2}^+), \quad I^+ = \max(0, I)

    The rate begins at ``lr_min`` and is multiplied by ``up`` after each epoch, until one is slower
    than the fastest by more than noise: then the fastest epoch's rate is kept. A fall of the
    information by more than noise ends the search too and divides the rate by ``down``, then and at
    any later time. What does not exceed the noise changes nothing, and so does a fall before the
    first rise, since an untrained network's information is that of its random features. If
    ``epochs`` are given, the rate falls to zero over the last ``cooldown`` of them.

    As the rate may overshoot once, ``up`` should not be much larger than 2. Fed with a lower bound
    of the information (``InformationProbe(estimator="loss")``) it also sees that nothing is learned
    yet: values below zero count as none, and while they do not rise either, the rate is multiplied
    by the square root of ``up`` only.

    Args:
        optimizer: Any optimizer; every parameter group gets the rate (or its own, layer-wise).
        lr_min: Where the rate begins, a number or one per parameter group: too low rather than too
            high (for Adam 1e-3, its usual default).
        lr_max: What it never exceeds, a number or one per parameter group (for Adam 0.1).
        reference: The information to reach, nats: H(Y), as ``probe.reference()`` gives it.
        epochs: How many calls of `step` there will be; None if that is not known, and then the
            rate that was found stays.
        cooldown: Share of the epochs in which the rate falls to zero.
        up: The factor u > 1.
        down: The divisor v > 1.
        epsilon: Relative change that counts in any case.
        noise: Standard errors that a change must exceed.

    Raises:
        TypeError: If ``optimizer`` is none.
        ValueError: If not 0 < lr_min <= lr_max, a factor is not above 1, or the reference is not
            positive.

    Note:
        The range test as a run of its own: Smith, "Cyclical learning rates" (2017), section 3.3.
        The fall to zero: Hägele et al., "Scaling laws and compute-optimal training beyond fixed
        training durations" (2024).

    Example:
        >>> import torch
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer = torch.optim.Adam([weight])
        >>> policy = IHYLLRangeTestPolicy(optimizer, lr_min=1e-3, lr_max=0.1, reference=2.0)
        >>> rates = []
        >>> for ihyll in (0.1, 0.2, 0.8, 1.0):  # speeds 0.05, 0.33, 0.17
        ...     policy.step(ihyll)
        ...     rates += policy.get_last_lr()
        >>> rates
        [0.002, 0.004, 0.008, 0.004]
    """

    _NEEDS_POSITIVE: ClassVar[bool] = False
    _STATES = ("_rates", "_speeds", "_fastest", "_rose", "_searches")
    _PER_GROUP = (*IHYLLPolicy._PER_GROUP, "reference", *_STATES)

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: Rates,
        lr_max: Rates,
        reference: Reference,
        epochs: int | None = None,
        cooldown: float = 0.4,
        up: float = 2.0,
        down: float = 4.0,
        epsilon: float = 0.005,
        noise: float = 1.0,
    ) -> None:
        super().__init__(optimizer, lr_min=lr_min, lr_max=lr_max, epsilon=epsilon, noise=noise)
        self.reference = self._references(reference)
        self.epochs = None if epochs is None else whole("epochs", epochs, 1)
        self.cooldown = real("cooldown", cooldown, least=0, most=1)
        self.up = real("up", up, above=1)
        self.down = real("down", down, above=1)
        # Of each group: the rate before the cooldown; speed and rate of the fastest epoch; whether
        # the information has risen yet; whether the rate still climbs.
        self._rates = list(self.lr_min)
        self._speeds = [0.0] * len(self._rates)
        self._fastest = list(self.lr_min)
        self._rose = [False] * len(self._rates)
        self._searches = [True] * len(self._rates)
        self._begin()

    def step(self, ihyll: Information | None = None) -> None:
        """Set the next epoch's learning rate from the epoch's information.

        Args:
            ihyll: As for `IHYLLChangePolicy.step`; values below zero count as none.

        Raises:
            TypeError: If it is missing.
            ValueError: If it does not match the parameter groups, or ``epochs`` are over.
        """
        if self.epochs is not None and self.last_epoch >= self.epochs:
            raise ValueError(
                f"this is step {self.last_epoch + 1}, and the rate has fallen to zero at the end "
                f"of epochs={self.epochs}: pass the number of epochs that are trained"
            )
        super().step(ihyll)

    def _take_up_new_groups(self) -> None:
        known = len(self._history)
        super()._take_up_new_groups()
        for group in range(known, len(self._history)):  # it begins its own search at its own rate
            rate = float(self._last_lr[group])
            rate = min(max(rate, self.lr_min[group]), self.lr_max[group])
            self._rates[group] = self._fastest[group] = rate
            self._speeds[group], self._rose[group], self._searches[group] = 0.0, False, True

    def _next_rate(self, seen: Observation) -> float:
        group = seen.group
        share = self._left()
        # The cooldown follows what was tried: it does not begin with a rate that was not.
        found = self._found(seen, up=self.up if share == 1 else 1.0)
        self._rates[group] = min(found, self.lr_max[group])
        return self._rates[group] * share

    def _found(self, seen: Observation, up: float) -> float:
        """Return the rate that follows, without regard to the end of the training."""
        group, rate = seen.group, self._rates[seen.group]
        now, before = max(seen.now, 0.0), max(seen.before or 0.0, 0.0)
        noise = max(self.epsilon * abs(seen.now), self.noise * (seen.error or 0.0))
        change = 0.0 if seen.before is None else now - before
        if now == 0 and seen.before is not None and seen.now - seen.before <= noise:
            up = math.sqrt(up)  # a plateau at nothing learned does not show what a rate is worth
        self._rose[group] |= change > noise
        if not self._rose[group]:
            return rate * up if self._searches[group] else rate
        if change < -noise:
            self._searches[group] = False
            return max(self.lr_min[group], rate / self.down)
        if not self._searches[group]:
            return rate
        room = self.reference[group] - before
        if room <= 0:  # an estimated reference may be passed; then only a fall ends the search
            return rate * up
        room = max(room, noise)
        speed = change / room
        if speed < self._speeds[group] - noise / room:
            self._searches[group] = False
            return self._fastest[group]
        if speed > self._speeds[group]:
            self._speeds[group], self._fastest[group] = speed, rate
        return rate * up

    def _left(self) -> float:
        """Return the share of the rate that the cooldown leaves in the middle of the next epoch."""
        if self.epochs is None or self.cooldown == 0:
            return 1.0
        share = (self.epochs - self.last_epoch - 0.5) / (self.cooldown * self.epochs)
        return min(1.0, max(0.0, share))
