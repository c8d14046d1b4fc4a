"""The space itself: which dilations its parameters stand for, and how trials are asked for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from optuna_mi._attributes import DILATIONS_ATTR
from optuna_mi._checks import check_keywords, flag, instance, listed, one_of, real, sentences, whole
from optuna_mi.search_space._check_arguments import check_trial, setting_value
from optuna_mi.search_space._describe import law_in_words, ranges_in_words
from optuna_mi.search_space._format import format_dilations
from optuna_mi.search_space._from_analysis import Limits, fields_of_analysis
from optuna_mi.search_space._from_dilations import fields_of_list
from optuna_mi.search_space._frozen import Frozen
from optuna_mi.search_space._geometry import LINE_EXPONENT, DecayGeometry
from optuna_mi.search_space._grid import Gridded
from optuna_mi.search_space._ranges import RANGES, IntRange, Ranges, fit_counts
from optuna_mi.search_space._suggest import suggest_value

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from optuna_mi.context import ContextCurve, LagSelection, Window
    from optuna_mi.decay import DecayAnalysis

#: Choices of the parameter that ``baselines=True`` adds.
PROGRESSIONS = ("mi", "doubling")


@dataclass(frozen=True)
class DilationSpace(Gridded, Frozen):
    """A small search space of dilations, read off the decay of mutual information.

    A few integers describe a list of dilations: ``n_layers_0``, ``n_layers_1``, … (layers in each
    segment of the fitted law: the segment's density) and ``max_dilation``. Make one with
    :meth:`from_analysis` or :meth:`from_sequences`; call :meth:`suggest` in an objective, under
    any Optuna sampler.

    Attributes:
        geometry: The fitted law's inflections and slopes.
        layers: Range of the number of layers in each segment.
        max_dilation: Range of the largest dilation (searched on a log scale).
        max_layers: Most layers in total; settings that exceed it are scaled down.
        window: Length in steps of the training sequences, which no dilation reaches, or ``None``.
        baselines: Whether the categorical ``progression`` is searched too: ``"mi"``, or
            ``"doubling"`` for 1, 2, 4, … with the same total number of layers.
        reason: Why the maximum dilation is what it is.
        notes: What else a reader should know, such as a clipped maximum.
        ranges: How the ranges were chosen: "paper" (near the recommendation) or "wide".

    Example:
        >>> space = DilationSpace(
        ...     DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), max_layers=7
        ... )
        >>> space.dilations(space.recommended)
        (1, 2, 4, 8, 16)
        >>> space.dilations({"n_layers_0": 3, "max_dilation": 9})
        (1, 3, 9)
    """

    geometry: DecayGeometry
    layers: tuple[IntRange, ...]
    max_dilation: IntRange
    max_layers: int
    window: int | None = None
    baselines: bool = False
    reason: str = field(default="", compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    ranges: Ranges = "paper"

    def __post_init__(self) -> None:
        # Lists would make it unequal to its own JSON, and unhashable.
        instance("geometry", self.geometry, DecayGeometry, "a DecayGeometry")
        layers = listed("layers", self.layers, "IntRange, one per segment")
        object.__setattr__(self, "layers", layers)
        for i, layer_range in enumerate(layers):
            instance(f"layers[{i}]", layer_range, IntRange, "an IntRange")
        instance("max_dilation", self.max_dilation, IntRange, "an IntRange")
        object.__setattr__(self, "max_layers", whole("max_layers", self.max_layers, 1))
        if self.window is not None:
            object.__setattr__(self, "window", whole("window", self.window, 1))
        object.__setattr__(self, "baselines", flag("baselines", self.baselines))
        instance("reason", self.reason, str, "a str")
        object.__setattr__(self, "notes", sentences("notes", self.notes))
        one_of("ranges", self.ranges, RANGES)
        if len(self.layers) != self.geometry.n_segments:
            raise ValueError(
                f"layers: {self.geometry.n_segments} segments need as many ranges of layers, "
                f"got {len(self.layers)}."
            )
        if self.max_layers < len(self.layers):
            raise ValueError(
                f"max_layers={self.max_layers} is fewer than the {len(self.layers)} segments."
            )
        if self.window is not None and self.max_dilation.high >= self.window:
            raise ValueError(
                f"a dilation of {self.max_dilation.high} does not fit into a training window of "
                f"{self.window} steps: lower the range or lengthen the window."
            )

    @classmethod
    def from_analysis(
        cls,
        analysis: DecayAnalysis,
        *,
        window: int | None = None,
        max_layers: int = 12,
        baselines: bool = False,
        snap: bool = True,
        line_exponent: float = LINE_EXPONENT,
        context: ContextCurve | Window | None = None,
        lags: LagSelection | None = None,
        ranges: Ranges = "paper",
    ) -> DilationSpace:
        """Make the space that a decay analysis calls for.

        Args:
            analysis: The decay analysis.
            window: Length in steps of the training sequences. Dilations stay below it; a clipped
                maximum is logged and told by :meth:`describe`.
            max_layers: Most layers in total; `layers_within_parameters` returns it for a size of
                the model.
            baselines: Also search the standard progression 1, 2, 4, … at equal size, as in
                [MK20], Table 3.
            snap: Move dilations onto the multiples of a modulating period.
            line_exponent: The horizontal lines are equidistant in MI to this power, from 0, which
                stands for log MI as in [MK20], to 1.
            context: What `optuna_mi.context_curve` or `optuna_mi.recommend_window` returned for
                the same data: what can be learnt is then recommended as ``max_dilation``, whose
                range lies between it and the decay curve's end. Without it: [MK20]'s rule.
            lags: What `optuna_mi.select_lags` returned for the same data: layers then stand at the
                distances that add most to a prediction, instead of where the decay curve falls,
                and between them where gaps are wide. The farthest of them, or what ``context``
                says if that is farther, is recommended as ``max_dilation``.
            ranges: How far to look around the recommendation, which is the same with both.
                ``"paper"``: half to double the largest dilation, half to one and a half times the
                layers of each segment. ``"wide"``: the largest dilation from 8, or lower, to the
                window's end (without a window: to the last lag measured or double the
                recommendation, whichever is larger, within the longest sequence), and of each
                segment from 1 to as many layers as the limits allow.

        Raises:
            TypeError: If ``context`` or ``lags`` is something else.
            ValueError: If the limits leave no room for a network, or ``ranges`` is unknown.
        """
        geometry = DecayGeometry.from_analysis(analysis, snap=snap, line_exponent=line_exponent)
        fields = fields_of_analysis(analysis, geometry, window, max_layers, context, lags, ranges)
        space = cls(baselines=baselines, **fields)
        object.__setattr__(space, "_analysis", analysis)
        return space

    @property
    def analysis(self) -> DecayAnalysis | None:
        """The analysis that the space was made of, its curve within.

        ``None`` for a space made in another way, or read back from JSON or a study.
        """
        found: DecayAnalysis | None = self.__dict__.get("_analysis")
        return found

    @classmethod
    def from_dilations(
        cls,
        dilations: Sequence[int],
        *,
        window: int | None = None,
        max_layers: int | None = None,
        baselines: bool = False,
    ) -> DilationSpace:
        """Make a space around a list of your own, which is its recommendation.

        Half to one and a half times as many layers, and half to double the largest dilation. The
        list's own dilations, several periods and delays among them, are kept as they are; with
        fewer layers the most crowded ones go, with more the widest gaps are filled.

        Args:
            dilations: Increasing positive integers; the first need not be 1.
            window: Length in steps of the training sequences, which no dilation reaches.
            max_layers: Most layers in total; by default one and a half times as many.
            baselines: Also search the standard progression 1, 2, 4, … at equal size.

        Raises:
            TypeError: If a dilation is no integer.
            ValueError: If the list is empty or does not increase, or does not fit the limits.

        Example:
            >>> space = DilationSpace.from_dilations((1, 2, 5, 8, 12, 30))
            >>> space.dilations(space.recommended)
            (1, 2, 5, 8, 12, 30)
            >>> space.dilations({"n_layers_0": 4, "max_dilation": 30})
            (1, 5, 12, 30)
        """
        return cls(baselines=baselines, **fields_of_list(dilations, window, max_layers))

    @classmethod
    def from_sequences(
        cls,
        x: Any,
        *,
        max_lag: int | None = None,
        threshold: float = 1e-5,
        seed: int = 0,
        curve_options: Mapping[str, Any] | None = None,
        analysis_options: Mapping[str, Any] | None = None,
        **limits: Unpack[Limits],
    ) -> DilationSpace:
        """Measure the decay of the sequences, analyse it and make the space.

        The space's `analysis` keeps what was found, for figures and the report.

        Args:
            x: Whatever :func:`optuna_mi.decay.decay_curve` takes: integers of shape (steps,) or
                (sequences, steps), text, or a list of ragged arrays.
            max_lag: Largest distance in steps.
            threshold: MI in nats below which dependence is noise.
            seed: Seed of the surrogates and of the analysis.
            curve_options: Further keywords of ``decay_curve``.
            analysis_options: Further keywords of ``analyze_decay``.
            **limits: Keywords of :meth:`from_analysis`.
        """
        from optuna_mi.decay import analyze_decay, decay_curve

        for name, options, function in (
            ("curve_options", curve_options, decay_curve),
            ("analysis_options", analysis_options, analyze_decay),
            ("limits", limits, cls.from_analysis),
        ):
            check_keywords(name, options, function)
        # before the curve is measured
        real("threshold", threshold, above=0)
        one_of("ranges", limits.get("ranges", "paper"), RANGES)
        curve = decay_curve(x, max_lag=max_lag, seed=seed, **(curve_options or {}))
        analysis = analyze_decay(curve, threshold=threshold, seed=seed, **(analysis_options or {}))
        return cls.from_analysis(analysis, **limits)

    @cached_property
    def recommended(self) -> dict[str, Any]:
        """The data's own setting, trial number 0 of the samplers."""
        params: dict[str, Any] = {"progression": "mi"} if self.baselines else {}
        params |= {f"n_layers_{i}": r.recommended for i, r in enumerate(self.layers)}
        return params | {"max_dilation": self.max_dilation.recommended}

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the parameters and their ranges, in the order :meth:`suggest` asks for them."""
        space: dict[str, BaseDistribution] = {}
        if self.baselines:
            space["progression"] = CategoricalDistribution(PROGRESSIONS)
        for i, r in enumerate(self.layers):
            space[f"n_layers_{i}"] = IntDistribution(r.low, r.high)
        largest = self.max_dilation
        return space | {"max_dilation": IntDistribution(largest.low, largest.high, log=True)}

    def suggest(self, trial: BaseTrial) -> tuple[int, ...]:
        """Ask a trial for the parameters and return the dilations.

        The list goes into the trial's user attribute ``dilations`` as ``"1,2,4,8"``.

        Args:
            trial: A trial of any study, under any sampler; also a ``FixedTrial``.

        Returns:
            Strictly increasing positive integers, starting at 1 unless around a list that does not.

        Raises:
            SpaceMismatchError: If the trial's study was made for another space.
        """
        dilations = self.dilations(self.suggest_params(trial))
        trial.set_user_attr(DILATIONS_ATTR, format_dilations(dilations))
        return dilations

    def suggest_params(self, trial: BaseTrial) -> dict[str, Any]:
        """Ask a trial for the parameters alone."""
        check_trial(trial)
        self.check_trials_study(trial)
        asked = self.distributions().items()
        return {name: suggest_value(trial, name, values) for name, values in asked}

    def dilations(self, params: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the dilations that a setting stands for.

        Args:
            params: The space's parameters; others, such as the rest of a trial's, are ignored.

        Raises:
            KeyError: If a parameter is missing.
            ValueError: If a number is not a positive integer or the progression unknown.
        """
        instance("params", params, Mapping, "a setting: values by the parameters' names")
        missing = [name for name in self.distributions() if name not in params]
        if missing:
            raise KeyError(f"the setting lacks {missing}; it has {sorted(params)}.")
        names = [f"n_layers_{i}" for i in range(len(self.layers))]
        counts = tuple(setting_value(name, params[name]) for name in names)
        largest = setting_value("max_dilation", params["max_dilation"])
        counts = fit_counts(counts, min(self.max_layers, largest))
        if not self.baselines or params["progression"] == "mi":
            return self.geometry.place(largest, counts)
        if params["progression"] != "doubling":
            raise ValueError(f"progression must be one of {PROGRESSIONS}, got {params}.")
        return self.doubling(sum(counts))

    def doubling(self, n_layers: int) -> tuple[int, ...]:
        """Return the standard progression 1, 2, 4, … of so many layers, fewer if the window ends.

        Example:
            >>> space = DilationSpace(
            ...     DecayGeometry("flat"), (IntRange(1, 9, 4),), IntRange(4, 9, 8), 9, window=10
            ... )
            >>> space.doubling(4), space.doubling(5)
            ((1, 2, 4, 8), (1, 2, 4, 8))
        """
        n_layers = whole("n_layers", n_layers, 1)
        if self.window is not None:
            n_layers = min(n_layers, 1 + int(math.log2(max(self.window - 1, 1))))
        return tuple(2**i for i in range(n_layers))

    def describe(self) -> str:
        """Return a paragraph about the space that a person understands."""
        parts = [law_in_words(self.geometry)]
        if self.reason:
            parts.append(self.reason if self.reason.endswith(".") else f"{self.reason}.")
        parts.append(
            ranges_in_words(self.geometry, self.layers, self.max_dilation, self.max_layers)
        )
        if self.geometry.snap_period is not None:
            parts.append(
                f"From one period on, dilations sit on multiples of {self.geometry.snap_period}, "
                "where mutual information peaks."
            )
        if self.window is not None:
            parts.append(f"Dilations stay below the training window of {self.window} steps.")
        if self.baselines:
            parts.append("The standard progression 1, 2, 4, … of equal size is searched beside it.")
        if self.ranges == "wide":
            parts.append(
                "The ranges are wide: the data say where to begin, and the limits where to end."
            )
        tried_first = format_dilations(self.dilations(self.recommended))
        last = f"Recommended by the data, and tried first: {tried_first}."
        return " ".join([*parts, *self.notes, last])


def check_space(space: Any) -> DilationSpace:
    """Return the space.

    Raises:
        TypeError: It is none.
    """
    remedy = "make one with DilationSpace.from_sequences or from_analysis"
    instance("space", space, DilationSpace, "a DilationSpace", remedy)
    checked: DilationSpace = space
    return checked
