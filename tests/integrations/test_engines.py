"""The samplers under other schedulers: an exhausted grid ends, and each cell is trained once."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from optuna_mi.samplers import MIGridSampler, MISampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

pytestmark = pytest.mark.filterwarnings("ignore")

SPACE = DilationSpace(
    DecayGeometry("power"), (IntRange(3, 5, 4),), IntRange(8, 32, 16), max_layers=7
)


def objective(trial: optuna.Trial) -> float:
    return float(len(SPACE.suggest(trial)))


def assert_each_cell_once(study: optuna.Study, n_cells: int = 9) -> None:
    states = collections.Counter(t.state.name for t in study.trials)
    done = [t.params for t in study.trials if t.state.name == "COMPLETE"]
    assert len(done) == n_cells
    assert len({tuple(sorted(p.items())) for p in done}) == n_cells
    assert states.keys() <= {"COMPLETE", "PRUNED", "FAIL"}


@pytest.mark.slow
def test_dask_workers_end_when_the_grid_does() -> None:
    distributed = pytest.importorskip("distributed")
    integration = pytest.importorskip("optuna_integration")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        study = optuna.create_study(storage=integration.DaskStorage(), sampler=MIGridSampler(SPACE))
        loops = [client.submit(study.optimize, objective, pure=False) for _ in range(2)]
        single = [
            client.submit(study.optimize, objective, n_trials=1, pure=False) for _ in range(3)
        ]
        distributed.wait(loops + single, timeout=120)
        assert [f.status for f in loops + single] == ["finished"] * 5
        assert_each_cell_once(study)


def _submitted(url: str) -> None:
    study = optuna.load_study(study_name="grid", storage=url, sampler=MIGridSampler(SPACE))
    study.optimize(objective)


@pytest.mark.slow
def test_submitit_jobs_end_when_the_grid_does(tmp_path: Path) -> None:
    submitit = pytest.importorskip("submitit")
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="grid", storage=url)
    executor = submitit.AutoExecutor(folder=tmp_path / "logs", cluster="local")
    executor.update_parameters(timeout_min=5)
    jobs = [executor.submit(_submitted, url) for _ in range(2)]
    assert [job.result() for job in jobs] == [None, None]
    assert_each_cell_once(study)


def test_hydra_composes_the_configuration_of_each_trial(tmp_path: Path) -> None:
    hydra = pytest.importorskip("hydra")
    (tmp_path / "train.yaml").write_text("model:\n  dilations: [1]\n")

    def composed(trial: optuna.Trial) -> float:
        dilations = list(SPACE.suggest(trial))
        with hydra.initialize_config_dir(str(tmp_path), version_base=None):
            config = hydra.compose("train", overrides=[f"model.dilations={dilations}"])
        assert list(config.model.dilations) == dilations
        return float(len(config.model.dilations))

    study = optuna.create_study(sampler=MIGridSampler(SPACE))
    study.optimize(composed)
    assert_each_cell_once(study)


@pytest.fixture(scope="module")
def tune() -> Iterator[Any]:
    ray = pytest.importorskip("ray")
    found = pytest.importorskip("ray.tune")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield found
    ray.shutdown()


def _suggest(trial: Any) -> dict[str, Any]:
    return {"dilations": list(SPACE.suggest(trial))}


@pytest.mark.slow
def test_ray_ends_when_the_grid_does_and_tries_a_failed_cell_again(
    tune: Any, tmp_path: Path
) -> None:
    from optuna_mi.integrations.ray import GridOptunaSearch

    marker = str(tmp_path / "failed")

    def train(config: dict[str, Any]) -> dict[str, float]:
        if config["max_dilation"] == 32 and not Path(marker).exists():
            Path(marker).touch()
            raise RuntimeError("the first training of a cell with this dilation fails")
        return {"score": float(len(config["dilations"]))}

    def suggest(trial: Any) -> dict[str, Any]:  # as in a notebook: no module holds it
        return _suggest(trial)

    search = GridOptunaSearch(suggest, MIGridSampler(SPACE), metric="score", mode="max")
    results = tune.Tuner(
        train,
        tune_config=tune.TuneConfig(search_alg=search, num_samples=-1, max_concurrent_trials=2),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    ).fit()
    assert Path(marker).exists()
    assert results.num_errors == 1
    assert_each_cell_once(search._ot_study)
    search.save(str(tmp_path / "search.pkl"))
    again = GridOptunaSearch(suggest, MIGridSampler(SPACE), metric="score", mode="max")
    again.restore(str(tmp_path / "search.pkl"))
    assert again.suggest("one more") == again.FINISHED


@pytest.mark.slow
def test_a_ray_search_starts_at_the_recommendation(tune: Any, tmp_path: Path) -> None:
    from ray.tune.search.optuna import OptunaSearch

    def train(config: dict[str, Any]) -> dict[str, float]:
        return {"score": float(len(config["dilations"]))}

    search = OptunaSearch(_suggest, metric="score", mode="max", sampler=MISampler(SPACE, seed=0))
    results = tune.Tuner(
        train,
        tune_config=tune.TuneConfig(search_alg=search, num_samples=3, max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    ).fit()
    assert results.num_errors == 0
    assert search._ot_study.trials[0].params == SPACE.recommended
