from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner
from optuna.trial import TrialState

from optuna_mi._attributes import IHYLL_ATTR, SPARED_ATTR, ihyll_reference
from optuna_mi._checks import flag, instance, real, whole
from optuna_mi._logging import get_logger
from optuna_mi.pruners._rules import is_below_peers, is_rising, measured
from optuna_mi.pruners._series import read_series

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_logger = get_logger(__name__)


class IHYLLPruner(BasePruner):
    """The wrapped pruner proposes to prune, by the objective; IHYLL decides.

    IHYLL is I(last layer's activations; true outcome), the mutual information between the two. It
    can rise while the objective stands still, so it says whether a network still learns. At every
    step:

    1. Without IHYLL (none reported, or all NaN) the wrapped pruner decides; that is logged once.
       With at most ``patience`` reports of it the trial is not pruned: a rise cannot be seen yet,
       and the wrapped pruner would judge networks that have hardly been trained (``hold_back``).
    2. The wrapped pruner wants to prune: a trial whose IHYLL still rises is spared, at most
       ``max_spared`` times; any other is pruned. The user attribute ``mi:spared`` lists the steps
       at which a trial was spared.
    3. The wrapped pruner would keep the trial: it is pruned if its IHYLL has stopped rising *and*
       lies below the percentile ``percentile`` of that of completed trials at the same step.

    NaN values are skipped as if they had not been reported. With at most ``patience`` other values,
    IHYLL neither spares nor prunes a trial. Processing adds no information, so IHYLL cannot exceed
    I(input; outcome) (the data processing inequality): if the trial has the user attribute
    ``ihyll_reference``, larger values count as that value, and the trial no longer rises.

    Report IHYLL with :func:`optuna_mi.report_ihyll`, before ``trial.should_prune()``.

    Args:
        wrapped_pruner: Judges the objective's intermediate values; ``None`` for no such pruner.
            Within ``SuccessiveHalvingPruner`` and ``HyperbandPruner`` a spared trial goes on to
            its next rung.
        patience: Number of the latest values among which a rise is looked for.
        epsilon: Smallest relative rise that counts, as in [V]'s learning-rate policies.
        max_spared: How often the wrapped pruner may be overruled in one trial.
        percentile: Percentile of the peers' IHYLL, 0 to 100, below which a saturated trial ends;
            ``None`` never prunes a trial that the wrapped pruner would keep.
        n_min_peers: A trial is compared with its peers if so many completed trials have IHYLL at
            the same step.
        n_warmup_steps: Steps before which rule 3 does not apply.
        hold_back: Do not ask the wrapped pruner before a trial has reported more than ``patience``
            values; False asks it from the first step on. Trials of at most ``patience +
            max_spared`` steps, while they learn, are then never ended.

    Raises:
        TypeError: If ``wrapped_pruner`` is no Optuna pruner, or a count no integer.
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        wrapped_pruner: BasePruner | None = None,
        *,
        patience: int = 3,
        epsilon: float = 0.01,
        max_spared: int = 5,
        percentile: float | None = 50.0,
        n_min_peers: int = 5,
        n_warmup_steps: int = 0,
        hold_back: bool = True,
    ) -> None:
        if wrapped_pruner is not None:
            instance("wrapped_pruner", wrapped_pruner, BasePruner, "an Optuna pruner")
        if percentile is not None:
            percentile = real("percentile", percentile, least=0, most=100)
        self._wrapped_pruner = wrapped_pruner
        self._patience = whole("patience", patience, 1)
        self._epsilon = real("epsilon", epsilon, least=0)
        self._max_spared = whole("max_spared", max_spared)
        self._percentile = percentile
        self._n_min_peers = whole("n_min_peers", n_min_peers, 1)
        self._n_warmup_steps = whole("n_warmup_steps", n_warmup_steps)
        self._hold_back = flag("hold_back", hold_back)
        self._said_so = False

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Judge a trial at its last reported step; see :meth:`optuna.pruners.BasePruner.prune`."""
        series = read_series(trial.user_attrs)
        step = trial.last_step if trial.last_step is not None else max(series, default=-1)
        values = measured(series, step)
        n_reported = sum(reported <= step for reported in series)
        if values and self._hold_back and n_reported <= self._patience:
            # Not even asked: a pruner with rungs judges each rung only once.
            return False
        proposed = self._wrapped_pruner is not None and self._wrapped_pruner.prune(study, trial)
        if not values:
            self._say_so_once(trial, step)
            return proposed
        rising = is_rising(values, self._patience, self._epsilon, self._bound(trial))
        if proposed:
            verdict = not (rising and self._spare(study, trial, step))
        else:
            verdict = rising is False and self._trails_peers(study, trial, step, series)
        if verdict:
            self._keep(study, trial, IHYLL_ATTR)
        return verdict

    def _trails_peers(
        self, study: Study, trial: FrozenTrial, step: int, series: dict[int, float]
    ) -> bool:
        value = series.get(step, math.nan)
        if self._percentile is None or step < self._n_warmup_steps or math.isnan(value):
            return False
        peers = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        at_step = [read_series(p.user_attrs).get(step, math.nan) for p in peers]
        return is_below_peers(value, at_step, self._percentile, self._n_min_peers)

    def _spare(self, study: Study, trial: FrozenTrial, step: int) -> bool:
        spared = list(trial.user_attrs.get(SPARED_ATTR, []))
        if step in spared:
            return True
        if len(spared) >= self._max_spared:
            return False
        trial.user_attrs[SPARED_ATTR] = [*spared, step]
        self._keep(study, trial, SPARED_ATTR)
        return True

    @staticmethod
    def _keep(study: Study, trial: FrozenTrial, key: str) -> None:
        # Whoever replays a study asks about finished trials, which cannot be written to.
        if key in trial.user_attrs and not trial.state.is_finished():
            study._storage.set_trial_user_attr(trial._trial_id, key, trial.user_attrs[key])

    @staticmethod
    def _bound(trial: FrozenTrial) -> float | None:
        bound = ihyll_reference(trial.user_attrs)
        if not isinstance(bound, int | float) or not math.isfinite(bound) or bound <= 0:
            return None
        return float(bound)

    def _say_so_once(self, trial: FrozenTrial, step: int) -> None:
        if self._said_so or step < 0:
            return
        self._said_so = True
        who = "nobody" if self._wrapped_pruner is None else type(self._wrapped_pruner).__name__
        _logger.warning(
            f"Trial {trial.number} has no IHYLL at step {step}, so {who} decides alone. Call "
            "optuna_mi.report_ihyll(trial, step, value) before trial.should_prune(). This is said "
            "once."
        )
