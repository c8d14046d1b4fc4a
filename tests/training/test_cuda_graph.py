"""Steps as CUDA graphs: what is decided without a card, and what a card must show."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import optuna
import pytest
import torch
from torch import nn

from optuna_mi import DilatedRNNObjective, DilationSpace, load_dataset
from optuna_mi.training import _cuda_graph, _loop, _objective
from optuna_mi.training._cuda_graph import GraphedStep, set_capturable

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class _Stream:
    def __init__(self, *_: Any) -> None: ...

    def wait_stream(self, _: Any) -> None: ...


class _Generator:
    """A random stream that a failed capture leaves unusable; a copy of it is not."""

    capturing = False

    def clone_state(self) -> _Generator:
        return _Generator()

    def graphsafe_set_state(self, other: _Generator) -> None:
        self.capturing = other.capturing


class _Recorder:
    """Stands for ``torch.cuda`` where there is none: a graph is the call that it has seen."""

    OutOfMemoryError = torch.OutOfMemoryError
    Stream = _Stream

    def __init__(self, fails: type[Exception] | None) -> None:
        self.fails, self.captures, self.replays = fails, 0, 0
        self.registered: list[torch.Generator] = []
        self.default_generators = [_Generator()]
        self.current = self.before = _Stream()

    def current_stream(self, _: Any) -> _Stream:
        return self.current

    def set_stream(self, stream: _Stream) -> None:
        self.current = stream

    def synchronize(self, _: Any) -> None: ...

    def current_device(self) -> int:
        return 0

    def stream(self, _: Any) -> Any:
        return torch.no_grad()

    def CUDAGraph(self) -> Any:
        recorder = self

        class Graph:
            register_generator_state = staticmethod(recorder.registered.append)

            def replay(self) -> None:
                recorder.replays += 1

        return Graph()

    def graph(self, *_: Any, stream: _Stream, **__: Any) -> Any:
        self.captures += 1
        if self.fails:
            self.current = stream
            self.default_generators[0].capturing = True
            raise self.fails("operation not permitted when stream is capturing")
        return torch.no_grad()


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(fails: type[Exception] | None = None) -> _Recorder:
        recorder = _Recorder(fails)
        monkeypatch.setattr(_cuda_graph.torch, "cuda", recorder)
        monkeypatch.setattr(torch.Tensor, "record_stream", lambda *_: None)
        return recorder

    return make


def test_first_steps_and_other_shapes_run_as_they_are(cuda: Any) -> None:
    recorder, ran = cuda(), []
    step = GraphedStep(lambda x: ran.append(len(x)) or x.sum(), torch.device("cpu"), warm_up=2)
    for n in (4, 4, 3, 4, 4, 3):
        step(torch.ones(n))
    # two to warm up, a shorter batch, one that is recorded, the shorter batch
    assert ran == [4, 4, 3, 4, 3]
    assert (recorder.captures, recorder.replays) == (1, 2)
    step.forget()
    step(torch.ones(4))
    assert (recorder.captures, recorder.replays) == (2, 3)


def test_a_failed_capture_is_warned_of_once(cuda: Any, caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.enable_propagation()
    recorder, ran = cuda(fails=RuntimeError), []
    step = GraphedStep(lambda x: ran.append(len(x)) or x.sum(), torch.device("cpu"), warm_up=1)
    for _ in range(4):
        step(torch.ones(2))
    optuna.logging.disable_propagation()
    assert len(ran) == 4
    assert (recorder.captures, recorder.replays) == (1, 0)
    assert recorder.current is recorder.before
    assert not recorder.default_generators[0].capturing
    assert len({r.created for r in caplog.records if "CUDA graph" in r.message}) == 1


def test_a_capture_without_memory_fails_the_step_and_leaves_the_process_as_it_was(
    cuda: Any,
) -> None:
    recorder = cuda(fails=torch.OutOfMemoryError)
    step = GraphedStep(lambda x: x.sum(), torch.device("cpu"), warm_up=0)
    with pytest.raises(torch.OutOfMemoryError):
        step(torch.ones(2))
    assert recorder.current is recorder.before
    assert not recorder.default_generators[0].capturing


def test_random_streams_of_its_own_are_registered(cuda: Any) -> None:
    recorder, generator = cuda(), torch.Generator()
    step = GraphedStep(lambda x: x.sum(), torch.device("cpu"), generators=[generator], warm_up=0)
    step(torch.ones(2))
    assert recorder.registered == [generator]


def test_capturable_optimizers_and_back() -> None:
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([parameter])
    parameter.sum().backward()
    optimizer.step()
    set_capturable(optimizer, True)
    assert optimizer.param_groups[0]["capturable"]
    set_capturable(optimizer, False)
    optimizer.step()
    assert float(optimizer.state[parameter]["step"]) == 2
    # As a checkpoint's count comes back from a device; "meta" stands for one.
    optimizer.state[parameter]["step"] = torch.zeros((), device="meta")
    moved: list[Any] = []
    count = optimizer.state[parameter]["step"]
    count.to = moved.append  # type: ignore[method-assign, assignment]
    set_capturable(optimizer, False)
    assert moved == ["cpu"]
    set_capturable(torch.optim.SGD([parameter], lr=0.1), True)  # has no such option


def test_replays_do_not_pass_for_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a rate that stays, an epoch of replays changes weights behind autograd's back."""

    class Replayed:
        def __init__(self, step: Any, _: Any) -> None:
            self.step = step

        def __call__(self, *inputs: torch.Tensor) -> torch.Tensor:
            parameters = list(runs[-1].model.parameters())
            versions = [p._version for p in parameters]
            result = self.step(*inputs)
            torch._C._autograd._unsafe_set_version_counter(parameters, versions)
            return result

    runs: list[Any] = []
    begin = _loop.Run.begin
    monkeypatch.setattr(_loop.Run, "begin", lambda self, t: (runs.append(self), begin(self, t)))
    monkeypatch.setattr(_loop, "GraphedStep", Replayed)
    monkeypatch.setattr(_objective, "check_cuda_graph", lambda *_: None)
    digits = load_dataset("digits")
    objective = DilatedRNNObjective(
        digits,
        DilationSpace.from_sequences(digits.sequences),
        hidden_size=8,
        optimizer="sgd",
        policy="change",
        lr_min=0.1,
        lr_max=0.1,
        epochs=5,
        steps=2,
        cuda_graph=True,
    )
    study = optuna.create_study(direction="maximize", study_name="s")
    study.optimize(objective, n_trials=1)
    policy: Any = runs[-1].policy
    assert policy._n_trained == 5
    graph = weakref.ref(runs[-1]._graph)
    gc.collect()  # kernels that were just compiled leave cycles with all that called them
    gc.disable()
    try:
        runs.clear()
        assert graph() is None  # its memory on the device does not wait for Python
    finally:
        gc.enable()


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_an_objective_by_graphs_learns_as_without(
    optimizer: str, caplog: pytest.LogCaptureFixture
) -> None:
    digits = load_dataset("digits")
    space = DilationSpace.from_sequences(digits.sequences)
    optuna.logging.enable_propagation()
    values = []
    for graph in (False, True):
        objective = DilatedRNNObjective(
            digits, space, optimizer=optimizer, epochs=4, device="cuda", cuda_graph=graph
        )
        study = optuna.create_study(direction="maximize", study_name="s")
        study.optimize(objective, n_trials=1)
        values.append(study.trials[0].intermediate_values)
    optuna.logging.disable_propagation()
    assert not [r for r in caplog.records if "CUDA graph" in r.message]
    # The same batches and weights: what differs is rounding.
    assert values[1] == pytest.approx(values[0], abs=0.05)
