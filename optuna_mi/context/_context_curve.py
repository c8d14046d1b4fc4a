"""The context curve as an object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import whole
from optuna_mi.decay._record import Record, plain

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

_ARRAYS = ("information", "std_error", "gain", "gain_error")


@dataclass(frozen=True)
class Budget:
    """How much of the past is useful to a predictor that learns from this many steps.

    Attributes:
        n_train: Steps learnt from.
        context_length: Smallest number of steps beyond which nothing is gained.
        context_interval: 90 % interval of it, by bootstrap.
        information: What that many steps tell, in nats.
    """

    n_train: int
    context_length: int
    context_interval: tuple[int, int]
    information: float


@dataclass(frozen=True, eq=False, repr=False)
class ContextCurve(Record):
    """What the last k steps tell about a later value, as far as it can be learnt from the data.

    Measured on held-out data, so the bias of an estimator cannot feign it. All information is in
    nats; arrays have one value for each k = 0, 1, …, shape (K + 1,).

    Attributes:
        information: What the last k steps tell; 0 for k = 0.
        std_error: Its standard error over held-out blocks.
        gain: What the k-th step adds to the k - 1 nearer ones; 0 for k = 0.
        gain_error: Its standard error.
        context_length: The smallest k beyond which nothing is gained beyond the error.
        context_interval: 90 % interval of it, by bootstrap over blocks.
        base_loss: Log loss in nats with no context: the marginal's entropy for symbols, a Gaussian
            density's for real values of variance 1.
        horizon: How many steps ahead the value is; 0 where it is the sequence's label.
        n_train: Steps that a prediction learns from.
        n_scored: Steps that are predicted and scored.
        budgets: The same for predictors that learn from an eighth, a quarter and a half of the
            data, and from all (this curve), in this order.
        predictor: ``"back-off"`` for symbols, ``"linear"`` for real values.
        notes: Remarks a reader should see.
        nonlinear_length: Steps that products of two real values need, which tell what no linear
            predictor knows; 0 if none do, and for symbols.
    """

    information: Floats
    std_error: Floats
    gain: Floats
    gain_error: Floats
    context_length: int
    context_interval: tuple[int, int]
    base_loss: float
    horizon: int
    n_train: int
    n_scored: int
    budgets: tuple[Budget, ...] = ()
    predictor: Literal["back-off", "linear"] = "back-off"
    notes: tuple[str, ...] = ()
    nonlinear_length: int = 0

    @property
    def max_context(self) -> int:
        """The largest k."""
        return len(self.information) - 1

    @property
    def bits(self) -> Floats:
        """``information`` in bits, float64, shape (K + 1,)."""
        return self.information / math.log(2)

    def context_length_for(self, n_train: int) -> int:
        """Return the context length for a predictor that learns from this many steps.

        Interpolated between measured budgets, and extrapolated up to eight times beyond the
        largest, along a straight line in the logarithm of ``n_train``. It never falls with it.

        Args:
            n_train: Steps to learn from.

        Raises:
            ValueError: If it is below 1, more than eight times what was measured, or the curve has
                one budget only.
        """
        n_train = whole("n_train", n_train, 1)
        if len(self.budgets) < 2:
            raise ValueError(
                "the data were too few to be cut into smaller budgets, so nothing says what other "
                f"budgets would use; context_length is {self.context_length}"
            )
        if n_train > 8 * self.n_train:
            raise ValueError(
                f"n_train={n_train:,} is more than eight times the {self.n_train:,} measured: "
                "bring more data"
            )
        x = np.log([b.n_train for b in self.budgets])
        y = np.maximum.accumulate([b.context_length for b in self.budgets])
        if n_train <= self.n_train:
            return round(float(np.interp(math.log(n_train), x, y)))
        slope = max(0.0, float(np.polyfit(x, y, 1)[0]))
        return round(float(y[-1]) + slope * (math.log(n_train) - float(x[-1])))

    def __len__(self) -> int:
        return len(self.information)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ContextCurve):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def to_frame(self) -> pd.DataFrame:
        """Return one row per number of steps."""
        import pandas as pd

        columns = {"steps": np.arange(len(self))} | {name: getattr(self, name) for name in _ARRAYS}
        return pd.DataFrame(columns)

    def to_json(self) -> str:
        """Return the curve as JSON; floats keep all their bits."""
        record = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        record["budgets"] = [plain(asdict(b)) for b in self.budgets]
        return json.dumps({"kind": "ContextCurve", "version": 1} | record)

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        names = {f.name for f in fields(cls)}
        values = {k: v for k, v in record.items() if k in names}
        for name in _ARRAYS:
            values[name] = np.array(values[name], dtype=np.float64)
        values["context_interval"] = tuple(values["context_interval"])
        values["budgets"] = tuple(_budget(b) for b in values["budgets"])
        values["notes"] = tuple(values["notes"])
        return cls(**values)

    def _rows(self) -> list[tuple[str, str]]:
        k, (low, high) = self.context_length, self.context_interval
        best = float(self.information[k])
        ahead = {0: "the label", 1: "the next value"}.get(
            self.horizon, f"the value {self.horizon} steps ahead"
        )
        rows = [
            (
                "context",
                f"{_steps(k)} (90 %: {low:,} to {high:,}) of the past, to tell {ahead}",
            ),
            (
                "information",
                f"{best:.4g} nats ({best / math.log(2):.4g} bits) ± {self.std_error[k]:.1g}; "
                f"one step tells {float(self.information[min(1, self.max_context)]):.4g} nats",
            ),
            ("data", f"{self.n_train:,} steps to learn from, {self.n_scored:,} scored"),
        ]
        rows.extend(
            (
                f"with {b.n_train:,}",
                f"{_steps(b.context_length)} ({b.context_interval[0]:,} to "
                f"{b.context_interval[1]:,}), {b.information:.4g} nats",
            )
            for b in self.budgets[:-1]
        )
        if len(self.budgets) > 1:
            more = self.context_length_for(8 * self.n_train)
            rows.append((f"with {8 * self.n_train:,}", f"about {_steps(more)} (extrapolated)"))
        rows.append(("predictor", f"{self.predictor}, up to {self.max_context:,} steps"))
        rows.extend(("note", note) for note in self.notes)
        return rows


def _steps(n: int) -> str:
    return "1 step" if n == 1 else f"{n:,} steps"


def _budget(record: Mapping[str, Any]) -> Budget:
    low, high = record["context_interval"]
    return Budget(**{**record, "context_interval": (int(low), int(high))})
