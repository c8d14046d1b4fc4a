"""What was read off a decay curve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import reals
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay._record import Record, plain
from optuna_mi.decay.analysis.laws._law import Law, evaluate_log

if TYPE_CHECKING:
    import pandas as pd

LawName = Literal[
    "power", "exponential", "broken_power", "periodic_power", "flat", "delays", "none"
]
PeriodKind = Literal["dominant", "modulating"]

_LAWS: dict[LawName, str] = {
    "power": "mutual information (MI) fades ever more slowly with distance",
    "exponential": "mutual information (MI) fades within a typical memory",
    "broken_power": "mutual information (MI) fades at a rate that changes with distance",
    "periodic_power": "mutual information (MI) has peaks that repeat",
    "flat": "mutual information (MI) does not fade with distance",
    "delays": "mutual information (MI) stands out only at single distances",
    "none": "mutual information (MI) is nowhere above the noise",
}
_KINDS: dict[PeriodKind, str] = {
    "dominant": "dominant: one period back is enough",
    "modulating": "modulating: the dependence reaches further than one period",
}


@dataclass(frozen=True)
class Cycle:
    """A distance at whose multiples MI has peaks.

    Attributes:
        period: Steps.
        mi: Corrected MI at the first of them, in nats.
        reach: The last multiple at which it stands above the noise; 0 if single ones drown.
    """

    period: int
    mi: float
    reach: int


@dataclass(frozen=True)
class Delay:
    """A single distance that stands out of all around it, as an echo's or a copy's.

    Attributes:
        distance: In steps.
        mi: Corrected MI there, in nats.
    """

    distance: int
    mi: float


@dataclass(frozen=True, eq=False, repr=False)
class DecayAnalysis(Record):
    """The law of a decay curve and the span of dependence that follows from it.

    Information is in nats. `analyze_decay` makes it.

    Attributes:
        curve: What was analysed.
        threshold: The value of MI that was asked for as the end of dependence.
        effective_threshold: The same, but not below the noise floor of the smoothed curve.
        law: The law that fits best, or that was asked for.
        forced: Which of ``"law"``, ``"breakpoints"``, ``"period"`` the user gave.
        scores: An information criterion for every law tried; the smallest wins.
        fit: Parameters of the law; `predict` evaluates it.
        breakpoints: Distances of the inflections.
        breakpoint_intervals: 95 % interval of each, by bootstrap; forced ones have width 0.
        crossing: Distance from which the smoothed corrected curve stays below
            ``effective_threshold``; ``None`` if it does not get there within the lags.
        crossing_interval: 95 % interval of the crossing.
        period: Distance between peaks that repeat, or ``None``.
        period_kind: ``"dominant"``: peaks return near MI(1), so nothing is gained beyond one
            period; ``"modulating"``: a period that rides on a long decay.
        period_strength: Share of MI lost between two peaks, 0 to 1.
        periods: All periods that were found, shortest first: nested in one another as days in
            weeks, and others beside them (5 and 12 beside 30) where peaks stand on single lags;
            ``period`` is the one among the nested whose first peak is highest.
        delays: Single distances that stand out, increasing; those of a period are not among them.
            ``law="delays"``: nothing but them depends on anything.
        max_dilation: The longest distance worth connecting.
        max_dilation_reason: Why, as a sentence.
        resolved: Whether the data are enough to resolve ``threshold``.
        resolution: The same as a sentence, with the number of pairs needed.

    Example:
        >>> from optuna_mi.decay import analyze_decay
        >>> lags = np.arange(1, 200)
        >>> analysis = analyze_decay(DecayCurve(lags, 0.1 * lags ** -2.0))
        >>> analysis.law, analysis.max_dilation
        ('power', 100)
    """

    curve: DecayCurve
    threshold: float
    effective_threshold: float
    law: LawName
    fit: Law
    max_dilation: int
    max_dilation_reason: str
    forced: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    breakpoints: tuple[float, ...] = ()
    breakpoint_intervals: tuple[tuple[float, float], ...] = ()
    crossing: float | None = None
    crossing_interval: tuple[float, float] | None = None
    period: int | None = None
    period_kind: PeriodKind | None = None
    period_strength: float | None = None
    periods: tuple[Cycle, ...] = ()
    delays: tuple[Delay, ...] = ()
    resolved: bool = True
    resolution: str = ""

    @property
    def sequence_length(self) -> int | None:
        """Length of the longest sequence, if the curve knows it."""
        return self.curve.sequence_length

    def predict(self, d: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the fitted law in nats at real distances d >= 1, float64, the shape of d.

        Always positive and never increasing; the envelope of the peaks for a periodic law.

        Raises:
            ValueError: If a distance is below 1 or not finite.
        """
        distance = reals("d", d, least=1)
        # exp underflows to 0 at -745; a law never reaches 0
        return np.exp(np.maximum(evaluate_log(self.fit, distance), -700.0))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DecayAnalysis):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    def to_frame(self) -> pd.DataFrame:
        """Return the curve's frame with the fitted law beside it, in column ``fit``."""
        frame = self.curve.to_frame()
        frame["fit"] = self.predict(self.curve.lags)
        return frame

    def to_json(self) -> str:
        """Return the analysis as JSON, its curve included."""
        record = {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name != "curve"}
        record["fit"] = self.fit.to_dict()
        record["periods"] = [asdict(c) for c in self.periods]
        record["delays"] = [asdict(d) for d in self.delays]
        head: dict[str, Any] = {"kind": "DecayAnalysis", "version": 1}
        return json.dumps(head | record | {"curve": json.loads(self.curve.to_json())})

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Self:
        names = {f.name for f in fields(cls)}
        values = {k: v for k, v in record.items() if k in names}
        values["curve"] = DecayCurve.from_json(json.dumps(values["curve"]))
        values["fit"] = Law.from_dict(values["fit"])
        values["forced"] = tuple(values["forced"])
        values["breakpoints"] = tuple(values["breakpoints"])
        values["breakpoint_intervals"] = tuple(tuple(p) for p in values["breakpoint_intervals"])
        if values["crossing_interval"] is not None:
            values["crossing_interval"] = tuple(values["crossing_interval"])
        values["periods"] = tuple(Cycle(**c) for c in values.get("periods", ()))
        values["delays"] = tuple(Delay(**d) for d in values.get("delays", ()))
        return cls(**values)

    def _rows(self) -> list[tuple[str, str]]:
        told = f" (given: {', '.join(self.forced)})" if self.forced else ""
        rows = [("law", f"{self.law.replace('_', ' ')}: {_LAWS[self.law]}{told}")]
        for b, (low, high) in zip(self.breakpoints, self.breakpoint_intervals, strict=True):
            rows.append(("inflection", f"{b:.3g} (95 %: {low:.3g} to {high:.3g})"))
        if self.period is not None:
            strength = f"{100 * (self.period_strength or 0.0):.0f} % of MI is lost between peaks"
            kind = _KINDS[self.period_kind] if self.period_kind is not None else "given"
            rows.append(("period", f"{self.period:,} steps ({kind}; {strength})"))
        if len(self.periods) > 1:
            text = ", ".join(
                f"{c.period:,} ({c.mi:.3g} nats, above the noise to {c.reach:,})"
                for c in self.periods
            )
            rows.append(("all periods", text))
        if self.delays:
            text = ", ".join(f"{d.distance:,} ({d.mi:.3g} nats)" for d in self.delays)
            rows.append(("delays", text))
        if self.crossing is not None:
            text = f"below {self.effective_threshold:.2g} nats from distance {self.crossing:.4g}"
            if self.crossing_interval is not None:
                low, high = self.crossing_interval
                text += f" (95 %: {low:.4g} to {high:.4g})"
            rows.append(("crossing", text))
        rows.append(("max dilation", f"{self.max_dilation:,}: {self.max_dilation_reason}"))
        if gaps := self.curve.gaps:
            rows.append(("not seen", f"{gaps}: dependence only at other distances is not seen"))
        rows.append(("resolution", self.resolution))
        if len(self.scores) > 1:
            ranked = sorted(self.scores.items(), key=lambda item: item[1])
            text = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in ranked)
            if self.period is not None and ranked[0][0] != self.law:
                # in a score, small phases outweigh a few tall peaks
                text += "; a period is decided by repeating peaks, not by the score"
            elif ranked[0][0] == "flat" != self.law and self.crossing is not None:
                text += "; flat is ruled out, because MI falls below the noise"
            rows.append(("scores", f"the lowest score fits best: {text}"))
        return rows
