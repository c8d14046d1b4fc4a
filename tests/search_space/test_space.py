from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from optuna_mi.exceptions import SpaceMismatchError
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange, parse_dilations


@pytest.fixture
def space() -> DilationSpace:
    return DilationSpace(
        DecayGeometry("broken_power", (12.0,), (2.4, 0.9)),
        (IntRange(4, 11, 8), IntRange(1, 6, 4)),
        IntRange(120, 399, 240),
        max_layers=12,
        window=400,
        reason="the curve crosses 1e-5",
    )


def test_suggest_asks_for_the_distributions_and_leaves_the_list(space: DilationSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        dilations = space.suggest(trial)
        assert trial.distributions == space.distributions()
        assert parse_dilations(trial.user_attrs["dilations"]) == dilations
        assert dilations == space.dilations(trial.params)
        assert dilations[0] == 1
        assert len(dilations) <= 12
        assert dilations[-1] == trial.params["max_dilation"]
        study.tell(trial, 0.0)
    fixed = optuna.trial.FixedTrial(space.recommended)
    assert space.suggest(fixed) == space.dilations(space.recommended)


def test_a_trial_that_another_engine_wraps_is_one(space: DilationSpace) -> None:
    class Wrapped:
        def __init__(self, trial: optuna.Trial) -> None:
            self.trial = trial

        def __getattr__(self, name: str) -> object:
            return getattr(self.trial, name)

    trial = optuna.create_study().ask()
    assert space.suggest(Wrapped(trial)) == space.dilations(trial.params)  # type: ignore[arg-type]


def test_settings_with_the_same_list_are_one_cell_of_the_grid(space: DilationSpace) -> None:
    grid = space.grid(4)
    lists = [space.dilations(params) for params in grid]
    assert len(set(lists)) == len(lists)
    assert grid[0] == space.recommended
    everything = {space.dilations(params) for params in space.settings(4)}
    assert set(lists) == everything
    assert len(everything) < len(list(space.settings(4)))


def test_grid_takes_chosen_values(space: DilationSpace) -> None:
    points = {"n_layers_0": [5, 8], "n_layers_1": 1, "max_dilation": [128, 256]}
    grid = space.grid(points)
    assert {p["n_layers_0"] for p in grid} == {5, 8}
    assert {p["n_layers_1"] for p in grid} == {4}
    assert {p["max_dilation"] for p in grid} == {240, 128, 256}
    assert space.grid({name: np.array(values) for name, values in points.items()}) == grid
    with pytest.raises(ValueError, match="points names \\['n_layers_7'\\]"):
        space.grid({"n_layers_7": 2})
    with pytest.raises(ValueError, match="max_dilation takes values of"):
        space.grid({"max_dilation": [4000]})
    for bad in (240.5, np.nan, True, "240", None):
        with pytest.raises(ValueError, match="max_dilation takes values of"):
            space.grid({"max_dilation": [bad]})
    with pytest.raises(ValueError, match="got none"):
        space.grid({"max_dilation": []})
    with pytest.raises(TypeError, match=r"points must be an integer .* n_layers_0 the values"):
        space.grid(2.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("points", "values"), [(1, 1), (2, 3), (3, 3), (4, 4), (7, 7)])
def test_how_many_values_a_grid_takes(space: DilationSpace, points: int, values: int) -> None:
    for number in (points, np.int64(points)):
        grid = space.grid({"n_layers_0": number, "n_layers_1": 1, "max_dilation": number})
        assert len({p["max_dilation"] for p in grid}) == values
        assert {240} <= {p["max_dilation"] for p in grid}
        assert points == 1 or {120, 399} <= {p["max_dilation"] for p in grid}
    assert space.grid(np.int64(points)) == space.grid(points)


def test_lists_are_as_good_as_tuples(space: DilationSpace) -> None:
    geometry = DecayGeometry("broken_power", [12.0], [2.4, 0.9])  # type: ignore[arg-type]
    listed = replace(space, geometry=geometry, layers=list(space.layers), notes=["a"])
    assert listed == DilationSpace.from_json(listed.to_json()) == space
    assert hash(listed) == hash(space)


def test_n_distinct_counts_lists_by_brute_force() -> None:
    small = DilationSpace(
        DecayGeometry("broken_power", (4.0,), (2.0, 1.0)),
        (IntRange(1, 4, 2), IntRange(1, 3, 2)),
        IntRange(5, 12, 8),
        max_layers=5,
    )
    lists = set()
    for a in range(1, 5):
        for b in range(1, 4):
            for m in range(5, 13):
                params = {"n_layers_0": a, "n_layers_1": b, "max_dilation": m}
                lists.add(small.dilations(params))
    assert small.n_distinct == len(lists)
    assert max(map(len, lists)) == 5


def test_baselines_add_the_standard_progression_at_equal_size(space: DilationSpace) -> None:
    compared = replace(space, baselines=True)
    params = {"progression": "doubling", "n_layers_0": 5, "n_layers_1": 3, "max_dilation": 240}
    # [MK20], Table 3: models 2 and 5 have 8 layers each.
    assert compared.dilations(params) == (1, 2, 4, 8, 16, 32, 64, 128)
    mine = compared.dilations(params | {"progression": "mi"})
    assert len(mine) == 8
    assert mine[-1] == 240
    # 12 doublings would reach 2048; a window of 400 ends them at 256.
    long = params | {"n_layers_0": 8, "n_layers_1": 4}
    assert compared.dilations(long) == tuple(2**i for i in range(9))
    doubled = [p for p in compared.grid() if p["progression"] == "doubling"]
    assert len({len(compared.dilations(p)) for p in doubled}) == len(doubled) > 0
    assert compared.recommended["progression"] == "mi"
    with pytest.raises(ValueError, match="progression must be one of"):
        compared.dilations(params | {"progression": "fibonacci"})


def test_bad_settings_are_refused(space: DilationSpace) -> None:
    with pytest.raises(KeyError, match="lacks \\['n_layers_1'\\]"):
        space.dilations({"n_layers_0": 3, "max_dilation": 240})
    for bad in (0, -1, 2.5):
        with pytest.raises((TypeError, ValueError), match="must be an integer of at least 1"):
            space.dilations({"n_layers_0": bad, "n_layers_1": 3, "max_dilation": 240})
    with pytest.raises(ValueError, match="does not fit into a training window of 300"):
        replace(space, window=300)
    with pytest.raises(ValueError, match="max_layers=1 is fewer than the 2 segments"):
        replace(space, max_layers=1)


def test_json_is_canonical_and_complete(space: DilationSpace) -> None:
    text = space.to_json()
    back = DilationSpace.from_json(text)
    assert back == space
    assert (back.reason, back.fingerprint, back.to_json()) == (
        space.reason,
        space.fingerprint,
        text,
    )
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    for bad in ("{}", "[]", "not json", '{"format": 1}'):
        with pytest.raises(ValueError, match="not the JSON of a dilation space"):
            DilationSpace.from_json(bad)
    with pytest.raises(ValueError, match="format 99"):
        DilationSpace.from_json(text.replace('"format":1', '"format":99'))


def test_the_fingerprint_follows_what_decides_and_nothing_else(space: DilationSpace) -> None:
    assert replace(space, reason="other words", notes=("x",)).fingerprint == space.fingerprint
    others = [
        replace(space, window=500),
        replace(space, max_layers=11),
        replace(space, baselines=True),
        replace(space, max_dilation=IntRange(120, 399, 241)),
        replace(space, layers=(IntRange(4, 11, 7), IntRange(1, 6, 4))),
        replace(space, geometry=replace(space.geometry, slopes=(2.5, 0.9))),
    ]
    assert len({s.fingerprint for s in [space, *others]}) == 7


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_freezing_and_verifying(space: DilationSpace, kind: str, tmp_path: Path) -> None:
    storage: optuna.storages.BaseStorage
    if kind == "memory":
        storage = optuna.storages.InMemoryStorage()
    elif kind == "sqlite":
        storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/s.db")
    else:
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "s.log"))
        storage = optuna.storages.JournalStorage(backend)
    study = optuna.create_study(study_name="frozen", storage=storage)
    with pytest.raises(SpaceMismatchError, match="holds no dilation space"):
        space.verify(study)
    with pytest.raises(SpaceMismatchError, match="holds no dilation space"):
        DilationSpace.from_study(study)
    space.freeze(study)
    space.freeze(study)
    space.verify(study)
    assert DilationSpace.from_study(study) == space
    assert study.user_attrs["mi:fingerprint"] == space.fingerprint
    other = replace(space, max_layers=9, window=420)
    with pytest.raises(SpaceMismatchError) as caught:
        other.freeze(study)
    message = str(caught.value)
    assert "max_layers: the study has 12, yours 9" in message
    assert "window: the study has 400, yours 420" in message
    assert "from_study" in message
    assert "slopes" not in message
    assert DilationSpace.from_study(study) == space


def test_two_creators_at_once_end_with_one_space(space: DilationSpace) -> None:
    study = optuna.create_study()
    other = replace(space, max_layers=9)
    write = study._storage.set_study_user_attr
    calls = []

    def interleaved(study_id: int, key: str, value: object) -> None:
        # The other creator does its whole work between any two steps of the first one.
        calls.append(key)
        write(study_id, key, value)
        if len(calls) == 1:
            other.freeze(study)

    study._storage.set_study_user_attr = interleaved  # type: ignore[method-assign]
    with pytest.raises(SpaceMismatchError, match="max_layers: the study has 12, yours 9"):
        space.freeze(study)
    space.freeze(study)
    assert DilationSpace.from_study(study) == space
    assert study.user_attrs["mi:fingerprint"] == space.fingerprint
    # And the other way round: the second one overwrites before the first one has looked.
    late = optuna.create_study()
    first_write = late._storage.set_study_user_attr

    def overwritten(study_id: int, key: str, value: object) -> None:
        first_write(study_id, key, value)
        if key == "mi:space":
            first_write(study_id, key, json.loads(other.to_json()))

    late._storage.set_study_user_attr = overwritten  # type: ignore[method-assign]
    with pytest.raises(SpaceMismatchError, match="max_layers: the study has 9, yours 12"):
        space.freeze(late)
    other.freeze(late)
    assert late.user_attrs["mi:fingerprint"] == other.fingerprint


def test_describe_tells_a_person_what_is_searched(space: DilationSpace) -> None:
    text = space.describe()
    for part in (
        "broken power law whose slope changes at 12",
        "the curve crosses 1e-5.",
        "4 to 11 layers for distances 1 to 12 (recommended 8)",
        "from 120 to 399",
        "training window of 400 steps",
        ",240.",
    ):
        assert part in text


def test_a_space_of_sequences_keeps_the_analysis() -> None:
    sequence = np.cumsum(np.random.default_rng(0).integers(0, 2, 3000)) % 5
    space = DilationSpace.from_sequences(sequence)
    assert space.analysis is not None
    assert DilationSpace.from_analysis(space.analysis) == space
    assert len(space.analysis.curve.lags) == 1000
    back = DilationSpace.from_json(space.to_json())
    assert back == space
    assert back.analysis is None
