"""The paper's grid in Ray Tune, which ends when every cell is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna import TrialPruned
from optuna.trial import TrialState

from optuna_mi._checks import instance, one_of
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.samplers import MIGridSampler

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    OptunaSearch: Any = object
else:
    try:
        from ray.tune.search.optuna import OptunaSearch
    except ImportError:
        OptunaSearch = object

__all__ = ["GridOptunaSearch"]


class GridOptunaSearch(OptunaSearch):  # type: ignore[misc]
    """Ray Tune's ``OptunaSearch`` over a grid: each cell once, and then an end.

    Ray's own class has no way to say that a sampler has nothing left: it passes on the exception
    that ends a trial, and the run stops with a traceback. This one tells Tune that the search has
    finished, so ``num_samples=-1`` may be given. A cell whose training failed is tried again, as
    often as the sampler allows. Samplers without an end (`MISampler`) need ``OptunaSearch`` only.

    Args:
        space: Called with each trial; suggests and returns the configuration, as
            ``lambda trial: {"dilations": list(space.suggest(trial))}`` does.
        sampler: The grid.
        metric: Name of the result that is optimized.
        mode: ``"min"`` or ``"max"``.
        storage: Where the study is kept; in memory by default. Several runs of Tune may share one.
        study_name: Its name, if it is not to be ``"optuna"``.

    Raises:
        MissingExtraError: If Ray Tune is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If mode is neither ``"min"`` nor ``"max"``.

    Example:
        >>> # search = GridOptunaSearch(suggest, MIGridSampler(space), metric="score", mode="max")
        >>> # Tuner(train, tune_config=TuneConfig(search_alg=search, num_samples=-1)).fit()
    """

    def __init__(
        self,
        space: Callable[[Any], dict[str, Any]],
        sampler: MIGridSampler,
        *,
        metric: str,
        mode: str,
        storage: BaseStorage | None = None,
        study_name: str | None = None,
    ) -> None:
        instance("sampler", sampler, MIGridSampler, "a MIGridSampler", "others need OptunaSearch")
        if not callable(space):
            raise TypeError(f"space must be a function of a trial, got {type(space).__name__}")
        instance("metric", metric, str, "the name of a result")
        one_of("mode", mode, ("min", "max"))
        if OptunaSearch is object:
            raise MissingExtraError("Ray Tune", "engines")
        super().__init__(
            space=space,
            metric=metric,
            mode=mode,
            sampler=sampler,
            storage=storage,
            study_name=study_name,
        )

    def suggest(self, trial_id: str) -> Any:
        """Return a configuration, ``None`` while none is free, or Ray's sign for the end."""
        study, sampler = self._ot_study, self._sampler
        if not sampler.has_free_cell(study):
            # cells that are being trained may fail and come back
            return self.FINISHED if sampler.is_exhausted(study) else None
        try:
            return super().suggest(trial_id)
        except TrialPruned:  # another run took the last cell in between
            study.tell(self._ot_trials.pop(trial_id), state=TrialState.PRUNED)
            return None

    def save(self, checkpoint_path: str) -> None:
        """Write the state of the search, as Tune asks for now and then.

        Ray's own class uses ``pickle``, which knows no function of a notebook and no lambda.
        """
        from ray import cloudpickle

        Path(checkpoint_path).write_bytes(cloudpickle.dumps(self.__dict__.copy()))
