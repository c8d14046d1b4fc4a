from __future__ import annotations

import logging
import math
from collections.abc import Iterator

import numpy as np
import optuna
import pytest
from optuna.pruners import BasePruner, MedianPruner
from optuna.trial import TrialState

from optuna_mi.pruners import IHYLLPruner, flush_ihyll, ihyll_series, report_ihyll


class Always(BasePruner):
    """Proposes to prune at every step from ``start`` on."""

    def __init__(self, start: int = 0) -> None:
        self._start = start

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.last_step is not None and trial.last_step >= self._start


@pytest.fixture
def warnings_logged() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("optuna").addHandler(handler)
    yield lines
    logging.getLogger("optuna").removeHandler(handler)


def _run(
    pruner: BasePruner,
    series: list[float],
    *,
    peers: list[list[float]] | None = None,
    attrs: dict[str, float] | None = None,
) -> tuple[int | None, optuna.trial.FrozenTrial]:
    """Return the step at which a trial with this series of IHYLL is pruned, and the trial."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for peer in peers or []:
        trial = study.ask()
        for step, value in enumerate(peer):
            trial.report(0.5, step)
            report_ihyll(trial, step, value)
        flush_ihyll(trial)
        study.tell(trial, 0.5)
    trial = study.ask()
    for key, value in (attrs or {}).items():
        trial.set_user_attr(key, value)
    for step, value in enumerate(series):
        trial.report(0.5, step)
        if not math.isinf(value):  # stands for: not reported
            report_ihyll(trial, step, value)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return step, study.trials[-1]
    return None, study.trials[-1]


RISING = [0.1 * (step + 1) for step in range(12)]
FLAT = [0.5] * 12


def test_without_ihyll_the_wrapped_pruner_decides_and_that_is_said_once(
    warnings_logged: list[str],
) -> None:
    nothing = [math.inf] * 12
    unknown = [math.nan] * 12
    pruner = IHYLLPruner(Always(3))
    assert _run(pruner, nothing)[0] == 3
    assert _run(pruner, unknown)[0] == 3
    assert len(warnings_logged) == 1
    assert "has no IHYLL at step 0, so Always decides alone" in warnings_logged[0]
    assert _run(IHYLLPruner(None), nothing)[0] is None


def test_a_rising_trial_is_spared_within_limits() -> None:
    pruner = IHYLLPruner(Always(4), patience=3, max_spared=5)
    step, trial = _run(pruner, RISING)
    assert step == 9
    assert trial.user_attrs["mi:spared"] == [4, 5, 6, 7, 8]
    assert _run(IHYLLPruner(Always(4), max_spared=0), RISING)[0] == 4
    assert _run(IHYLLPruner(Always(4), max_spared=100), RISING)[0] is None


def test_sparing_ends_when_the_rise_ends() -> None:
    series = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    step, trial = _run(IHYLLPruner(Always(3), patience=3, max_spared=100), series)
    # 0.5 at step 4 is new for the three values up to step 6.
    assert step == 7
    assert trial.user_attrs["mi:spared"] == [3, 4, 5, 6]


def test_too_few_values_spare_nobody() -> None:
    assert _run(IHYLLPruner(Always(1), patience=3, hold_back=False), RISING)[0] == 1


@pytest.mark.parametrize("patience", [1, 3])
def test_nobody_is_pruned_before_ihyll_can_speak(patience: int) -> None:
    pruner = IHYLLPruner(Always(), patience=patience, max_spared=0)
    assert _run(pruner, RISING)[0] == patience
    # A value that could not be measured is waited for no longer than one that could.
    assert _run(pruner, [0.1] + [math.nan] * 11)[0] == patience
    assert _run(pruner, [math.nan] * 12)[0] == 0


def test_the_first_epochs_of_an_example_decide_nothing() -> None:
    def objective(trial: optuna.Trial, asked: list[int]) -> float:
        rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
        for epoch in range(10):
            accuracy = 1 - 0.9 / (1 + rate * epoch) - 0.01 * rate
            trial.report(accuracy, epoch)
            report_ihyll(trial, epoch, 2.3 * accuracy)
            if trial.should_prune():
                asked.append(epoch)
                raise optuna.TrialPruned
        return accuracy

    ends = {}
    for name, pruner in (("alone", MedianPruner()), ("held", IHYLLPruner(MedianPruner()))):
        found: list[int] = []
        sampler = optuna.samplers.RandomSampler(0)
        study = optuna.create_study(direction="maximize", pruner=pruner, sampler=sampler)
        study.optimize(lambda trial, found=found: objective(trial, found), n_trials=30)
        ends[name] = found
    assert ends["alone"].count(0) > 8  # the untrained network decides
    assert min(ends["held"]) > 3


def test_a_pruner_with_rungs_judges_those_that_were_held_back() -> None:
    halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    study = optuna.create_study(direction="maximize", pruner=IHYLLPruner(halving, max_spared=0))
    last = []
    for score in (0.9, 0.8, 0.7, 0.1):
        trial = study.ask()
        for step in range(8):
            trial.report(score, step)
            report_ihyll(trial, step, 0.5)
            if trial.should_prune():
                break
        last.append(step)
        study.tell(trial, score)
    assert last == [7, 3, 3, 3]


def test_asking_twice_at_a_step_spares_once() -> None:
    study = optuna.create_study(pruner=IHYLLPruner(Always(4), max_spared=2))
    trial = study.ask()
    for step in range(6):
        trial.report(0.5, step)
        report_ihyll(trial, step, RISING[step])
        answers = [trial.should_prune() for _ in range(3)]
        assert answers == [False] * 3 or step < 4 or not any(answers)
    assert study.trials[0].user_attrs["mi:spared"] == [4, 5]
    trial.report(0.5, 6)
    report_ihyll(trial, 6, RISING[6])
    assert trial.should_prune()


PEERS = [[0.3 * i + 0.01 * s for s in range(12)] for i in range(1, 7)]  # median about 1.05


def test_a_saturated_trial_below_its_peers_is_pruned() -> None:
    pruner = IHYLLPruner(None, patience=3)
    step, _ = _run(pruner, FLAT, peers=PEERS)
    assert step == 3


def test_a_pruned_trial_has_all_its_reports_in_the_storage() -> None:
    peers = [[0.3 * i + 0.01 * s for s in range(20)] for i in range(1, 7)]
    rising_then_flat = [0.01 * (s + 1) for s in range(12)] + [0.12] * 8
    step, trial = _run(IHYLLPruner(None, patience=3), rising_then_flat, peers=peers)
    assert step is not None
    assert 10 < step < 19  # neither among the first ten nor a tenth report
    assert len(ihyll_series(trial)) == step + 1


def test_saturated_above_the_peers_or_rising_below_them_goes_on() -> None:
    pruner = IHYLLPruner(None, patience=3)
    assert _run(pruner, [2.5] * 12, peers=PEERS)[0] is None
    below = [0.01 * (s + 1) for s in range(12)]
    assert _run(pruner, below, peers=PEERS)[0] is None


def test_what_it_takes_to_compare() -> None:
    assert _run(IHYLLPruner(None, patience=3), FLAT, peers=PEERS[:4])[0] is None
    assert _run(IHYLLPruner(None, patience=3, n_min_peers=2), FLAT, peers=PEERS[2:4])[0] == 3
    assert _run(IHYLLPruner(None, percentile=None), FLAT, peers=PEERS)[0] is None
    assert _run(IHYLLPruner(None, percentile=0.0), FLAT, peers=PEERS)[0] is None
    assert _run(IHYLLPruner(None, patience=3, n_warmup_steps=7), FLAT, peers=PEERS)[0] == 7
    short = [peer[:3] for peer in PEERS]  # nobody has got as far
    assert _run(IHYLLPruner(None, patience=3), FLAT, peers=short)[0] is None


def test_nan_values_count_as_not_reported() -> None:
    series = [0.5, math.nan, 0.5, math.nan, math.nan, 0.5, 0.5, 0.5]
    # The fourth finite value is at step 6.
    assert _run(IHYLLPruner(None, patience=3), series, peers=PEERS)[0] == 6


def test_past_the_reference_a_trial_is_not_spared() -> None:
    pruner = IHYLLPruner(Always(4), patience=3, max_spared=100)
    assert _run(pruner, RISING, attrs={"ihyll_reference": 0.45})[0] == 7
    assert _run(pruner, RISING, attrs={"ihyll_reference": math.nan})[0] is None
    # what studies made by earlier versions call it
    assert _run(pruner, RISING, attrs={"ixy": 0.45})[0] == 7


def test_median_pruner_inside_saves_the_late_bloomer() -> None:
    def objective(trial: optuna.Trial) -> float:
        late = trial.number == 8
        for step in range(10):
            accuracy = step / 20 if late else 0.45
            trial.report(accuracy if step < 9 else accuracy + 0.5 * late, step)
            report_ihyll(trial, step, 0.2 * step if late else 0.9)
            if trial.should_prune():
                raise optuna.TrialPruned
        return 0.95 if late else 0.45

    for wrap, expected in ((False, TrialState.PRUNED), (True, TrialState.COMPLETE)):
        median = MedianPruner(n_startup_trials=3, n_warmup_steps=4)
        pruner = IHYLLPruner(median, max_spared=6) if wrap else median
        study = optuna.create_study(direction="maximize", pruner=pruner)
        study.optimize(objective, n_trials=9)
        assert study.trials[8].state == expected


@pytest.mark.parametrize("inner", ["hyperband", "halving", "percentile", "patient", "wilcoxon"])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.filterwarnings("ignore:Sample size too small")
@pytest.mark.filterwarnings("ignore:Exact p-value")
def test_any_of_optunas_pruners_inside(inner: str) -> None:
    wrapped = {
        "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=8),
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "percentile": lambda: optuna.pruners.PercentilePruner(25.0),
        "patient": lambda: optuna.pruners.PatientPruner(None, patience=1),
        "wilcoxon": lambda: optuna.pruners.WilcoxonPruner(),
    }[inner]()
    study = optuna.create_study(
        pruner=IHYLLPruner(wrapped), sampler=optuna.samplers.RandomSampler(seed=0)
    )

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(8):
            trial.report(x + 1 / (step + 1), step)
            report_ihyll(trial, step, 1 - x * 0.8**step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study.optimize(objective, n_trials=25)
    assert all(t.state.is_finished() for t in study.trials)
    assert any(t.state == TrialState.COMPLETE for t in study.trials)


def test_a_finished_trial_can_be_judged_again() -> None:
    study = optuna.create_study(pruner=IHYLLPruner(Always(4), max_spared=1))
    trial = study.ask()
    for step in range(8):
        trial.report(0.5, step)
        report_ihyll(trial, step, RISING[step])
    flush_ihyll(trial)
    study.tell(trial, 0.5)
    assert study.pruner.prune(study, study.trials[0]) is False


def test_bad_arguments_teach() -> None:
    with pytest.raises(TypeError, match="wrapped_pruner must be an Optuna pruner, got 'median'"):
        IHYLLPruner("median")  # type: ignore[arg-type]
    for name in ("patience", "max_spared", "n_min_peers", "n_warmup_steps"):
        for bad in (2.5, 3.0, True, "3"):
            with pytest.raises(TypeError, match=f"{name} must be an integer .* got {bad!r}"):
                IHYLLPruner(**{name: bad})  # type: ignore[arg-type]
    assert _run(IHYLLPruner(None, patience=np.int64(3)), FLAT, peers=PEERS)[0] == 3  # type: ignore[arg-type]
    for options, message in (
        ({"patience": 0}, "patience must be an integer of at least 1"),
        ({"epsilon": -0.1}, "epsilon must be a finite number >= 0"),
        ({"epsilon": math.nan}, "epsilon must be a finite number >= 0"),
        ({"max_spared": -1}, "max_spared must be an integer of at least 0"),
        ({"percentile": 101}, "percentile must be a finite number >= 0 and <= 100"),
    ):
        with pytest.raises(ValueError, match=message):
            IHYLLPruner(**options)  # type: ignore[arg-type]
