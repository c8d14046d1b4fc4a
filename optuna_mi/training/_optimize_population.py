"""A study whose trials are trained side by side."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
import torch
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from tqdm.auto import tqdm

from optuna_mi import _progress
from optuna_mi._checks import flag, instance, listed, shown, whole
from optuna_mi._logging import get_logger
from optuna_mi.information import MutualInformation
from optuna_mi.search_space._check_arguments import check_study
from optuna_mi.training._loop import check_finite
from optuna_mi.training._objective import DilatedRNNObjective
from optuna_mi.training._population_runs import PopulationRuns
from optuna_mi.training._population_trials import Callback, Place, PopulationTrials
from optuna_mi.training._process import undisturbed_process
from optuna_mi.training._trial_identity import check_direction

_logger = get_logger(__name__)

# What makes the networks of two trials another shape, or their steps another kind.
_OF_ALL = ("cell", "hidden_size", "optimizer")


def optimize_population(
    study: optuna.Study,
    objective: DilatedRNNObjective,
    *,
    n_trials: int | None = None,
    size: int = 16,
    callbacks: Sequence[Callback] = (),
    catch: Sequence[type[Exception]] | type[Exception] = (),
    show_progress_bar: bool = False,
) -> None:
    """Run a study's trials side by side in one process, as ``study.optimize`` runs them in turn.

    Up to ``size`` trials are trained together, one epoch at a time, as a
    :class:`~optuna_mi.nn.DilatedRNNPopulation`. After each epoch every trial has its score, its
    IHYLL, its learning rate and the pruner's word; one that ends is told at once, and the next
    trial is asked and takes its place. A trial's numbers are those it would have alone: they depend
    on the seed, the study's name and its number, not on its neighbours. What a sampler knows when
    it is asked is less, since up to ``size - 1`` trials are still running: give ``TPESampler`` its
    ``constant_liar=True``.

    A trial whose loss is no longer finite is pruned alone. Any other error fails every trial at
    hand, and is raised unless ``catch`` names it.

    Args:
        study: The study; its sampler and pruner are used as ever.
        objective: How each trial is trained. Cell, hidden size and optimizer must be fixed.
        n_trials: How many trials to run; ``None`` for as many as the sampler has, until
            ``study.stop()``.
        size: The most trials at once; 16 to 32 fill a GPU.
        callbacks: Called with the study and every trial that has ended.
        catch: Errors after which the study goes on.
        show_progress_bar: Show one.

    Raises:
        TypeError: ``study`` or ``objective`` is none.
        ValueError: Cell, hidden size or optimizer is a distribution, or a number is out of range.

    Example:
        >>> from optuna_mi import DilatedRNNObjective, DilationSpace, load_dataset
        >>> digits = load_dataset("digits")
        >>> space = DilationSpace.from_sequences(digits.sequences)
        >>> objective = DilatedRNNObjective(digits, space, hidden_size=8, epochs=1, steps=2)
        >>> study = optuna.create_study(direction="maximize")
        >>> optimize_population(study, objective, n_trials=3, size=2)
        >>> len(study.trials)
        3
    """
    check_study(study)
    instance("objective", objective, DilatedRNNObjective, "a DilatedRNNObjective")
    for name in _OF_ALL:
        if isinstance(objective._recipe.searched[name], BaseDistribution):
            raise ValueError(
                f"objective searches {name}, which the networks of a population must share: give "
                "it a fixed value and make a study of each, or use study.optimize"
            )
    check_direction(study, objective.dataset.direction, objective.dataset.metric)
    n_trials = None if n_trials is None else whole("n_trials", n_trials, 1)
    size = whole("size", size, 1)
    caught = (catch,) if isinstance(catch, type) else listed("catch", catch, "exceptions")
    for error in caught:
        if not (isinstance(error, type) and issubclass(error, Exception)):
            raise TypeError(f"catch must hold classes of exceptions, got {shown(error)}")
    calls = listed("callbacks", callbacks, "functions")
    for callback in calls:
        if not callable(callback):
            raise TypeError(
                f"callbacks must be functions of a study and a trial, got {shown(callback)}"
            )
    trials = PopulationTrials(study, objective, tuple(calls), tuple(caught))
    with tqdm(
        total=n_trials, unit="trial", disable=not flag("show_progress_bar", show_progress_bar)
    ) as bar:
        trials.callbacks += (lambda _study, _trial: bar.update(),)
        run_population(trials, n_trials, size)


def run_population(trials: PopulationTrials, n_trials: int | None, size: int) -> None:
    """Ask, train and tell, arguments unchecked.

    Args:
        trials: Who asks and tells.
        n_trials: How many trials to ask; None for as many as there are.
        size: The most trials at once.
    """
    trials.study._stop_flag = False
    objective, runs = trials.objective, PopulationRuns()
    places: list[Place] = []
    n_asked = 0
    try:
        while True:
            while len(places) < size and n_asked != n_trials and trials.has_more():
                n_asked += 1
                place = trials.ask()
                if place is not None:
                    places.append(place)
            if not places:
                return
            ended: list[tuple[Place, Exception | None]] = []
            training = [place for place in places if not place.run.is_over]
            try:
                with undisturbed_process(objective.task.device, objective._n_threads):
                    found = _train_epoch(runs, training) if training else []
            except trials.catch as error:
                ended, found = [(place, error) for place in training], []
            for place, (loss, score, ihyll) in zip(training, found, strict=bool(found)):
                epoch = place.run.epoch
                try:
                    check_finite(place.trial, epoch, loss, "the training loss")
                    check_finite(place.trial, epoch, score, "the validation score")
                    place.run.end_epoch(place.trial, score, ihyll)
                except (optuna.TrialPruned, UpdateFinishedTrialError) as reason:
                    ended.append((place, reason))
            ended += [(p, None) for p in places if p.run.is_over and p not in dict(ended)]
            for place, why in ended:
                trials.end(place, why)
                places.remove(place)
    except BaseException as error:
        for place in places:
            trials.abandon(place, error)
        raise


def _train_epoch(
    runs: PopulationRuns, places: Sequence[Place]
) -> list[tuple[float, float, MutualInformation]]:
    oldest = places[0]
    at = _progress.Place(oldest.trial.number, oldest.run.epoch, oldest.run.epochs, 0)
    try:
        return runs.train_epoch(
            [place.run for place in places],
            lambda batch: _progress.tell(at._replace(batch=batch)),
        )
    except torch.OutOfMemoryError:
        _logger.warning(
            f"{len(places)} trials at once do not fit into the memory of the device: take a "
            "smaller population (size=, --population)"
        )
        raise
