import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from optuna.trial import TrialState

from benchmarks import __main__ as command
from benchmarks import _runner
from benchmarks._experiment import key_of
from benchmarks._runner import free, study_of
from tests.benchmarks import toy_experiment

EXPERIMENT = toy_experiment.EXPERIMENT


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Run the command on the toy in a storage of its own; return what its CSV holds."""
    monkeypatch.setitem(command.MODULES, "table1", "tests.benchmarks.toy_experiment")
    storage = f"sqlite:///{tmp_path}/bench.db"

    def run(*options):
        argv = ["benchmarks", "table1", "--storage", storage, "--out", str(tmp_path), *options]
        monkeypatch.setattr("sys.argv", argv)
        command.main()
        return (tmp_path / "toy-small.csv").read_text().splitlines()

    run.storage = storage
    run.folder = tmp_path
    return run


def test_every_cell_once_and_resumed_with_more_seeds(bench, capsys):
    lines = bench()
    assert lines[0].startswith("layers,seed,value,")
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["2", "0", "2"],
        ["2", "1", "3"],
        ["3", "0", "3"],
        ["3", "1", "4"],
    ]
    assert "4 cells, 4 to run: about 0 CPU" in capsys.readouterr().out
    assert len(bench("--seeds", "3")) == 1 + 6
    assert "6 cells, 2 to run" in capsys.readouterr().out
    page = (bench.folder / "toy-small.md").read_text()
    assert "| 2 | 3.0 ± 2.5 |" in page
    assert "6 cells, seeds 0, 1, 2" in page


def test_a_failed_cell_is_run_again(bench):
    with pytest.raises(ZeroDivisionError):
        bench("--device", "broken")
    assert len(bench()) == 1 + 4
    study = study_of(EXPERIMENT, command.Request(), bench.storage)
    assert len(study.get_trials(states=(TrialState.COMPLETE,))) == 4
    assert len(study.get_trials(states=(TrialState.FAIL,))) == 1


def test_a_cell_that_two_workers_took_is_run_once(bench, monkeypatch):
    study = study_of(EXPERIMENT, command.Request(), f"journal:{bench.folder}/bench.log")
    cells = EXPERIMENT.cells(command.Request(seeds=2))
    other = study.ask()
    other.set_user_attr("cell", dict(cells[0]))
    other.set_user_attr("key", key_of(cells[0]))
    # what the worker sees first is older than the other one's claim
    looks = iter([cells, cells])
    monkeypatch.setattr(_runner, "free", lambda *given: next(looks, None) or free(*given))
    _runner.work(EXPERIMENT, command.Request(), study, cells, bar=False)
    states = [trial.state.name for trial in study.trials]
    assert states == ["RUNNING", "PRUNED", "COMPLETE", "COMPLETE", "COMPLETE"]
    study.tell(other, 0.0)
    assert len(_runner.complete(study, cells)) == 4


def test_two_workers(bench):
    assert len(bench("--workers", "2", "--seeds", "40")) == 1 + 80
    study = study_of(EXPERIMENT, command.Request(), bench.storage)
    assert len(study.get_trials(states=(TrialState.COMPLETE,))) == 80


def test_a_worker_waits_for_the_cell_of_an_earlier_trial(bench):
    study = study_of(EXPERIMENT, command.Request(), f"journal:{bench.folder}/bench.log")
    cells = EXPERIMENT.cells(command.Request(seeds=2))
    earlier = study.ask()  # has not said yet which cell it takes

    def say():
        earlier.set_user_attr("cell", dict(cells[0]))
        earlier.set_user_attr("key", key_of(cells[0]))

    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: (time.sleep(0.3), say()))
        _runner.work(EXPERIMENT, command.Request(), study, cells, bar=False)
    states = [trial.state.name for trial in study.trials]
    assert states == ["RUNNING", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_only_and_what_it_refuses(bench):
    assert len(bench("--only", "layers=3")) == 1 + 2
    with pytest.raises(ValueError, match="the cells have layers, seed"):
        bench("--only", "depth=3")
    with pytest.raises(ValueError, match="no such cell"):
        bench("--only", "layers=7")


def test_part_of_the_cells_is_not_written_over_the_whole(bench, capsys):
    whole = bench("--seeds", "3")
    page = (bench.folder / "toy-small.md").read_text()
    empty = f"sqlite:///{bench.folder}/empty.db"
    for part in (["--seeds", "2"], ["--only", "layers=3", "--seeds", "9"]):
        with pytest.raises(FileExistsError, match=r"toy-small.csv holds . cells .* --out"):
            bench("--storage", empty, *part)
        assert "| 3 |" in capsys.readouterr().out  # what was measured is shown all the same
    assert (bench.folder / "toy-small.csv").read_text().splitlines() == whole
    assert (bench.folder / "toy-small.md").read_text() == page
    bench("--storage", empty, "--only", "layers=3", "--out", str(bench.folder / "elsewhere"))
    assert (bench.folder / "elsewhere" / "toy-small.csv").exists()
    assert len(bench("--storage", empty, "--seeds", "4")) == 1 + 8
