"""Lists of dilations, each trained once a replicate: searches look their scores up."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from benchmarks.worth._data import VALID_SYMBOLS, Training, load
from optuna_mi import DilatedRNNObjective
from optuna_mi.datasets import SequenceClassification
from optuna_mi.search_space import format_dilations

# IHYLL decides nothing at a constant rate; a small probe keeps its measurement cheap.
_PROBE_SIZE = 64


@dataclasses.dataclass(frozen=True)
class Score:
    """What one training gave.

    Attributes:
        value: Best validation score of the epochs, the data set's metric.
        test: Test score at the end.
        train_s: CPU seconds.
        parameters: Of the network.
    """

    value: float
    test: float
    train_s: float
    parameters: int


class OneList:
    """A space of one list, which the objective asks as it asks any other."""

    def __init__(self, dilations: tuple[int, ...]) -> None:
        self._dilations = dilations

    def suggest(self, trial: optuna.Trial) -> tuple[int, ...]:
        trial.set_user_attr("dilations", format_dilations(self._dilations))
        return self._dilations


class Table:
    """Scores by data set, settings, list and replicate, in a study of their own.

    Args:
        storage: Where the benchmark keeps its cells.
        budget: Name of the budget.
    """

    def __init__(self, storage: BaseStorage, budget: str) -> None:
        self._study = optuna.create_study(
            study_name=f"lists-{budget}",
            storage=storage,
            sampler=optuna.samplers.RandomSampler(seed=0),  # never asked
            load_if_exists=True,
        )
        self._known: dict[str, Score] = {}

    def score(
        self,
        name: str,
        training: Training,
        dilations: tuple[int, ...],
        replicate: int,
        device: str = "cpu",
        **changes: Any,
    ) -> Score:
        """Look the score of a list up; train it if nobody has.

        Args:
            name: The data set.
            training: The fixed settings.
            dilations: The list.
            replicate: Seed of the training.
            device: Where to train.
            **changes: Keywords of the objective that differ from the fixed settings.
        """
        words = [name, training.text, format_dilations(dilations), f"replicate={replicate}"]
        key = " ".join(words + [f"{k}={v}" for k, v in sorted(changes.items())])
        if key not in self._known:
            self._read()
        if key not in self._known:
            score = train(name, training, dilations, replicate, device, **changes)
            self._study.add_trial(
                optuna.trial.create_trial(
                    value=score.value,
                    user_attrs={"list": key, "score": dataclasses.asdict(score)},
                )
            )
            self._known[key] = score
        return self._known[key]

    def _read(self) -> None:
        for trial in self._study.get_trials(deepcopy=False):
            self._known[trial.user_attrs["list"]] = Score(**trial.user_attrs["score"])


@functools.cache
def table_of(storage: BaseStorage, budget: str) -> Table:
    """Return the one table of a storage and budget."""
    return Table(storage, budget)


def train(
    name: str,
    training: Training,
    dilations: tuple[int, ...],
    replicate: int,
    device: str = "cpu",
    **changes: Any,
) -> Score:
    """Train one list with the fixed settings.

    Raises:
        RuntimeError: The training diverged.
    """
    dataset = load(name)
    settings: dict[str, Any] = {
        "cell": training.cell,
        "hidden_size": training.hidden_size,
        "lr_max": training.lr,
        "policy": None,
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "steps": training.steps,
        "probe_size": _PROBE_SIZE,
    }
    if not isinstance(dataset, SequenceClassification):
        settings |= {"window": training.window, "valid_symbols": VALID_SYMBOLS}
    settings |= changes
    objective = DilatedRNNObjective(
        dataset, OneList(dilations), seed=replicate, device=device, **settings
    )
    # A study of its own: the objective's random numbers follow the study's name and the number.
    study = optuna.create_study(study_name=name, direction=dataset.direction)
    started = time.process_time()
    study.optimize(objective, n_trials=1)
    seconds = time.process_time() - started
    trial = study.trials[0]
    if trial.state != TrialState.COMPLETE or trial.value is None:
        raise RuntimeError(
            f"{name}, {format_dilations(dilations)}: {trial.user_attrs.get('mi:reason')}; lower "
            "the learning rate of benchmarks/worth/_data.py"
        )
    model = objective.task.build(dilations, training.hidden_size, cell=training.cell, residual=True)
    return Score(
        value=trial.value,
        test=trial.user_attrs["test"],
        train_s=round(seconds, 3),
        parameters=sum(p.numel() for p in model.parameters()),
    )
