"""Trials of a population: asked, prepared, told as they end."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import optuna
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages._heartbeat import get_heartbeat_thread, is_heartbeat_enabled
from optuna.trial import FrozenTrial, TrialState

from optuna_mi.samplers import MIGridSampler
from optuna_mi.samplers._forwarding import ForwardingSampler
from optuna_mi.training._loop import Run
from optuna_mi.training._objective import DilatedRNNObjective
from optuna_mi.training._process import undisturbed_process
from optuna_mi.training._recipe import record_test, recorded

# What Optuna says of each trial in its own loop, and as loudly.
_logger = optuna.logging.get_logger("optuna.study")

Callback = Callable[[optuna.Study, FrozenTrial], None]


@dataclass(eq=False)
class Place:
    """A trial at hand: its training, and what keeps its heart beating."""

    trial: optuna.Trial
    run: Run
    heart: contextlib.ExitStack


@dataclass
class PopulationTrials:
    """What ``study.optimize`` does for a trial before and after its objective.

    Attributes:
        study: The study.
        objective: How its trials are trained.
        callbacks: Called with the study and every trial that has ended.
        catch: Errors that are not raised.
        is_outside: Whether an error has nothing to do with the trial at hand: that is then left
            running, for the caller to queue it again.
    """

    study: optuna.Study
    objective: DilatedRNNObjective
    callbacks: tuple[Callback, ...] = ()
    catch: tuple[type[Exception], ...] = ()
    is_outside: Callable[[BaseException], bool] = lambda error: False

    def has_more(self) -> bool:
        """Return whether there is a trial to ask for now."""
        sampler = self.study.sampler
        while isinstance(sampler, ForwardingSampler):
            if isinstance(sampler, MIGridSampler):
                return not self.study._stop_flag and sampler.has_free_cell(self.study)
            sampler = sampler.base_sampler
        return not self.study._stop_flag

    def ask(self) -> Place | None:
        """Return a new trial, ready to be trained; None if it has ended already."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            # The trial's heart beats from the next line on.
            warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used")
            if is_heartbeat_enabled(self.study._storage):
                optuna.storages.fail_stale_trials(self.study)
            trial = self.study.ask()
        heart = contextlib.ExitStack()
        try:
            heart.enter_context(
                get_heartbeat_thread(trial._trial_id, self.study._storage)  # type: ignore[arg-type]
            )
            # Outside: a sampler may draw from torch's random stream, which comes back below.
            asked = self.objective._recipe.ask(trial)
            with self._undisturbed():
                run = self.objective._recipe.run_of(trial, *asked)
                run.begin(trial)
        except (Exception, KeyboardInterrupt) as error:
            heart.close()
            self._end(trial, error)
            return None
        return Place(trial, run, heart)

    def end(self, place: Place, error: Exception | None) -> None:
        """Write down how a trial ended, and call who wants to know.

        Args:
            place: The trial.
            error: Why it ends before its last epoch; None where it does not.
        """
        trial, run = place.trial, place.run
        with place.heart:
            try:
                with self._undisturbed(), recorded(trial, run):
                    if error is not None:
                        raise error
                    run.end()
                    record_test(trial, run)
            except Exception as reason:
                self._end(trial, reason)
            else:
                self._tell(trial, TrialState.COMPLETE, run.value)

    def abandon(self, place: Place, error: BaseException) -> None:
        """Fail a trial for an error that ends the whole search, unless that came from outside."""
        place.heart.close()
        if self.is_outside(error) or not isinstance(error, Exception | KeyboardInterrupt):
            return
        if not self.study._storage.get_trial(place.trial._trial_id).state.is_finished():
            _logger.warning(f"Trial {place.trial.number} failed: {error!r}")
            with self._in_loop():
                self.study.tell(place.trial, state=TrialState.FAIL, skip_if_finished=True)

    def _undisturbed(self) -> contextlib.AbstractContextManager[None]:
        return undisturbed_process(self.objective.task.device, self.objective._n_threads)

    def _end(self, trial: optuna.Trial, error: BaseException) -> None:
        """Tell a trial that ended by an error, which is raised again unless it may pass."""
        if isinstance(error, optuna.TrialPruned):
            _logger.info(f"Trial {trial.number} pruned. {error}")
            self._tell(trial, TrialState.PRUNED, None)
            return
        if isinstance(error, UpdateFinishedTrialError):
            _logger.warning(f"Trial {trial.number} was taken for dead elsewhere; the others go on.")
            self._tell(trial, TrialState.FAIL, None)
            return
        if self.is_outside(error):
            raise error
        _logger.warning(f"Trial {trial.number} failed: {error!r}")
        self._tell(trial, TrialState.FAIL, None)
        if not isinstance(error, self.catch):
            raise error

    def _tell(self, trial: optuna.Trial, state: TrialState, value: float | None) -> None:
        with self._in_loop():
            # Another worker may have taken this trial for dead, and failed it.
            frozen = self.study.tell(trial, value, state=state, skip_if_finished=True)
            if frozen.state == TrialState.COMPLETE:
                _logger.info(f"Trial {trial.number} finished with value: {value}; {trial.params}")
            for callback in self.callbacks:
                callback(self.study, frozen)

    @contextlib.contextmanager
    def _in_loop(self) -> Iterator[None]:
        """Let samplers and callbacks call ``study.stop()``, which only a loop may be told."""
        self.study._thread_local.in_optimize_loop = True
        try:
            yield
        finally:
            self.study._thread_local.in_optimize_loop = False
