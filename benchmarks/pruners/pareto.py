"""Epochs spent against regret: pruners, and the plain rules that a pruner must beat.

    python -m benchmarks.pruners.pareto digits ptb-char --out benchmarks/results
    python -m benchmarks.pruners.pareto --coverage

A study of so many trials is drawn from recorded ones, and every rule judges the same trials in the
same order. *Regret* is the best score in the study less the best that the rule found. The unit of
the bootstrap is the recorded trial: studies that share trials are no independent witnesses.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PatientPruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import TrialState
from scipy import stats

from benchmarks.pruners.recorded import Curves, load
from benchmarks.races.worlds import mean_and_error
from optuna_mi import IHYLLPruner, report_ihyll
from optuna_mi._attributes import IHYLL_REFERENCE_ATTR

#: Trials of a study, bootstrapped sets of recorded trials, studies drawn from each.
SIZES = {"digits": 20, "ptb-char": 15}
SETS, STUDIES = 30, 3
# Takes curves of a study in order, and returns epochs spent and the best score found.
Rule = Callable[[Curves], tuple[int, float]]


def few_then_best(curves: Curves, first: int, kept: int) -> tuple[int, float]:
    """Train all trials for a few epochs, and the best of them to the end."""
    n, epochs = curves.values.shape
    score = curves.values[:, :first].max(axis=1)
    chosen = np.argsort(-score, kind="stable")[:kept]
    return n * first + kept * (epochs - first), float(curves.best[chosen].max())


def start_fewer(curves: Curves, share: float) -> tuple[int, float]:
    """Train only the first of the trials, to the end."""
    n, epochs = curves.values.shape
    some = max(1, round(share * n))
    return some * epochs, float(curves.best[:some].max())


def with_pruner(curves: Curves, make: Callable[[], BasePruner]) -> tuple[int, float]:
    """Train trial after trial until the pruner ends it."""
    study = optuna.create_study(study_name="replay", direction="maximize", pruner=make())
    spent, found = 0, -np.inf
    for values, ihyll, reference in zip(curves.values, curves.ihyll, curves.reference, strict=True):
        trial = study.ask()
        trial.set_user_attr(IHYLL_REFERENCE_ATTR, float(reference))
        state = TrialState.COMPLETE
        for step, value in enumerate(values):
            spent += 1
            report_ihyll(trial, step, float(ihyll[step]))
            trial.report(float(value), step)
            if trial.should_prune():
                state = TrialState.PRUNED
                break
        complete = state == TrialState.COMPLETE
        study.tell(trial, float(values.max()) if complete else None, state=state)
        found = max(found, float(values.max())) if complete else found
    return spent, found


def rules(epochs: int) -> dict[str, Rule]:
    """Return all rules for trials of so many epochs."""

    def median() -> BasePruner:
        return MedianPruner(n_startup_trials=4, n_warmup_steps=epochs // 4)

    def hyperband() -> BasePruner:
        return HyperbandPruner(min_resource=1, max_resource=epochs)

    pruners: dict[str, Callable[[], BasePruner]] = {
        "MedianPruner": median,
        "SuccessiveHalvingPruner": lambda: SuccessiveHalvingPruner(min_resource=1),
        "HyperbandPruner": hyperband,
        "PatientPruner(Median, 1)": lambda: PatientPruner(median(), patience=1),
        "IHYLLPruner alone": lambda: IHYLLPruner(),
        "IHYLLPruner(Median)": lambda: IHYLLPruner(median()),
        "IHYLLPruner(Median), 1 spared": lambda: IHYLLPruner(median(), max_spared=1),
        "IHYLLPruner(Hyperband), 1 spared": lambda: IHYLLPruner(hyperband(), max_spared=1),
    }
    found: dict[str, Rule] = {
        "all to the end": lambda c: start_fewer(c, 1.0),
        **{
            f"{round(100 * s)} % of the trials": functools.partial(start_fewer, share=s)
            for s in (0.25, 0.5, 0.75)
        },
        **{
            f"{f} epoch{'s' * (f > 1)} each, best {k} to the end": functools.partial(
                few_then_best, first=f, kept=k
            )
            for f in sorted({1, 2, epochs // 4})
            for k in (1, 3, 5)
        },
    }
    return found | {k: functools.partial(with_pruner, make=m) for k, m in pruners.items()}


def studies(
    curves: Curves, size: int, names: Mapping[str, Rule], rng: np.random.Generator, n: int
) -> np.ndarray:
    """Return share of epochs spent and regret in drawn studies: float64 (studies, rules, 2)."""
    out = np.empty((n, len(names), 2))
    for i in range(n):
        some = curves.taken(rng.permutation(len(curves.values))[:size])
        for j, rule in enumerate(names.values()):
            spent, found = rule(some)
            out[i, j] = spent / some.values.size, some.best.max() - found
    return out


def measure(
    curves: Curves, size: int, names: Mapping[str, Rule], seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return means (rules, 2) over studies of the recorded trials, and their standard errors.

    The error is the spread over sets of trials that were drawn again from the recorded ones, with
    what the drawing of studies adds to it taken off: the recorded trials are what is random.
    """
    rng = np.random.default_rng(seed)
    mean = studies(curves, size, names, rng, SETS * STUDIES).mean(axis=0)
    again = np.stack(
        [
            studies(
                curves.taken(rng.integers(0, len(curves.values), len(curves.values))),
                size,
                names,
                rng,
                STUDIES,
            )
            for _ in range(SETS)
        ]
    )
    errors = np.array(
        [[mean_and_error(again[:, :, j, m])[1] for m in (0, 1)] for j in range(len(names))]
    )
    return mean, errors


def quantile(recorded: int, size: int) -> float:
    """Return how many standard errors make half of a 95 % interval.

    Recorded trials make up no more than ``recorded / size`` independent studies, and a regret is
    skew: Student's quantile with so many degrees of freedom covers, the normal one does not.
    """
    return float(stats.t.ppf(0.975, recorded / size))


def table(names: Iterable[str]) -> pd.DataFrame:
    """Return a row a data set and rule."""
    rows = []
    for name in names:
        curves = load(name)
        known = rules(curves.values.shape[1])
        mean, error = measure(curves, SIZES[name], known)
        error *= quantile(len(curves.values), SIZES[name])
        for label, (spent, regret), (spent_error, regret_error) in zip(
            known, mean, error, strict=True
        ):
            rows.append(
                {
                    "dataset": name,
                    "rule": label,
                    "epochs": spent,
                    "epochs half": spent_error,
                    "regret": regret,
                    "regret half": regret_error,
                    "best possible": not any(
                        (mean[:, 0] < spent - 1e-12) & (mean[:, 1] <= regret)
                        | (mean[:, 0] <= spent) & (mean[:, 1] < regret - 1e-12)
                    ),
                }
            )
    return pd.DataFrame(rows)


def coverage(repeats: int = 200, recorded: int = 80, size: int = 20) -> tuple[float, float]:
    """Return how often 95 % intervals hold the truth in simulated trials: ours, and the naive one.

    Trials are made up: an end, drawn from a skew distribution, reached along an exponential with
    noise. The rule is one epoch each, the best three to the end; the naive interval is Student's
    over studies, as if they shared no trials.
    """
    known: dict[str, Rule] = {"rule": functools.partial(few_then_best, first=1, kept=3)}

    def made(rng: np.random.Generator, n: int) -> Curves:
        end = -rng.gamma(2.0, 0.03, n)[:, None]
        rate = rng.uniform(0.2, 0.8, (n, 1))
        values = end - np.exp(-rate * np.arange(1, 17)) + 0.01 * rng.normal(size=(n, 16))
        return Curves(values, values, np.ones(n))

    truth_rng = np.random.default_rng(0)
    truth = np.mean(
        [studies(made(truth_rng, size), size, known, truth_rng, 1)[0, 0, 1] for _ in range(20_000)]
    )
    ours = naive = 0
    for seed in range(repeats):
        curves = made(np.random.default_rng([1, seed]), recorded)
        mean, error = measure(curves, size, known, seed)
        ours += abs(mean[0, 1] - truth) <= quantile(recorded, size) * error[0, 1]
        drawn = studies(curves, size, known, np.random.default_rng([2, seed]), SETS * STUDIES)
        sem = drawn[:, 0, 1].std(ddof=1) / np.sqrt(len(drawn))
        naive += abs(drawn[:, 0, 1].mean() - truth) <= 1.96 * sem
    return ours / repeats, naive / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="*", choices=[*SIZES, []])
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for pruners.csv")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if arguments.coverage:
        ours, naive = coverage()
        print(f"95 % intervals hold the truth: ours {ours:.0%}, over studies {naive:.0%}")
    if not arguments.data:
        return
    frame = table(arguments.data)
    print("| data set | rule | epochs spent | regret | on the front |\n|---|---|---|---|---|")
    for row in frame.to_dict("records"):
        print(
            f"| {row['dataset']} | {row['rule']} | {100 * row['epochs']:.0f} ± "
            f"{100 * row['epochs half']:.0f} % | {row['regret']:.4f} ± "
            f"{row['regret half']:.4f} | {'yes' if row['best possible'] else ''} |"
        )
    if arguments.out:
        frame.to_csv(arguments.out / "pruners.csv", index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
