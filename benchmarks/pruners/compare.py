"""What a pruner saves and what it costs: IHYLLPruner against Optuna's own.

    python benchmarks/pruners/compare.py digits
    python benchmarks/pruners/compare.py ptb-char --recorded 30 --trials 15

Trials of random settings are trained to the end once, into a resumable study (``--storage``).
Training is deterministic, so what a pruner would have done is found by replaying what the trials
reported: every pruner judges the very same trials. A seed is a random order of a random subset.
A Markdown table goes to standard output and, with ``--csv``, a row a seed and pruner to a file;
``digits.csv`` and ``ptb-char.csv`` are those of the two commands. *Regret* is the
subset's best value less the best value that the pruned study found, the value of a complete trial
being that of its best epoch.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.trial import FrozenTrial, TrialState
from scipy import stats

from optuna_mi import DilatedRNNObjective, DilationSpace, IHYLLPruner, load_dataset, report_ihyll
from optuna_mi._attributes import IHYLL_REFERENCE_ATTR, ihyll_reference
from optuna_mi.pruners import ihyll_series

# The budget of a trial; small enough that 200 (digits) or 120 (PTB) trials take half an hour.
BUDGETS = {
    "digits": {"hidden_size": 16, "epochs": 16, "batch_size": 64},
    "ptb-char": {
        "hidden_size": 32,
        "epochs": 8,
        "steps": 30,
        "batch_size": 32,
        "window": 128,
        "valid_symbols": 20_000,
    },
}
RECORDED = {"digits": 200, "ptb-char": 120}


def pruners(epochs: int) -> dict[str, BasePruner]:
    def median() -> MedianPruner:
        return MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4)

    def hyperband() -> HyperbandPruner:
        return HyperbandPruner(min_resource=1, max_resource=epochs)

    return {
        "Nop": NopPruner(),
        "Median": median(),
        "Hyperband": hyperband(),
        "IHYLL alone": IHYLLPruner(),
        "IHYLL(Median)": IHYLLPruner(median()),
        "IHYLL(Median), 2 spared": IHYLLPruner(median(), max_spared=2),
        "IHYLL(Median), 1 spared": IHYLLPruner(median(), max_spared=1),
        "IHYLL(Median), 0 spared": IHYLLPruner(median(), max_spared=0),
        "IHYLL(Median), spares only": IHYLLPruner(median(), percentile=None),
        "IHYLL(Hyperband), 1 spared": IHYLLPruner(hyperband(), max_spared=1),
    }


def record(name: str, storage: str, n_trials: int) -> list[FrozenTrial]:
    """Train what is missing; return the first ``n_trials`` complete trials."""
    dataset = load_dataset(name)
    budget = BUDGETS[name]
    space = DilationSpace.from_sequences(dataset.sequences, window=budget.get("window"))
    objective = DilatedRNNObjective(
        dataset, space, lr_max=FloatDistribution(2e-3, 5e-2, log=True), **budget
    )
    study = optuna.create_study(
        study_name=f"record-{name}",
        storage=storage,
        direction=dataset.direction,
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=NopPruner(),
        load_if_exists=True,
    )
    space.freeze(study)
    missing = n_trials - len(study.get_trials(states=(TrialState.COMPLETE,)))
    if missing > 0:
        study.sampler = optuna.samplers.RandomSampler(seed=len(study.trials))
        study.optimize(objective, n_trials=missing, show_progress_bar=True)
    return study.get_trials(states=(TrialState.COMPLETE,))[:n_trials]


def replay(trials: list[FrozenTrial], pruner: BasePruner, direction: str) -> tuple[int, float]:
    """Return epochs run and the best value found by a study that trains these trials in turn."""
    study = optuna.create_study(study_name="replay", direction=direction, pruner=pruner)
    epochs = 0
    for recorded in trials:
        trial = study.ask()
        trial.set_user_attr(IHYLL_REFERENCE_ATTR, ihyll_reference(recorded.user_attrs))
        series = ihyll_series(recorded)
        state, value = TrialState.COMPLETE, recorded.value
        for step, reported in sorted(recorded.intermediate_values.items()):
            epochs += 1
            report_ihyll(trial, step, series[step])
            trial.report(reported, step)
            if trial.should_prune():
                state, value = TrialState.PRUNED, None
                break
        study.tell(trial, value, state=state)
    return epochs, study.best_value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", choices=BUDGETS)
    parser.add_argument("--storage", default="sqlite:///benchmarks-pruners.db")
    parser.add_argument("--recorded", type=int, help="trials to train once")
    parser.add_argument("--trials", type=int, default=20, help="trials of a replayed study")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--csv", type=Path, help="write the rows there")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = arguments.dataset
    recorded = record(name, arguments.storage, arguments.recorded or RECORDED[name])
    direction = "maximize" if load_dataset(name).direction == "maximize" else "minimize"
    n_epochs = BUDGETS[name]["epochs"]
    rows = []
    for seed, (label, pruner) in itertools.product(
        range(arguments.seeds), pruners(n_epochs).items()
    ):
        order = np.random.default_rng(seed).permutation(len(recorded))[: arguments.trials]
        chosen = [recorded[i] for i in order]
        values = [trial.value for trial in chosen]
        best = max(values) if direction == "maximize" else min(values)
        epochs, found = replay(chosen, pruner, direction)
        rows.append(
            {
                "seed": seed,
                "pruner": label,
                "epochs saved": 1 - epochs / (n_epochs * len(chosen)),
                "regret": abs(best - found),
            }
        )
    frame = pd.DataFrame(rows)
    if arguments.csv:
        frame.to_csv(arguments.csv, index=False, float_format="%.6g")
    print(f"{name}: {len(recorded)} recorded trials, {arguments.seeds} seeds of {arguments.trials}")
    print("\n| pruner | epochs saved | regret |\n|---|---|---|")
    for label, group in frame.groupby("pruner", sort=False):
        print(f"| {label} | {_mean(group['epochs saved'], '%')} | {_mean(group['regret'])} |")


def _mean(values: pd.Series[float], unit: str = "") -> str:
    """Return the mean with its 95 % interval (Student's t over seeds)."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    if unit == "%":
        return f"{100 * values.mean():.0f} ± {100 * half:.0f} %"
    return f"{values.mean():.4f} ± {half:.4f}"


if __name__ == "__main__":
    main()
