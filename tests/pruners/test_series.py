from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest

from optuna_mi._attributes import IHYLL_ATTR
from optuna_mi.pruners import flush_ihyll, ihyll_series, report_ihyll


def test_the_series_is_written_at_first_then_every_tenth_report_and_at_the_end(
    tmp_path: Path,
) -> None:
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask()

    def stored() -> int:
        return len(study.trials[0].user_attrs.get(IHYLL_ATTR, {}))

    seen = []
    for step in range(25):
        report_ihyll(trial, step, 0.1 * step)
        seen.append(stored())
        assert len(ihyll_series(trial)) == step + 1  # the trial itself sees all of it at once
    assert seen == [*range(1, 11), *[10] * 9, *[20] * 6]
    flush_ihyll(trial)
    assert stored() == 25
    study.tell(trial, 0.0)
    assert ihyll_series(study.trials[0]) == pytest.approx({k: 0.1 * k for k in range(25)})


def test_flush_keyword_other_trials_and_no_reports() -> None:
    study = optuna.create_study()
    trial = study.ask()
    flush_ihyll(trial)
    assert study.trials[0].user_attrs == {}
    report_ihyll(trial, 3, 0.5, flush=True)
    assert ihyll_series(study.trials[0]) == {3: 0.5}
    fixed = optuna.trial.FixedTrial({})
    report_ihyll(fixed, 0, 0.25)
    assert ihyll_series(fixed) == {0: 0.25}


def test_other_attributes_survive() -> None:
    study = optuna.create_study()
    trial = study.ask()
    trial.set_user_attr("a", 1)
    report_ihyll(trial, 0, 0.5)
    trial.set_user_attr("b", 2)
    report_ihyll(trial, 1, 0.6, flush=True)
    assert study.trials[0].user_attrs == {"a": 1, "b": 2, IHYLL_ATTR: {"0": 0.5, "1": 0.6}}


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_every_storage_gives_the_same_series_back(kind: str, tmp_path: Path) -> None:
    storage: optuna.storages.BaseStorage = optuna.storages.InMemoryStorage()
    if kind == "sqlite":
        storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/s.db")
    elif kind == "journal":
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "s.log"))
        storage = optuna.storages.JournalStorage(backend)
    study = optuna.create_study(storage=storage)
    trial = study.ask()
    values = {0: 1 / 3, 2: math.nan, 1: 2.5e-7, 10: -0.03}
    for step, value in values.items():
        report_ihyll(trial, step, value)
    before = ihyll_series(trial)
    flush_ihyll(trial)
    after = ihyll_series(study.trials[0])
    assert list(after) == [0, 1, 2, 10]
    assert math.isnan(after.pop(2))
    assert math.isnan(before.pop(2))
    assert after == before == {0: 0.333333, 1: 2.5e-7, 10: -0.03}


def test_bad_reports_teach() -> None:
    trial = optuna.create_study().ask()
    with pytest.raises(ValueError, match="step must be an integer of at least 0"):
        report_ihyll(trial, -1, 0.5)
    with pytest.raises(ValueError, match="value must be a finite number, got inf"):
        report_ihyll(trial, 0, math.inf)
    with pytest.raises(TypeError, match="step must be an integer"):
        report_ihyll(trial, 0.5, 0.5)  # type: ignore[arg-type]
