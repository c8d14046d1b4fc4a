"""The objective: a DilatedRNN trained under control of its mutual information."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch
from optuna.distributions import BaseDistribution
from optuna.trial import BaseTrial

from optuna_mi._checks import file_path, instance
from optuna_mi._folder import check_folder
from optuna_mi.datasets import Dataset, LanguageModeling
from optuna_mi.search_space import DilationSpace
from optuna_mi.training._objective_settings import (
    check_cuda_graph,
    check_inputs_of_one_size,
    check_settings,
    check_span,
    usable_device,
)
from optuna_mi.training._process import undisturbed_process
from optuna_mi.training._recipe import OPTIMIZERS, Recipe, record_test, recorded
from optuna_mi.training._task import Task
from optuna_mi.training._tasks import make_task
from optuna_mi.training._trial_identity import check_direction, study_of


class DilatedRNNObjective:
    """Train a DilatedRNN whose dilations a trial takes from a space; return its best score.

    Each epoch ends with the score on the validation split, which is reported to Optuna, and with
    IHYLL, the mutual information between the last layer's activations and the truth on a fixed
    probe of training examples, which sets the next epoch's learning rate [V] and is reported to
    :class:`~optuna_mi.IHYLLPruner`. The trial's user attributes hold ``dilations``, ``epochs``,
    ``ihyll_final`` and ``ihyll_reference`` (nats), the series ``mi:ihyll`` and ``mi:lr``, and, for
    a complete trial, ``best_epoch`` (from 0) and ``test``: the test split's score with
    the weights of that epoch, which decides nothing.

    The settings marked *searchable* take a fixed value or an Optuna distribution, which then
    becomes a parameter of the study.

    Args:
        dataset: What to train on.
        space: Where the dilations come from.
        cell: "gru", "rnn" or "lstm"; searchable.
        hidden_size: Units per layer; searchable.
        dropout: Dropout between layers; searchable.
        residual: Identity connections around layers; without them a deep stack learns nothing in
            its first hundreds of steps, and a short trial would say nothing about dilations.
        init: Initialisation of the network, as in :class:`~optuna_mi.nn.DilatedRNN`.
        optimizer: "adam", "rmsprop" or "sgd"; searchable.
        lr_min: Lower bound of the learning rate, where it starts; searchable.
        lr_max: Upper bound of the learning rate; searchable.
        policy: "reference" follows IHYLL's value and change, "change" its change alone; None
            trains at ``lr_max`` throughout.
        reference: What IHYLL is compared with, in nats: "entropy" of the targets, a bound that
            always holds (for real targets: the largest value the estimator can return with the
            probe's examples); "ixy", the estimated mutual information between input and target
            (only of real sequences of one length with one target each); or a number.
        epochs: Epochs per trial.
        steps: Batches per epoch at most; None for the whole training split.
        batch_size: Sequences, or windows, per batch; in language modelling parallel streams.
        window: Language modelling: steps through which a gradient flows.
        embedding_size: Size of a symbol's embedding, where the inputs are symbols.
        valid_symbols: Language modelling: how much of the held-out streams is scored.
        clip: Largest norm of a gradient.
        probe_size: Examples of the probe.
        seed: With the study's name, if you gave it one, and the trial's number, it fixes every
            random number of trials that run one at a time in a process. Trials in threads
            (``n_jobs`` of ``study.optimize``) share torch's random stream and are not repeatable;
            a warning says so. Use worker processes.
        device: Where to train.
        cuda_graph: Run training steps as CUDA graphs, which saves the host's launches. Only with
            ``device="cuda"``, and only where all batches are alike: symbols of one stream, or
            sequences of one length. What cannot be captured runs as ever, with a warning. Not yet
            seen on a GPU, hence off.
        n_threads: Threads of torch while a trial runs; trials side by side are faster than
            threads within one.
        checkpoint_dir: Where a trial saves its state after each epoch, as ``STUDY-NUMBER.pt``: a
            trial that ``optuna.storages.RetryHeartbeatStaleTrialCallback`` retries goes on from
            it, and a complete trial leaves its model for :func:`load_best`. A study name with
            characters other than lower-case letters, digits and ``_.-`` gets a digest. A damaged
            checkpoint, or one of another trial, is ignored with a warning. None for no checkpoints.

    Raises:
        ValueError: A setting is out of range or does not fit the data set.

    Example:
        >>> import optuna
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
        cuda_graph: bool = False,
        n_threads: int = 1,
        checkpoint_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        searched = {
            "cell": cell,
            "hidden_size": hidden_size,
            "dropout": dropout,
            "optimizer": optimizer,
            "lr_min": lr_min,
            "lr_max": lr_max,
        }
        # A checkpoint with other settings is not resumed; only the number of epochs may differ.
        fixed = {
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
        others = {"epochs": epochs, "n_threads": n_threads}
        check_settings({**searched, **fixed, **others}, tuple(OPTIMIZERS))
        check_span(space, dataset, window)
        if reference == "ixy":
            check_inputs_of_one_size(dataset)
        check_cuda_graph(cuda_graph, usable_device(device))
        settings: dict[str, Any] = {
            "batch_size": batch_size,
            "steps": steps,
            "embedding_size": embedding_size,
            "device": usable_device(device),
        }
        if isinstance(dataset, LanguageModeling):
            settings |= {"window": window, "valid_symbols": valid_symbols}
        self.dataset = dataset
        self.space = space
        self.task: Task = make_task(dataset, **settings)
        self._n_threads = n_threads
        self._recipe = Recipe(
            dataset=dataset,
            space=space,
            task=self.task,
            searched=searched,
            fixed=fixed,
            policy=policy,
            reference=reference,
            epochs=epochs,
            clip=clip,
            probe_size=probe_size,
            seed=seed,
            checkpoint_dir=None if checkpoint_dir is None else _folder(checkpoint_dir),
            cuda_graph=cuda_graph,
        )

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
        # Outside: a sampler may draw from torch's random stream, which comes back below.
        asked = self._recipe.ask(trial)
        with undisturbed_process(self.task.device, self._n_threads):
            run = self._recipe.run_of(trial, *asked)
            with recorded(trial, run):
                run.train(trial)
                record_test(trial, run)
        return run.value


def _folder(checkpoint_dir: str | os.PathLike[str]) -> Path:
    folder = file_path("checkpoint_dir", checkpoint_dir)
    check_folder(folder)
    return folder
