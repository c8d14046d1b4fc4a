"""What the learning-rate policies driven by mutual information share."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, SupportsFloat

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

# One number for all parameter groups, one per group in order, or one per group's "name"
Information = SupportsFloat | Sequence[SupportsFloat] | Mapping[str, SupportsFloat]


@dataclass(frozen=True)
class Observation:
    """What a policy sees of one parameter group.

    Attributes:
        group: Index of the group.
        rate: Its learning rate, LR_{t-1}.
        now: The last information, IHYLL_{t-1}, nats; finite and positive.
        before: The one before it, IHYLL_{t-2}, nats; ``None`` after the first epoch.
        error: Standard error of ``now``, nats; ``None`` if it came as a plain number.
    """

    group: int
    rate: float
    now: float
    before: float | None
    error: float | None

    @property
    def relative_change(self) -> float:
        """|IHYLL_{t-1} - IHYLL_{t-2}| / IHYLL_{t-1} ([V] appendix); infinite without the latter."""
        return math.inf if self.before is None else abs(self.now - self.before) / self.now


class IHYLLPolicy(LRScheduler):
    """A learning-rate scheduler whose ``step`` takes the epoch's mutual information.

    Subclasses say in ``_next_rate`` what follows from an observation, and end their constructor
    with ``_begin``. Every parameter group keeps its own rate and its own history.
    """

    optimizer: Optimizer

    # Like ReduceLROnPlateau, this does not call LRScheduler.__init__, which steps without a metric.
    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: float | Sequence[float],
        lr_max: float | Sequence[float],
        epsilon: float,
        noise: float,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be a torch Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        self.lr_min = self._per_group(lr_min, "lr_min")
        self.lr_max = self._per_group(lr_max, "lr_max")
        for low, high in zip(self.lr_min, self.lr_max, strict=True):
            if not 0 < low <= high:
                raise ValueError(
                    f"0 < lr_min <= lr_max is needed, got lr_min={lr_min}, lr_max={lr_max}"
                )
        self.epsilon = not_negative(epsilon, "epsilon")
        self.noise = not_negative(noise, "noise")
        self.last_epoch = 0
        self._history: list[list[float]] = [[] for _ in optimizer.param_groups]
        self._warned = False

    def _begin(self) -> None:
        """Start at lr_min; the last thing a constructor does, once everything is checked."""
        self._set_rates(self.lr_min)

    def step(self, ihyll: Information) -> None:  # type: ignore[override]
        """Set the next epoch's learning rate from the epoch's information.

        Call it once an epoch, after ``optimizer.step`` calls, as with ``ReduceLROnPlateau``.

        The first call only records: the change needs two values. A value that is not finite is not
        recorded and leaves the rate as it is. One that is zero or negative (nothing measurable
        learned yet) is recorded and leaves the rate as it is, since the relative change has no
        meaning there. The first such value warns, later ones do not.

        Args:
            ihyll: Mutual information in nats: a number or `MutualInformation` for all parameter
                groups, or, layer-wise, one per group: a sequence in the groups' order, or a
                mapping by the groups' ``"name"``. A `MutualInformation` brings its standard error.

        Raises:
            ValueError: If the number or the names do not match the parameter groups.
        """
        values = self._per_group_information(ihyll)
        self.last_epoch += 1
        rates = []
        for index, (value, group) in enumerate(
            zip(values, self.optimizer.param_groups, strict=True)
        ):
            rate = float(group["lr"])
            now = float(value)
            if not math.isfinite(now):
                self._warn_once(f"the information is {now}: the learning rate stays as it is")
                rates.append(rate)
                continue
            history = self._history[index]
            before = history[-1] if history else None
            history[:] = [now]
            if now <= 0:
                self._warn_once(
                    f"the information is {now:.4g} nats, so its relative change has no meaning: "
                    "the learning rate stays as it is until something is learned"
                )
                rates.append(rate)
                continue
            error = getattr(value, "standard_error", None)
            rates.append(self._next_rate(Observation(index, rate, now, before, error)))
        self._after_step()
        self._set_rates(rates)

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, as plain Python values."""
        state = {key: value for key, value in self.__dict__.items() if key != "optimizer"}
        state["_history"] = [list(values) for values in self._history]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state and the learning rates that go with it.

        Args:
            state_dict: What `state_dict` returned.

        Raises:
            ValueError: If it belongs to another number of parameter groups.
        """
        expected = len(self.optimizer.param_groups)
        found = len(state_dict["_history"])
        if found != expected:
            raise ValueError(
                f"the state has {found} parameter groups but the optimizer has {expected}; "
                "build the optimizer as it was when the state was saved"
            )
        self.__dict__.update(state_dict)
        self._history = [list(values) for values in state_dict["_history"]]
        self._set_rates(state_dict["_last_lr"])

    def _next_rate(self, seen: Observation) -> float:
        raise NotImplementedError

    def _after_step(self) -> None:
        """Count down what lasts a number of steps."""

    def _changed(self, seen: Observation) -> bool:
        """Return whether the relative change exceeds epsilon, and noise where that is known."""
        threshold = self.epsilon
        if seen.error is not None and math.isfinite(seen.error):
            threshold = max(threshold, self.noise * seen.error / seen.now)
        return seen.relative_change > threshold

    def _per_group(self, value: float | Sequence[float], name: str) -> list[float]:
        n_groups = len(self.optimizer.param_groups)
        if isinstance(value, Sequence):
            if len(value) != n_groups:
                raise ValueError(
                    f"{name} has {len(value)} values for {n_groups} parameter groups: {value}"
                )
            values = [float(v) for v in value]
        else:
            values = [float(value)] * n_groups
        if not all(math.isfinite(v) for v in values):
            raise ValueError(f"{name} must be finite, got {value}")
        return values

    def _gains(self, value: float | None, name: str, share: float) -> list[float]:
        """Return a gamma for every group: the value, or by default a share of its lr_max."""
        if value is None:
            return [share * high for high in self.lr_max]
        return [not_negative(value, name)] * len(self.lr_max)

    def _per_group_information(self, ihyll: Information) -> list[SupportsFloat]:
        groups = self.optimizer.param_groups
        if isinstance(ihyll, Mapping):
            names = [group.get("name") for group in groups]
            missing = [name for name in names if name not in ihyll]
            if missing:
                raise ValueError(
                    f"no information for the parameter groups named {missing}; got {list(ihyll)}. "
                    'Name every group ({"params": ..., "name": ...}) and measure that layer'
                )
            return [ihyll[name] for name in names if name is not None]
        if isinstance(ihyll, Sequence) and not isinstance(ihyll, str):
            if len(ihyll) != len(groups):
                raise ValueError(f"{len(ihyll)} values for {len(groups)} parameter groups")
            return list(ihyll)
        if not isinstance(ihyll, SupportsFloat):
            hint = "; pass its .ihyll" if hasattr(ihyll, "ihyll") else ""
            raise TypeError(f"the information must be a number, got {type(ihyll).__name__}{hint}")
        return [ihyll] * len(groups)

    def _set_rates(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self._last_lr: list[float | torch.Tensor] = [float(rate) for rate in rates]

    def _warn_once(self, message: str) -> None:
        if not self._warned:
            warnings.warn(f"{type(self).__name__}: {message} (said once)", stacklevel=3)
            self._warned = True


def not_negative(value: float, name: str) -> float:
    """Return a finite float of at least 0.

    Raises:
        ValueError: If it is none.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be finite and not negative, got {value}")
    return float(value)
