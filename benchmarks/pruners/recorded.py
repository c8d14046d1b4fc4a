"""Recorded trials: what each reported after each epoch, in a file that a replay needs alone.

    python -m benchmarks.pruners.recorded digits --storage sqlite:///benchmarks-pruners.db

writes what `compare.py` recorded there to ``recorded-digits.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import TrialState

from optuna_mi._attributes import ihyll_reference
from optuna_mi.pruners import ihyll_series

FOLDER = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Curves:
    """Learning curves of recorded trials, more being better.

    Attributes:
        values: Score after each epoch, float64 (trials, epochs).
        ihyll: IHYLL after each epoch, in nats, the same shape.
        reference: Its bound in each trial, nats, shape (trials,).
    """

    values: np.ndarray
    ihyll: np.ndarray
    reference: np.ndarray

    def taken(self, trials: np.ndarray) -> Curves:
        """Return some of the trials, in this order."""
        return Curves(self.values[trials], self.ihyll[trials], self.reference[trials])

    @property
    def best(self) -> np.ndarray:
        """Best epoch's score of each trial, shape (trials,)."""
        return np.asarray(self.values.max(axis=1))


def load(name: str) -> Curves:
    """Return the recorded trials of a data set."""
    record = json.loads((FOLDER / f"recorded-{name}.json").read_text())
    sign = 1.0 if record["direction"] == "maximize" else -1.0
    values, ihyll = (np.array(record[key], dtype=float) for key in ("values", "ihyll"))
    return Curves(sign * values, ihyll, np.array(record["reference"], dtype=float))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--storage", default="sqlite:///benchmarks-pruners.db")
    arguments = parser.parse_args()
    study = optuna.load_study(study_name=f"record-{arguments.name}", storage=arguments.storage)
    trials = study.get_trials(states=(TrialState.COMPLETE,))
    record = {
        "direction": study.direction.name.lower(),
        "values": [[round(t.intermediate_values[i], 5) for i in _steps(t)] for t in trials],
        "ihyll": [[ihyll_series(t)[i] for i in _steps(t)] for t in trials],
        "reference": [ihyll_reference(t.user_attrs) for t in trials],
        "params": [t.params for t in trials],
    }
    lines = ['"' + k + '": ' + json.dumps(v).replace("], [", "],\n[") for k, v in record.items()]
    path = FOLDER / f"recorded-{arguments.name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(path)


def _steps(trial: optuna.trial.FrozenTrial) -> list[int]:
    return sorted(trial.intermediate_values)


if __name__ == "__main__":
    main()
