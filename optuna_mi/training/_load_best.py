"""From a study to the network that it found."""

from __future__ import annotations

import os
from pathlib import Path

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from optuna_mi._attributes import CHECKPOINT_FILE_ATTR, CHECKPOINT_KEY_ATTR
from optuna_mi._checks import file_path, instance
from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel, DilatedRNNRegressor
from optuna_mi.search_space._check_arguments import check_study
from optuna_mi.training._objective_settings import usable_device
from optuna_mi.training._trial_checkpoint import load_checkpoint

# A trial's attribute: the file with its weights.

_CLASSES: dict[str, type[nn.Module]] = {
    cls.__name__: cls
    for cls in (DilatedRNNClassifier, DilatedRNNRegressor, DilatedRNNLanguageModel)
}


def load_best(
    study: optuna.Study,
    *,
    trial: FrozenTrial | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
) -> nn.Module:
    """Return the network of the best trial, with the weights of its best epoch.

    Args:
        study: One whose objective was a :class:`DilatedRNNObjective` with a ``checkpoint_dir``, or
            that of ``optuna-mi search``.
        trial: A complete trial of the study; ``None`` for the best.
        checkpoint_dir: Where the checkpoints are now, if they are no longer where they were
            written.
        device: Where the network goes.

    Returns:
        The network, in evaluation mode. A :class:`~optuna_mi.nn.DilatedRNNClassifier` takes
        ``(B, T, features)``, or symbols ``(B, T)``, and returns logits ``(B, n_classes)``; a
        :class:`~optuna_mi.nn.DilatedRNNRegressor` takes the same and predicts in the data set's
        standard units; a :class:`~optuna_mi.nn.DilatedRNNLanguageModel` takes symbols ``(T, B)``
        and returns logits ``(T, B, n_symbols)`` and the state.

    Raises:
        ValueError: The study has no complete trial, the trial kept no weights, or the file is
            damaged or another trial's.
        FileNotFoundError: The file is not there.

    Example:
        >>> # model = load_best(study)
        >>> # predicted = model(torch.from_numpy(dataset.test.inputs)).argmax(dim=1)
    """
    check_study(study)
    place = usable_device(device)
    if trial is None:
        if not any(t.state == TrialState.COMPLETE for t in study.get_trials(deepcopy=False)):
            raise ValueError(f"study {study.study_name!r} has no complete trial: wait for one")
        trial = study.best_trial
    instance("trial", trial, FrozenTrial, "a trial of study.trials")
    stored = trial.user_attrs.get(CHECKPOINT_FILE_ATTR)
    if stored is None:
        raise ValueError(
            f"trial {trial.number} kept no weights: give DilatedRNNObjective a checkpoint_dir=, "
            "or train its settings again, as objective(study.best_trial) does"
        )
    path = Path(stored)
    if checkpoint_dir is not None:
        path = file_path("checkpoint_dir", checkpoint_dir) / path.name
    state = load_checkpoint(path, place)
    if state is None:
        raise FileNotFoundError(
            f"the weights of trial {trial.number} are not at {path}: pass checkpoint_dir= with the "
            f"folder that holds {path.name} now"
        )
    try:
        key, build, best = state["identity"]["key"], state["build"], state["best"]
        cls = _CLASSES[build["class"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no checkpoint of a network: it lacks {error}") from error
    if key != trial.system_attrs.get(CHECKPOINT_KEY_ATTR):
        raise ValueError(
            f"{path} belongs to another trial than trial {trial.number} of {study.study_name!r}: "
            "pass checkpoint_dir= with the folder of this study's checkpoints"
        )
    with torch.device("cpu"):
        model: nn.Module = cls(**build["arguments"])
    dtype = next(value.dtype for value in best["model"].values() if value.is_floating_point())
    model = model.to(device, dtype)
    model.load_state_dict(best["model"])
    return model.eval()
