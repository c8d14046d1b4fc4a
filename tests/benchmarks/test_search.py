import dataclasses

import numpy as np
import optuna
import pandas as pd
import pytest

from benchmarks._experiment import Request, as_frame
from benchmarks.worth import _lists, _search_races, _search_spread, search
from benchmarks.worth._data import TRAININGS
from benchmarks.worth._lists import Table
from benchmarks.worth._spaces import Doubling, Uninformed, make_space

TINY = dataclasses.replace(
    TRAININGS["small"]["pdigits"], hidden_size=4, epochs=1, steps=1, batch_size=16
)


def searches(study, *names):
    """Run tiny searches of both replicates; return their frame."""
    table = Table(study._storage, "tiny")
    cells = [
        {"space": space, "sampler": sampler, "seed": seed}
        for space, sampler in names
        for seed in (0, 1)
    ]
    for cell in cells:
        cell = {"dataset": "pdigits", **cell, "trials": 4, "training": TINY.text, "replicates": 2}
        study.enqueue_trial({}, user_attrs={"key": str(cell), "cell": cell})

    def objective(trial):
        return search.search(trial, trial.user_attrs["cell"], TINY, table)

    study.optimize(objective, n_trials=len(cells))
    return as_frame(study.trials)


def test_searches_of_all_spaces_and_their_summary():
    study = optuna.create_study()
    names = (("ours", "MISampler"), ("ours", "MIGridSampler"))
    frame = searches(study, *names, ("doubling", "Grid"), ("uninformed", "GP"))
    for row in frame.itertuples():
        assert len(row.best) == 4
        assert (np.diff(row.best) >= 0).all()
        assert row.best[-1] == row.value == max(frame.loc[row.Index, "values"])
    assert (frame["parameters"] > 300).all()
    summary = search.summarize(frame, Request(seeds=2))
    assert "| pdigits | MISampler | Grid, doubling |" in summary.text
    assert "MIGridSampler against the uninformed space: the goal" in summary.text
    (figure,) = summary.figures.values()
    assert len(figure.data) == 2 * (3 + 3)  # a band and a line for each search in each column


def test_a_list_is_trained_once_a_replicate(monkeypatch):
    study = optuna.create_study()
    trained = []
    real = _lists.train

    def counted(name, training, dilations, replicate, device, **changes):
        trained.append((dilations, replicate))
        return real(name, training, dilations, replicate, device, **changes)

    monkeypatch.setattr(_lists, "train", counted)
    first = searches(study, ("doubling", "Grid"))
    assert len(trained) == len(set(trained)) == 8
    searches(study, ("doubling", "Grid"))
    assert len(trained) == 8
    # the score is a function of list and replicate: another table finds the same
    again = searches(optuna.create_study(), ("doubling", "Grid"))
    assert again["values"].tolist() == first["values"].tolist()


@pytest.mark.parametrize("name", TRAININGS["small"])
def test_depths_are_alike(name):
    training = TRAININGS["small"][name]
    doubling = Doubling(training.doubling_layers)
    longest = doubling.suggest(optuna.trial.FixedTrial({"n_layers": doubling.most}))
    assert longest[-1] < training.window <= 2 * longest[-1]
    if name in ("pdigits", "stdlib"):  # the others need downloads
        ours = make_space("ours", name, training)
        other = make_space("uninformed", name, training)
        assert isinstance(other, Uninformed)
        assert ours.max_layers == other.most == doubling.most


def test_uninformed_lists_increase_within_the_window():
    space = Uninformed(3, 6, 64)
    low, high = space.octaves
    lists = [
        space.place(n, octave, shape)
        for n in range(3, 7)
        for octave in range(low, high + 1)
        for shape in (-1, 0, 1)
    ]
    assert len(set(lists)) > 40
    for found in lists:
        assert found[0] == 1
        assert found[-1] < 64
        assert (np.diff(found) > 0).all()


def test_spread_tells_lists_from_seeds():
    rng = np.random.default_rng(0)
    effect = rng.normal(size=200)
    rows = [
        {"list": f"1,{i + 2}", "replicate": r, "value": effect[i] + 5 * r + 0.2 * rng.normal()}
        for i in range(200)
        for r in (0, 1)
    ]
    found = _search_spread.spread(pd.DataFrame(rows))
    assert found["lists"] == pytest.approx(1, abs=0.15)
    assert found["depth"] == pytest.approx(1, abs=0.15)
    assert found["seeds"] == pytest.approx(0.2, abs=0.03)  # the shift of a seed is none of it


def test_trials_to_reach():
    assert _search_races.first_reach(np.array([3.0, 2.0, 1.0]), 2.0, -1.0) == 2
    assert np.isnan(_search_races.first_reach(np.array([0.1, 0.2]), 0.3, 1.0))


def test_every_budget_has_cells_and_an_estimate():
    for budget in TRAININGS:
        found = search.cells(Request(budget, seeds=10))
        assert len(found) == 10 * 10 * len(TRAININGS[budget])
        assert sum(map(search.seconds, found)) > 60
