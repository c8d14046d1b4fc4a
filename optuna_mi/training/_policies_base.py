"""What the learning-rate policies driven by mutual information share."""

from __future__ import annotations

import abc
import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, SupportsFloat

import numpy as np
import numpy.typing as npt
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from optuna_mi._checks import instance, real, shown

# One number for all parameter groups, one per group in order, or one per group's "name"
Information = SupportsFloat | Sequence[SupportsFloat] | Mapping[str, SupportsFloat]
# One rate for all parameter groups, or one per group in order
Rates = float | Sequence[float] | npt.NDArray[Any] | torch.Tensor
# One value of information for all parameter groups, or one per group in order
Reference = SupportsFloat | Sequence[SupportsFloat] | npt.NDArray[Any] | torch.Tensor


@dataclass(frozen=True)
class Observation:
    """What a policy sees of one parameter group.

    Attributes:
        group: Index of the group.
        rate: Its learning rate, LR_{t-1}, within the group's bounds.
        now: The last information, IHYLL_{t-1}, nats; finite, and positive where a policy needs it.
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


class IHYLLPolicy(LRScheduler, abc.ABC):
    """A learning-rate scheduler whose ``step`` takes the epoch's mutual information.

    Subclasses say in ``_next_rate`` what follows from an observation, and end their constructor
    with ``_begin``. Every parameter group keeps its own rate and its own history. A group that is
    added to the optimizer later gets the bounds and factors of the last one before it, and keeps
    its own rate as far as they allow.
    """

    optimizer: Optimizer
    # The attributes that hold one value per parameter group.
    _PER_GROUP: ClassVar[tuple[str, ...]] = ("lr_min", "lr_max")
    # Whether a policy compares relative changes, which mean nothing at zero and below.
    _NEEDS_POSITIVE: ClassVar[bool] = True

    # Like ReduceLROnPlateau, this does not call LRScheduler.__init__, which steps without a metric.
    def __init__(
        self,
        optimizer: Optimizer,
        *,
        lr_min: Rates,
        lr_max: Rates,
        epsilon: float,
        noise: float,
    ) -> None:
        instance("optimizer", optimizer, Optimizer, "a torch Optimizer")
        self.optimizer = optimizer
        self.lr_min = self._per_group(lr_min, "lr_min")
        self.lr_max = self._per_group(lr_max, "lr_max")
        for low, high in zip(self.lr_min, self.lr_max, strict=True):
            if not 0 < low <= high:
                raise ValueError(
                    f"0 < lr_min <= lr_max is needed, got lr_min={lr_min}, lr_max={lr_max}"
                )
        self.epsilon = real("epsilon", epsilon, least=0)
        self.noise = real("noise", noise, least=0)
        self.last_epoch = 0
        self._history: list[list[float]] = [[] for _ in optimizer.param_groups]
        self._warned = False
        self._changes = _count_changes(optimizer)
        self._n_trained = 0

    def _begin(self) -> None:
        """Start at lr_min; the last thing a constructor does, once everything is checked."""
        self._set_rates(self.lr_min)

    def step(self, ihyll: Information | None = None) -> None:
        """Set the next epoch's learning rate from the epoch's information.

        Call it once per epoch, after ``optimizer.step`` calls, as with ``ReduceLROnPlateau``.

        The first call only records: the change needs two values. A value that is not finite is not
        recorded and leaves the rate as it is. One that is zero or negative (nothing measurable
        learned yet) is recorded and leaves the rate as it is, since the relative change has no
        meaning there. The first such value warns, later ones do not. A rate that somebody else has
        set beyond the bounds is brought back within them.

        Args:
            ihyll: Mutual information in nats: a number or `MutualInformation` for all parameter
                groups, or, layer-wise, one per group: a sequence in the groups' order, or a
                mapping by the groups' ``"name"``. A `MutualInformation` brings its standard error.

        Raises:
            TypeError: If it is missing, as when a library steps the policy as any other scheduler.
            ValueError: If the number or the names do not match the parameter groups.
        """
        self._take_up_new_groups()
        values = self._per_group_information(ihyll)
        self._look_for_training()
        self.last_epoch += 1
        rates = []
        for index, (value, group) in enumerate(
            zip(values, self.optimizer.param_groups, strict=True)
        ):
            rate = float(group["lr"])
            rate = min(max(rate, self.lr_min[index]), self.lr_max[index])
            now = float(value)
            if not math.isfinite(now):
                self._warn_once(f"the information is {now}: the learning rate stays as it is")
                rates.append(rate)
                continue
            history = self._history[index]
            before = history[-1] if history else None
            history[:] = [now]
            if now <= 0 and self._NEEDS_POSITIVE:
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
        left_out = ("optimizer", "_changes", "_n_trained")
        return copy.deepcopy({k: v for k, v in self.__dict__.items() if k not in left_out})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state and the learning rates that go with it.

        Args:
            state_dict: What `state_dict` returned.

        Raises:
            ValueError: If it is another kind of scheduler's, or belongs to another number of
                parameter groups.
        """
        instance("state_dict", state_dict, dict, "what state_dict() returned")
        self._take_up_new_groups()
        if state_dict.keys() != self.state_dict().keys():
            raise ValueError(
                f"the state is not that of an {type(self).__name__} (it holds "
                f"{', '.join(sorted(state_dict))}): load what this kind of policy's state_dict() "
                "returned, or start the policy afresh by not loading a scheduler's state"
            )
        expected = len(self.optimizer.param_groups)
        found = len(state_dict["_history"])
        if found != expected:
            raise ValueError(
                f"the state has {found} parameter groups but the optimizer has {expected}; "
                "build the optimizer as it was when the state was saved"
            )
        self.__dict__.update(copy.deepcopy(state_dict))
        self._set_rates(state_dict["_last_lr"])

    @abc.abstractmethod
    def _next_rate(self, seen: Observation) -> float:
        """Return the rate that follows from what a group has seen."""

    def _after_step(self) -> None:
        """Count down what lasts a number of steps."""

    def _changed(self, seen: Observation) -> bool:
        """Return whether the relative change exceeds epsilon, and noise where that is known."""
        threshold = self.epsilon
        if seen.error is not None and math.isfinite(seen.error):
            threshold = max(threshold, self.noise * seen.error / seen.now)
        return seen.relative_change > threshold

    def _look_for_training(self) -> None:
        """Warn where the optimizer has trained before, and not since the last step.

        Two epochs are asked for: a parameter may change once for another reason, such as a loaded
        checkpoint, and the fused optimizers of PyTorch change them without a trace.
        """
        changes = _count_changes(self.optimizer)
        if self._n_trained >= 2 and changes == self._changes:
            warnings.warn(
                f"{type(self).__name__}: no parameter of its optimizer has changed since the last "
                "step. If model or optimizer were built anew, make the policy anew too, or give it "
                "the new one: policy.optimizer = optimizer",
                stacklevel=3,
            )
        self._n_trained = self._n_trained + 1 if changes != self._changes else 0
        self._changes = changes

    def _take_up_new_groups(self) -> None:
        groups, known = self.optimizer.param_groups, len(self._history)
        if len(groups) < known:
            raise ValueError(
                f"the optimizer has {len(groups)} parameter groups, and had {known} before: make "
                "the policy anew after a group is removed"
            )
        for group in groups[known:]:
            for name in self._PER_GROUP:
                values = getattr(self, name)
                values.append(values[-1])
            self._history.append([])
            self._last_lr.append(float(group["lr"]))

    def _per_group(self, value: Rates, name: str) -> list[float]:
        n_groups = len(self.optimizer.param_groups)
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu().numpy()
        try:
            given = np.asarray(value)
        except ValueError:  # ragged
            given = np.empty((0, 0))
        if given.ndim > 1 or given.dtype.kind not in "iuf":
            raise TypeError(
                f"{name} must be a number, or a list of one per parameter group, got {value!r}"
            )
        if given.ndim == 1 and len(given) != n_groups:
            raise ValueError(
                f"{name} has {len(given)} values for {n_groups} parameter groups, got {value}: "
                "give one for each, or a number"
            )
        if not np.isfinite(given).all():
            raise ValueError(f"{name} must be finite, got {value}")
        values: list[float] = np.broadcast_to(given, n_groups).astype(np.float64).tolist()
        return values

    def _references(self, reference: Reference) -> list[float]:
        """Return the information to reach of every group.

        Raises:
            ValueError: If one is not positive.
        """
        values: Rates
        if isinstance(reference, np.ndarray | torch.Tensor):
            values = reference
        elif isinstance(reference, Sequence) and not isinstance(reference, str):
            values = [real("reference", value) for value in reference]
        else:
            values = real("reference", reference)
        references = self._per_group(values, "reference")
        if min(references) <= 0:
            raise ValueError(
                f"reference must be positive, got {reference}; H(Y) of the labels always is where "
                "there is something to learn"
            )
        return references

    def _gains(self, value: float | None, name: str, share: float) -> list[float]:
        """Return a gamma for every group: the value, or by default a share of its lr_max."""
        if value is None:
            return [share * high for high in self.lr_max]
        return [real(name, value, least=0)] * len(self.lr_max)

    def _per_group_information(self, ihyll: Information | None) -> list[SupportsFloat]:
        groups = self.optimizer.param_groups
        if ihyll is None:
            raise TypeError(
                "step() needs the epoch's information: step(probe.measure().ihyll), once per "
                "epoch. A library that steps its schedulers itself has to be told: in Lightning "
                "return "
                '{"scheduler": policy, "monitor": "ihyll", "reduce_on_plateau": True} from '
                "configure_optimizers or use IHYLLCallback(probe, policy), in Hugging Face's "
                "Trainer pass PolicyScheduler(policy)"
            )
        if isinstance(ihyll, Mapping):
            names = [group.get("name") for group in groups]
            missing = [name for name in names if name not in ihyll]
            if missing:
                raise ValueError(
                    f"no information for the parameter groups named {missing}; got {list(ihyll)}. "
                    'Name every group ({"params": ..., "name": ...}) and measure that layer'
                )
            return self._numbers([ihyll[name] for name in names if name is not None])
        if isinstance(ihyll, np.ndarray | torch.Tensor) and ihyll.ndim:
            ihyll = ihyll.tolist()
        if isinstance(ihyll, Sequence) and not isinstance(ihyll, str):
            if len(ihyll) != len(groups):
                raise ValueError(
                    f"the information has {len(ihyll)} values for {len(groups)} parameter groups: "
                    "give one for each, or a number"
                )
            return self._numbers(ihyll)
        return self._numbers([ihyll]) * len(groups)

    @staticmethod
    def _numbers(values: Sequence[Any]) -> list[SupportsFloat]:
        """Return the values, NaN and infinity among them, or raise TypeError."""
        for value in values:
            if isinstance(value, bool | complex | str) or not isinstance(value, SupportsFloat):
                hint = "; pass its .ihyll" if hasattr(value, "ihyll") else ""
                raise TypeError(f"the information must be a number, got {shown(value)}{hint}")
        return list(values)

    def _set_rates(self, rates: Sequence[float]) -> None:
        seen: set[int] = set()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], torch.Tensor):
                if id(group["lr"]) in seen:  # Optimizer(groups, lr=tensor) gives all the same one
                    group["lr"] = group["lr"].clone()
                seen.add(id(group["lr"]))
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self._last_lr: list[float | torch.Tensor] = [float(rate) for rate in rates]

    def _warn_once(self, message: str) -> None:
        if not self._warned:
            warnings.warn(f"{type(self).__name__}: {message} (said once)", stacklevel=3)
            self._warned = True


def _count_changes(optimizer: Optimizer) -> int:
    """Return how often the optimizer's parameters have been changed in place, all together."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return sum(p._version for p in parameters if not p.is_inference())
