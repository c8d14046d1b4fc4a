"""The recommended window as an object, in the words of the libraries that ask for one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from optuna_mi._checks import whole
from optuna_mi.context._context_curve import ContextCurve, _steps
from optuna_mi.decay._record import Record, plain

# what forecasting libraries call the number of past steps that a model sees
_NAMES = {
    "neuralforecast": "input_size",
    "darts": "input_chunk_length",
    "gluonts": "context_length",
    "sktime": "window_length",
}


@dataclass(frozen=True, eq=False, repr=False)
class Window(Record):
    """How many past steps a model should see.

    Attributes:
        length: The number of steps.
        interval: 90 % interval of it, by bootstrap over held-out blocks.
        reason: Why, as a sentence.
        horizon: How many steps ahead are predicted.
        curve: What the last k steps tell.
        far_lags: Single distances beyond the curve's largest k that add to it.
        per_series: Lengths for the series of a panel one by one, where they were asked for.
    """

    length: int
    interval: tuple[int, int]
    reason: str
    horizon: int
    curve: ContextCurve
    far_lags: tuple[int, ...] = ()
    per_series: dict[str, int] = field(default_factory=dict)

    def parameters(self, library: str) -> dict[str, int]:
        """Return the window as a library's own parameter.

        Args:
            library: ``"neuralforecast"``, ``"darts"``, ``"gluonts"`` or ``"sktime"``.

        Raises:
            ValueError: If it is another one.
        """
        if not isinstance(library, str) or library not in _NAMES:
            raise ValueError(
                f"library must be one of {sorted(_NAMES)}, got {library!r}; for others take "
                f"length, {self.length}"
            )
        return {_NAMES[library]: self.length}

    def tcn(self, kernel_size: int = 3, *, convolutions_per_block: int = 2) -> dict[str, Any]:
        """Return the smallest temporal convolutional network that sees the window.

        Dilations double from block to block, so the receptive field of B blocks of c convolutions
        with k taps is 1 + c (k - 1) (2^B - 1).

        Args:
            kernel_size: Taps of every convolution, at least 2.
            convolutions_per_block: Convolutions that share a block's dilation.

        Returns:
            ``kernel_size``, ``dilations``, ``n_layers`` (blocks) and ``receptive_field``.

        Raises:
            ValueError: If the kernel or the block is too small.
        """
        kernel_size = whole("kernel_size", kernel_size, 2)
        convolutions_per_block = whole("convolutions_per_block", convolutions_per_block, 1)
        step = convolutions_per_block * (kernel_size - 1)
        n_layers = 1
        while 1 + step * (2**n_layers - 1) < self.length:
            n_layers += 1
        return {
            "kernel_size": kernel_size,
            "dilations": tuple(2**i for i in range(n_layers)),
            "n_layers": n_layers,
            "receptive_field": 1 + step * (2**n_layers - 1),
        }

    @property
    def truncated_backpropagation(self) -> int:
        """Steps that a recurrent network's gradient should flow through."""
        return self.length

    @property
    def attention_window(self) -> int:
        """Positions that a step of local attention should see, itself included."""
        return self.length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Window):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds a dict

    def to_json(self) -> str:
        """Return the window as JSON, its curve included."""
        record = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name != "curve"}
        head: dict[str, Any] = {"kind": "Window", "version": 1}
        return json.dumps(head | record | {"curve": json.loads(self.curve.to_json())})

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        names = {f.name for f in fields(cls)}
        values = {k: v for k, v in record.items() if k in names}
        values["curve"] = ContextCurve.from_json(json.dumps(values["curve"]))
        values["interval"] = tuple(values["interval"])
        values["far_lags"] = tuple(values["far_lags"])
        return cls(**values)

    def _rows(self) -> list[tuple[str, str]]:
        low, high = self.interval
        names = ", ".join(f"{name} {value}" for name, value in _NAMES.items())
        tcn = self.tcn()
        rows = [
            ("window", f"{_steps(self.length)} (90 %: {low:,} to {high:,})"),
            ("reason", self.reason),
            ("parameters", f"{names}: {self.length}"),
            (
                "TCN",
                "temporal convolutional network: kernel 3, dilations "
                f"{', '.join(map(str, tcn['dilations']))}; it sees "
                f"{_steps(tcn['receptive_field'])}",
            ),
        ]
        if self.per_series:
            lengths = sorted(self.per_series.values())
            rows.append(
                (
                    "per series",
                    f"{len(lengths):,} series from {lengths[0]:,} to {lengths[-1]:,}, median "
                    f"{lengths[len(lengths) // 2]:,}",
                )
            )
        rows.extend(row for row in self.curve._rows() if row[0] in ("data", "note"))
        return rows
