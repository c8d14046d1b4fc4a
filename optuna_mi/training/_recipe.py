"""From a trial to its training: what all trials of an objective share, and what each asks for."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
import torch
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
from optuna_mi.datasets import Dataset
from optuna_mi.pruners import flush_ihyll
from optuna_mi.search_space import DilationSpace
from optuna_mi.training._loop import Policy, Run, first_word
from optuna_mi.training._objective_settings import resolve
from optuna_mi.training._policies import IHYLLChangePolicy, IHYLLReferencePolicy
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._task import Task
from optuna_mi.training._trial_checkpoint import checkpoint_path, fingerprint
from optuna_mi.training._trial_identity import first_number, random_stream

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}

# gamma2 of policy 2 as a share of LR_max. On the paper's images IHYLL comes near H(Y), so steps
# down are small. On text IHYLL stays at half of H(Y): with gamma2 = LR_max two steps would take the
# rate from highest to lowest.
_COOLING = 0.3


@dataclass(frozen=True)
class Recipe:
    """How an objective trains each of its trials.

    Attributes:
        dataset: What is trained on.
        space: Where dilations come from.
        task: The data set made trainable.
        searched: Settings that are fixed values or distributions, by name.
        fixed: Settings in which two trainings must agree for one to resume the other's checkpoint.
        policy: Of the learning rate, by name.
        reference: What IHYLL is compared with.
        epochs: Epochs per trial.
        clip: Largest norm of a gradient.
        probe_size: Examples of the probe.
        seed: Of every trial's random stream.
        checkpoint_dir: Where checkpoints go.
        cuda_graph: Whether steps run as CUDA graphs.
    """

    dataset: Dataset
    space: DilationSpace
    task: Task
    searched: dict[str, Any]
    fixed: dict[str, Any]
    policy: Literal["reference", "change"] | None
    reference: Literal["entropy", "ixy"] | float
    epochs: int
    clip: float
    probe_size: int
    seed: int
    checkpoint_dir: Path | None
    cuda_graph: bool

    def ask(self, trial: BaseTrial) -> tuple[tuple[int, ...], dict[str, Any]]:
        """Return what the trial suggests: its dilations, and the searched settings by name."""
        dilations = self.space.suggest(trial)
        return dilations, {name: resolve(trial, name, v) for name, v in self.searched.items()}

    def run_of(self, trial: BaseTrial, dilations: tuple[int, ...], settings: dict[str, Any]) -> Run:
        """Prepare a trial's training; seeds torch's random stream."""
        network = {
            "cell": settings["cell"],
            "dropout": settings["dropout"],
            "residual": self.fixed["residual"],
            "init": self.fixed["init"],
        }
        seed = random_stream(trial, self.seed)
        torch.manual_seed(first_word(seed))
        model = self.task.build(dilations, settings["hidden_size"], **network)
        start = float(settings["lr_min" if self.policy else "lr_max"])
        make_optimizer: Any = OPTIMIZERS[settings["optimizer"]]
        optimizer = make_optimizer(model.parameters(), lr=start)
        probe = self.task.probe(model, size=self.probe_size, seed=self.seed)
        reference = self._reference_value(probe)
        trial.set_user_attr(IHYLL_REFERENCE_ATTR, reference)
        run = Run(
            task=self.task,
            model=model,
            optimizer=optimizer,
            policy=self._policy_of(optimizer, settings, reference),
            probe=probe,
            epochs=self.epochs,
            seed=seed,
            clip=self.clip,
            direction=self.dataset.direction,
            cuda_graph=self.cuda_graph,
        )
        if self.checkpoint_dir is not None and isinstance(trial, optuna.Trial):
            number, name = first_number(trial), trial.study.study_name
            run.checkpoint = checkpoint_path(self.checkpoint_dir, name, number)
            key, run.resume = _checkpoint_key(trial)
            run.identity = {
                "key": key,
                "study": name,
                "trial": number,
                "dilations": list(dilations),
                "dataset": self.dataset.fingerprint,
                "settings": fingerprint(self.fixed | settings),
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
        if self.reference == "entropy":
            return float(probe.reference("entropy"))
        if self.reference == "ixy":
            # Euclidean: with the maximum norm a few bright pixels decide the distance of images.
            return float(probe.reference("input", metric="euclidean"))
        return self.reference

    def _policy_of(
        self, optimizer: torch.optim.Optimizer, settings: dict[str, Any], reference: float
    ) -> Policy | None:
        bounds = {"lr_min": settings["lr_min"], "lr_max": settings["lr_max"]}
        if self.policy == "reference":
            cooling = _COOLING * settings["lr_max"]
            policy = IHYLLReferencePolicy(optimizer, reference=reference, gamma2=cooling, **bounds)
            # After one epoch no change is known; a short trial cannot spare a second one at lr_min.
            policy.value_only(1)
            return policy
        if self.policy == "change":
            return IHYLLChangePolicy(optimizer, **bounds)
        return None


@contextlib.contextmanager
def recorded(trial: BaseTrial, run: Run) -> Iterator[None]:
    """Write into the trial what its training came to, however that ends."""
    try:
        yield
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


def record_test(trial: BaseTrial, run: Run) -> None:
    """Write the best epoch and the test score of its weights, which decides nothing."""
    trial.set_user_attr(BEST_EPOCH_ATTR, run.best.epoch)
    trial.set_user_attr(TEST_ATTR, run.task.score(run.model, "test"))


def _checkpoint_key(trial: optuna.Trial) -> tuple[str, bool]:
    """Return the key of the trial's checkpoint, and whether there may be one already."""
    storage, trial_id = trial.study._storage, trial._trial_id
    attrs = storage.get_trial(trial_id).system_attrs
    if "failed_trial" in attrs and CHECKPOINT_KEY_ATTR in attrs:
        return str(attrs[CHECKPOINT_KEY_ATTR]), True
    key = uuid.uuid4().hex
    storage.set_trial_system_attr(trial_id, CHECKPOINT_KEY_ATTR, key)
    return key, False
