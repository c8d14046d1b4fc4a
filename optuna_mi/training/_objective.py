"""The objective: a DilatedRNN trained under control of its mutual information."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import optuna
import torch
from optuna.distributions import BaseDistribution
from optuna.trial import BaseTrial

from optuna_mi._attributes import (
    BEST_EPOCH_ATTR,
    CHECKPOINT_FILE_ATTR,
    CHECKPOINT_KEY_ATTR,
    EPOCHS_ATTR,
    IHYLL_FINAL_ATTR,
    IHYLL_REFERENCE_ATTR,
    LEARNING_RATES_ATTR,
    TEST_ATTR,
)
from optuna_mi._checks import file_path, instance
from optuna_mi.datasets import Dataset, LanguageModeling
from optuna_mi.pruners import flush_ihyll
from optuna_mi.search_space import DilationSpace
from optuna_mi.training._loop import Policy, Run
from optuna_mi.training._objective_settings import (
    check_inputs_of_one_size,
    check_settings,
    check_span,
    resolve,
    usable_device,
)
from optuna_mi.training._policies import IHYLLChangePolicy, IHYLLReferencePolicy
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import Task
from optuna_mi.training._tasks import make_task
from optuna_mi.training._trial_checkpoint import checkpoint_path, fingerprint
from optuna_mi.training._trial_identity import (
    check_direction,
    first_number,
    random_stream,
    study_of,
)

_OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}

# Of LR_max, how far policy 2 lowers the rate at once. On the paper's images IHYLL comes near H(Y),
# and the step is small by itself; on text IHYLL stays at half of H(Y), and one step would do all.
_COOLING = 0.3
# Held by a trial that trains in this process.
_TRAINING = threading.Lock()


class DilatedRNNObjective:
    """Train a DilatedRNN whose dilations a trial takes from a space; return its best score.

    Each epoch ends with the score on the validation split, which is reported to Optuna, and with
    IHYLL, the mutual information between the last layer's activations and the truth on a fixed
    probe of training examples, which sets the next epoch's learning rate [V] and is reported to
    :class:`~optuna_mi.IHYLLPruner`. The trial's user attributes hold ``dilations``, ``epochs``,
    ``ihyll_final`` and ``ihyll_reference`` (nats), the series ``mi:ihyll`` and ``mi:lr``, and, for
    a complete trial, ``best_epoch`` (from 0) and ``test``: the test split's score with
    the weights of that epoch, which nothing is chosen by.

    The settings marked *searchable* take a fixed value or an Optuna distribution, which then
    becomes a parameter of the study.

    Args:
        dataset: What to train on.
        space: Where the dilations come from.
        cell: "gru", "rnn" or "lstm"; searchable.
        hidden_size: Units a layer; searchable.
        dropout: Dropout between layers; searchable.
        residual: Identity connections around layers; without them a short trial of a deep stack
            compares plateaus, not dilations.
        init: Initialisation of the network, as in :class:`~optuna_mi.nn.DilatedRNN`.
        optimizer: "adam", "rmsprop" or "sgd"; searchable.
        lr_min: Lower bound of the learning rate, where it starts; searchable.
        lr_max: Upper bound of the learning rate; searchable.
        policy: "reference" follows IHYLL's value and change, "change" its change alone; None
            trains at ``lr_max`` throughout.
        reference: What IHYLL is compared with, in nats: "entropy" of the targets, a bound that
            always holds (of real targets: the most that the estimate can say with the probe's
            examples); "ixy", the estimated mutual information between input and target (only of
            real sequences of one length with one target each); or a number.
        epochs: Epochs a trial.
        steps: Batches an epoch at most; None for the whole training split.
        batch_size: Sequences, or windows, a batch; of language modelling parallel streams.
        window: Language modelling: steps through which a gradient flows.
        embedding_size: Size of a symbol's embedding, where the inputs are symbols.
        valid_symbols: Language modelling: how much of the held-out streams is scored.
        clip: Largest norm of a gradient.
        probe_size: Examples of the probe.
        seed: With the study's name, if you gave it one, and the trial's number, it fixes every
            random number of trials that run one at a time in a process. Trials in threads
            (``n_jobs`` of ``study.optimize``) share torch's random stream and are not repeatable,
            of which a warning tells; use worker processes.
        device: Where to train.
        n_threads: Threads of torch while a trial runs; trials side by side are faster than
            threads within one.
        checkpoint_dir: Where a trial saves its state after each epoch, as ``STUDY-NUMBER.pt``: a
            trial that ``optuna.storages.RetryHeartbeatStaleTrialCallback`` retries goes on there,
            and a complete trial leaves its model, for :func:`load_best`. A name of other characters
            than lower-case letters, digits and ``_.-`` gets a digest. A damaged checkpoint, or that
            of another trial, costs a warning. None for no checkpoints.

    Raises:
        ValueError: A setting is out of range or does not fit the data set.

    Example:
        >>> from optuna_mi import DilatedRNNObjective, DilationSpace, load_dataset
        >>> digits = load_dataset("digits")
        >>> space = DilationSpace.from_sequences(digits.sequences)
        >>> objective = DilatedRNNObjective(digits, space, hidden_size=8, epochs=1, steps=2)
        >>> study = optuna.create_study(direction="maximize")
        >>> study.optimize(objective, n_trials=1)
        >>> 0 <= study.best_value <= 1
        True
    """

    def __init__(
        self,
        dataset: Dataset,
        space: DilationSpace,
        *,
        cell: str | BaseDistribution = "gru",
        hidden_size: int | BaseDistribution = 32,
        dropout: float | BaseDistribution = 0.0,
        residual: bool = True,
        init: str = "deep",
        optimizer: str | BaseDistribution = "adam",
        lr_min: float | BaseDistribution = 1e-3,
        lr_max: float | BaseDistribution = 1e-2,
        policy: Literal["reference", "change"] | None = "reference",
        reference: Literal["entropy", "ixy"] | float = "entropy",
        epochs: int = 20,
        steps: int | None = None,
        batch_size: int = 64,
        window: int = 256,
        embedding_size: int = 32,
        valid_symbols: int = 50_000,
        clip: float = 1.0,
        probe_size: int = 1000,
        seed: int = 0,
        device: str | torch.device = "cpu",
        n_threads: int = 1,
        checkpoint_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        check_settings(locals(), tuple(_OPTIMIZERS))  # the arguments: nothing else is here yet
        check_span(space, dataset, window)
        if reference == "ixy":
            check_inputs_of_one_size(dataset)
        self.dataset = dataset
        self.space = space
        self._searched: dict[str, Any] = {
            "cell": cell,
            "hidden_size": hidden_size,
            "dropout": dropout,
            "optimizer": optimizer,
            "lr_min": lr_min,
            "lr_max": lr_max,
        }
        self._residual = residual
        self._init = init
        self._policy = policy
        self._reference = reference
        self._epochs = epochs
        self._clip = clip
        self._probe_size = probe_size
        self._seed = seed
        self._n_threads = n_threads
        self._checkpoint_dir: Path | None = None
        if checkpoint_dir is not None:
            self._checkpoint_dir = file_path("checkpoint_dir", checkpoint_dir)
        # A checkpoint of other settings is not taken up; more epochs may be asked for.
        self._fixed_settings = {
            "residual": residual,
            "init": init,
            "policy": policy,
            "reference": reference,
            "steps": steps,
            "batch_size": batch_size,
            "window": window,
            "embedding_size": embedding_size,
            "valid_symbols": valid_symbols,
            "clip": clip,
            "probe_size": probe_size,
            "seed": seed,
        }
        settings: dict[str, Any] = {
            "batch_size": batch_size,
            "steps": steps,
            "embedding_size": embedding_size,
            "device": usable_device(device),
        }
        if isinstance(dataset, LanguageModeling):
            settings |= {"window": window, "valid_symbols": valid_symbols}
        self.task: Task = make_task(dataset, **settings)

    def __call__(self, trial: BaseTrial) -> float:
        """Train one trial.

        Args:
            trial: A running trial; or one without a study, which is trained by itself and leaves no
                checkpoint: ``study.best_trial`` is trained again with the numbers it had, an
                ``optuna.trial.FixedTrial`` has settings of your own.

        Returns:
            The best validation score of its epochs.

        Raises:
            optuna.TrialPruned: The pruner said so, or the training diverged.
            ValueError: The study looks in the wrong direction, or for several values.
        """
        instance("trial", trial, BaseTrial, "a trial of Optuna")
        check_direction(study_of(trial), self.dataset.direction, self.dataset.metric)
        dilations = self.space.suggest(trial)
        settings = {name: resolve(trial, name, value) for name, value in self._searched.items()}
        with (
            _warned_of_threads(),
            _torch_threads(self._n_threads),
            torch.random.fork_rng(self._cuda_devices()),
        ):
            run = self._prepare(trial, dilations, settings)
            try:
                run.train(trial)
                trial.set_user_attr(BEST_EPOCH_ATTR, run.best.epoch)
                trial.set_user_attr(TEST_ATTR, self.task.score(run.model, "test"))
            except optuna.TrialPruned:
                if run.checkpoint is not None:
                    run.checkpoint.unlink(missing_ok=True)
                raise
            finally:
                trial.set_user_attr(EPOCHS_ATTR, len(run.history.values))
                trial.set_user_attr(LEARNING_RATES_ATTR, run.history.lr)
                if run.history.ihyll:
                    trial.set_user_attr(IHYLL_FINAL_ATTR, run.history.ihyll[-1])
                flush_ihyll(trial)
        return run.value

    def _prepare(
        self, trial: BaseTrial, dilations: tuple[int, ...], settings: dict[str, Any]
    ) -> Run:
        seed = random_stream(trial, self._seed)
        torch.manual_seed(int(seed.generate_state(1)[0]))
        network = {
            "cell": settings["cell"],
            "dropout": settings["dropout"],
            "residual": self._residual,
            "init": self._init,
        }
        model = self.task.build(dilations, settings["hidden_size"], **network)
        start = float(settings["lr_min" if self._policy else "lr_max"])
        optimizer = _OPTIMIZERS[settings["optimizer"]](model.parameters(), lr=start)
        probe = self.task.probe(model, size=self._probe_size, seed=self._seed)
        reference = self._reference_value(probe)
        trial.set_user_attr(IHYLL_REFERENCE_ATTR, reference)
        run = Run(
            task=self.task,
            model=model,
            optimizer=optimizer,
            policy=self._make_policy(optimizer, settings, reference),
            probe=probe,
            epochs=self._epochs,
            seed=seed,
            clip=self._clip,
            direction=self.dataset.direction,
        )
        if self._checkpoint_dir is not None and isinstance(trial, optuna.Trial):
            number, name = first_number(trial), trial.study.study_name
            run.checkpoint = checkpoint_path(self._checkpoint_dir, name, number)
            key, run.resume = _checkpoint_key(trial)
            run.identity = {
                "key": key,
                "study": name,
                "trial": number,
                "dilations": list(dilations),
                "dataset": self.dataset.fingerprint,
                "settings": fingerprint(self._fixed_settings | settings),
            }
            arguments = self.task.model_arguments(dilations, settings["hidden_size"], **network)
            run.build = {
                "class": self.task.model_class.__name__,
                # The safe reader of checkpoints takes Python's own numbers only.
                "arguments": {k: getattr(v, "item", lambda v=v: v)() for k, v in arguments.items()},
            }
            trial.set_user_attr(CHECKPOINT_FILE_ATTR, str(run.checkpoint.resolve()))
        return run

    def _reference_value(self, probe: InformationProbe) -> float:
        """Return the soft upper bound of IHYLL [V §3], in nats."""
        if self._reference == "entropy":
            return float(probe.reference("entropy"))
        if self._reference == "ixy":
            # Euclidean: with the maximum norm a few bright pixels decide the distance of images.
            return float(probe.reference("input", metric="euclidean"))
        return self._reference

    def _make_policy(
        self, optimizer: torch.optim.Optimizer, settings: dict[str, Any], reference: float
    ) -> Policy | None:
        bounds = {"lr_min": settings["lr_min"], "lr_max": settings["lr_max"]}
        if self._policy == "reference":
            cooling = _COOLING * settings["lr_max"]
            policy = IHYLLReferencePolicy(optimizer, reference=reference, gamma2=cooling, **bounds)
            # No change is known after one epoch, and a short trial can spare no other at lr_min.
            policy.value_only(1)
            return policy
        if self._policy == "change":
            return IHYLLChangePolicy(optimizer, **bounds)
        return None

    def _cuda_devices(self) -> list[torch.device]:
        return [self.task.device] if self.task.device.type == "cuda" else []


def _checkpoint_key(trial: optuna.Trial) -> tuple[str, bool]:
    """Return the key of the trial's checkpoint, and whether there may be one already."""
    storage, trial_id = trial.study._storage, trial._trial_id
    attrs = storage.get_trial(trial_id).system_attrs
    if "failed_trial" in attrs and CHECKPOINT_KEY_ATTR in attrs:
        return str(attrs[CHECKPOINT_KEY_ATTR]), True
    key = uuid.uuid4().hex
    storage.set_trial_system_attr(trial_id, CHECKPOINT_KEY_ATTR, key)
    return key, False


@contextlib.contextmanager
def _warned_of_threads() -> Iterator[None]:
    alone = _TRAINING.acquire(blocking=False)
    if not alone:
        warnings.warn(
            "Trials in threads of one process share torch's random stream, so that they are not "
            "repeatable: use worker processes instead of n_jobs",
            stacklevel=3,
        )
    try:
        yield
    finally:
        if alone:
            _TRAINING.release()


@contextlib.contextmanager
def _torch_threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
