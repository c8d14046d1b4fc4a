"""Steps of language models and of dropout as CUDA graphs: states and random streams go on."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from optuna_mi import DilatedRNNObjective, DilationSpace
from optuna_mi.datasets import LanguageModeling
from optuna_mi.search_space import DecayGeometry, IntRange
from optuna_mi.training import _loop, _objective, _population_runs
from optuna_mi.training._carried_state import CarriedState
from optuna_mi.training._cuda_graph import GraphedStep
from optuna_mi.training._optimize_population import optimize_population

SPACE = DilationSpace(DecayGeometry("power"), (IntRange(2, 3, 2),), IntRange(8, 8, 8), 4)


def _objective_of(**settings: Any) -> DilatedRNNObjective:
    rng = np.random.default_rng(0)
    symbols = np.arange(1500) % 5
    symbols[::7] = rng.integers(0, 5, len(symbols[::7]))
    parts = np.split(symbols.astype(np.int64), [1100, 1300])
    text = LanguageModeling("own", *parts, sequences=parts[0], vocabulary=tuple("abcde"))
    # 1100 symbols in 4 streams hold 8 windows: an epoch of 3 goes over their end
    sizes = {"window": 32, "batch_size": 4, "valid_symbols": 130, "steps": 3, "hidden_size": 8}
    return DilatedRNNObjective(text, SPACE, **({"epochs": 4} | sizes | settings))


class Replay:
    """What a graph does: the function that was captured once, over memory of its own."""

    made: list[Replay]

    def __init__(self, step: Any, device: Any, *, generators: Any = ()) -> None:
        self.step, self.generators, self.own = step, list(generators), ()
        self.n_calls = 0
        self.made.append(self)

    def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
        self.own = self.own or tuple(x.clone() for x in inputs)
        for own, given in zip(self.own, inputs, strict=True):
            own.copy_(given)
        self.n_calls += 1
        found: torch.Tensor = self.step(*self.own)
        return found

    def forget(self) -> None: ...


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[Replay]:
    monkeypatch.setattr(Replay, "made", [], raising=False)
    for module in (_loop, _population_runs):
        monkeypatch.setattr(module, "GraphedStep", Replay)
    monkeypatch.setattr(_objective, "check_cuda_graph", lambda *_: None)
    monkeypatch.setattr(_loop, "set_capturable", lambda *_: None)
    return Replay.made


def _values(objective: DilatedRNNObjective, together: bool) -> list[dict[int, float]]:
    sampler = optuna.samplers.RandomSampler(0)
    study = optuna.create_study(study_name="s", direction="minimize", sampler=sampler)
    if together:
        optimize_population(study, objective, n_trials=2, size=2)
    else:
        study.optimize(objective, n_trials=1)
    return [trial.intermediate_values for trial in study.trials]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_all_steps_by_one_graph_give_the_same(
    cell: str, dropout: float, together: bool, replays: list[Replay]
) -> None:
    settings: dict[str, Any] = {"cell": cell, "dropout": dropout}
    expected = _values(_objective_of(**settings), together)
    assert not replays
    assert _values(_objective_of(**settings, cuda_graph=True), together) == expected
    (replay,) = replays
    assert replay.n_calls == 4 * 3
    # Each network of a population has its own; a single one draws from torch's.
    assert len(replay.generators) == (2 if together else 0)


def test_the_state_stays_where_it_is() -> None:
    state, values = CarriedState(), torch.ones(2, 3)
    assert state.read() is None
    state.forget()
    state.write((values, (values, values)))
    first = state.read()
    assert first is not None
    places = [t.data_ptr() for t in (state._state[0], *state._state[1])]  # type: ignore[index]
    state.write((2 * values, (3 * values, 4 * values)))
    assert bool((first[0] == 1).all())  # a backward pass reads it after the next one is written
    state.forget()
    assert places == [t.data_ptr() for t in (state._state[0], *state._state[1])]  # type: ignore[index]
    assert not any(t.any() for t in (state._state[0], *state._state[1]))  # type: ignore[index]


def test_an_objective_that_has_trained_goes_to_another_process() -> None:
    objective = _objective_of(epochs=1)
    study = optuna.create_study(direction="minimize")
    study.optimize(objective, n_trials=1)
    copy = pickle.loads(pickle.dumps(objective))
    assert len(copy.task._carried) == 0
    study.optimize(copy, n_trials=1)


needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_on_a_card(dropout: float, together: bool, caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.enable_propagation()
    found = []
    for graph in (False, True):
        settings = {"steps": 8, "device": "cuda", "dropout": dropout}
        found.append(_values(_objective_of(**settings, cuda_graph=graph), together))
    optuna.logging.disable_propagation()
    assert not [r for r in caplog.records if "CUDA graph" in r.message]
    for alone, captured in zip(*found, strict=True):
        assert captured == pytest.approx(alone, abs=0.1)


@pytest.mark.gpu
@needs_gpu
def test_replays_draw_on_and_a_failed_capture_leaves_the_streams() -> None:
    device = torch.device("cuda", torch.cuda.current_device())
    own = torch.Generator(device).manual_seed(0)
    x = torch.ones(1000, device=device)

    def draws(x: torch.Tensor) -> torch.Tensor:
        mask = torch.empty_like(x).bernoulli_(0.5, generator=own)
        return mask + 2 * torch.nn.functional.dropout(x)

    step = GraphedStep(draws, device, generators=[own])
    found = [step(x).clone() for _ in range(8)]
    assert not step.has_failed
    assert all(not torch.equal(a, b) for i, a in enumerate(found) for b in found[:i])
    own.manual_seed(0)  # the same stream from its start again
    first = torch.empty_like(x).bernoulli_(0.5, generator=own)
    own.manual_seed(0)
    assert torch.equal(step(x) % 2, first)

    def waits(x: torch.Tensor) -> torch.Tensor:
        return draws(x) * float(x.sum())

    spoilt = GraphedStep(waits, device, generators=[own], warm_up=0)
    assert spoilt(x).isfinite().all()
    assert spoilt.has_failed
    assert draws(x).isfinite().all()
