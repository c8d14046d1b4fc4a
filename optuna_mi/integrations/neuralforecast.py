"""Dilations and input windows for neuralforecast, read off the user's own panel."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from optuna_mi._checks import check_keywords, instance, one_of, whole
from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.integrations._forecast_config import ForecastConfig, Groups, suggest_input_size
from optuna_mi.integrations._forecast_pruning import with_pruning
from optuna_mi.integrations._forecast_sampler import ForecastSampler
from optuna_mi.integrations._panel import training_part
from optuna_mi.search_space import DilationSpace, IntRange
from optuna_mi.search_space._check_arguments import check_analysis, check_trial
from optuna_mi.search_space._space import check_space

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import BaseTrial

__all__ = ["ForecastConfig", "ForecastDesign", "ForecastSampler", "with_pruning"]

Transform = Literal["detrend", "difference", "none"]
_TRANSFORMS: dict[str, dict[str, Any]] = {
    "detrend": {"detrend": True},
    "difference": {"difference": 1},
    "none": {},
}
# Beyond so many steps a forecasting window is no longer trained in practice.
_LONGEST_LAG = 2048


@dataclass(frozen=True)
class ForecastDesign:
    """What a panel's decay of mutual information says about a forecasting network.

    neuralforecast itself is not needed to make one, only to train with it.

    Attributes:
        h: Forecast horizon in steps.
        analysis: How dependence decays with distance in the panel's training part.
        space: Dilations; all of them are below the smallest input window.
        input_size: Range of the input window in steps.

    Example:
        >>> import numpy as np
        >>> import pandas as pd
        >>> t = np.arange(240)
        >>> season = np.exp(-(t % 12)) * 4 + 0.02 * t
        >>> noise = 0.3 * np.random.default_rng(0).standard_normal(240)
        >>> panel = pd.DataFrame({"unique_id": "a", "ds": t, "y": season + noise})
        >>> design = ForecastDesign.from_panel(panel, h=12)
        >>> design.analysis.period
        12
        >>> config = design.dilated_rnn(max_steps=100)
        >>> # AutoDilatedRNN(h=12, backend="optuna", config=config, search_alg=config.sampler())
    """

    h: int
    analysis: DecayAnalysis
    space: DilationSpace
    input_size: IntRange

    def __post_init__(self) -> None:
        object.__setattr__(self, "h", whole("h", self.h, 1))
        check_analysis(self.analysis)
        check_space(self.space)
        instance("input_size", self.input_size, IntRange, "an IntRange")

    @classmethod
    def from_panel(
        cls,
        panel: pd.DataFrame,
        h: int,
        *,
        holdout: int | None = None,
        transform: Transform = "detrend",
        n_bins: int = 8,
        input_size: int | None = None,
        max_layers: int = 8,
        id_col: str = "unique_id",
        time_col: str = "ds",
        target_col: str = "y",
        seed: int = 0,
        **analysis_options: Any,
    ) -> ForecastDesign:
        """Measure the panel and design dilations and input windows.

        Let S be the longest distance worth connecting. The input window is searched from 2 S + 1
        steps (every dilation then connects more than one pair of steps of a window) to 4 S, from
        the horizon to four horizons where those are longer, and never beyond half of what there is
        to train on, for the sake of enough windows.

        Args:
            panel: One row per step of a series: its name, the time, the value.
            h: Forecast horizon in steps.
            holdout: Last steps of every series that are kept for validation and test and are not
                looked at here (``val_size + test_size``); ``h`` by default, as the Auto models.
            transform: A trend makes all distances look dependent. ``"detrend"`` takes a straight
                line out of every series; ``"difference"`` keeps its changes from step to step
                only, for series that wander, but drowns a slow season in noise; ``"none"``.
            n_bins: Quantile bins that each series' values are cut into.
            input_size: Fix the input window at so many steps.
            max_layers: Most layers.
            id_col: Column of the series' names.
            time_col: Column of times.
            target_col: Column of values.
            seed: Seed of the surrogates and of the analysis.
            **analysis_options: Keywords of `optuna_mi.decay.analyze_decay`: ``period=12`` where
                the season is known, ``threshold=``, …

        Raises:
            TypeError: If the panel is no pandas DataFrame, or its values are not numeric.
            ValueError: If columns or values are missing, or the series are too short.

        Warns:
            UserWarning: If series look like random walks or trends after the transform.
        """
        h = whole("h", h, 1)
        holdout = h if holdout is None else whole("holdout", holdout)
        whole("n_bins", n_bins, 2)
        whole("max_layers", max_layers, 1)
        whole("seed", seed)
        one_of("transform", transform, _TRANSFORMS)
        check_keywords("analysis_options", analysis_options, analyze_decay)
        if input_size is not None:
            input_size = whole("input_size", input_size, 2)
        kept = training_part(
            panel, holdout=holdout, id_col=id_col, time_col=time_col, target_col=target_col
        )
        lengths = kept.groupby("unique_id", observed=True).size()
        # half of all steps lie in series at least so long: many short ones hide no long one
        by_length = lengths.sort_values()
        length = int(by_length[2 * by_length.cumsum() >= by_length.sum()].iloc[0])
        limit = length // 2 if input_size is None else input_size
        if length < 8 or not 2 <= limit <= length:
            raise ValueError(
                f"the series have {length} steps beside the {holdout} held out, too few for "
                + ("an analysis" if length < 8 else f"an input window of {limit} (at least 2)")
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            curve = decay_curve(
                kept,
                values="bins",
                n_bins=n_bins,
                max_lag=min(limit - 1, _LONGEST_LAG),
                lags="all",
                # Series of a panel move together, so another series is no substitute for noise.
                baseline="shuffle",
                positions="pooled",
                seed=seed,
                **_TRANSFORMS[transform],
            )
        for warning in caught:
            _repeat(warning)
        analysis = analyze_decay(curve, seed=seed, **analysis_options)
        span = max(analysis.max_dilation, 1)
        low = min(max(2 * span + 1, h, 2), limit)
        high = min(max(4 * span, 4 * h, low), limit)
        sizes = IntRange(low, high, low) if input_size is None else IntRange(limit, limit, limit)
        space = DilationSpace.from_analysis(analysis, window=sizes.low, max_layers=max_layers)
        return cls(h=h, analysis=analysis, space=space, input_size=sizes)

    def dilated_rnn(self, *, groups: Groups = "search", **settings: Any) -> ForecastConfig:
        """Return a config function for ``AutoDilatedRNN``.

        Args:
            groups: DilatedRNN takes groups of layers, with a connection around every group but the
                first: ``"pairs"`` ([[1, 2], [4, 8]]), ``"one"`` ([[1, 2, 4, 8]], no such
                connection), or both as the parameter ``dilation_groups``.
            **settings: Keywords of DilatedRNN to fix, whether searched otherwise (``max_steps``,
                ``learning_rate``, …) or not (``scaler_type``, ``accelerator``, …).

        Raises:
            ValueError: If a setting is one that comes from the data.
        """
        return ForecastConfig("DilatedRNN", self.space, self.input_size, settings, groups)

    def tcn(self, **settings: Any) -> ForecastConfig:
        """Return a config function for ``AutoTCN``.

        The kernel keeps the library's two taps, so that a layer of dilation d looks at steps t and
        t - d: the pairs whose mutual information was measured.

        Args:
            **settings: Keywords of TCN to fix.

        Raises:
            ValueError: If a setting is one that comes from the data, or ``kernel_size``.
        """
        whole("kernel_size", settings.get("kernel_size", 2), 2, 2)  # more reach beyond the dilation
        return ForecastConfig("TCN", self.space, self.input_size, settings)

    def suggest_input_size(self, trial: BaseTrial) -> int:
        """Ask a trial for the input window in steps, for the config of any other Auto model."""
        check_trial(trial)
        return suggest_input_size(trial, self.input_size)

    def describe(self) -> str:
        """Return a paragraph about the design that a person understands."""
        sizes = self.input_size
        window = (
            f"fixed at {sizes.low}"
            if sizes.low == sizes.high
            else f"searched from {sizes.low} to {sizes.high}, first {sizes.recommended}"
        )
        return f"{self.space.describe()} The input window is {window} steps (horizon {self.h})."


def _repeat(warning: warnings.WarningMessage) -> None:
    """Give a warning of `decay_curve` again, with this module's own remedy."""
    text = str(warning.message)
    for theirs, ours in (("difference=1", "difference"), ("detrend=True", "detrend")):
        text = text.replace(theirs, f"transform={ours!r}")
    warnings.warn(text, warning.category, stacklevel=3)
