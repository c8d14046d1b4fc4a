"""Networks on a GPU against the same on the CPU in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional

from optuna_mi.nn import (
    BidirectionalDilatedRNN,
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    DilatedRNNPopulation,
    _triton_fits,
)
from optuna_mi.nn._backend import choose_backend

pytestmark = pytest.mark.gpu
CELLS = ["rnn", "gru", "lstm"]
BACKENDS = ["views", "auto"]  # on a card "auto" is Triton wherever its check passes


@pytest.fixture(params=[False, True], ids=["exact", "tf32"])
def tolerance(request: pytest.FixtureRequest) -> Iterator[float]:
    """PyTorch's default, and products in full float32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = request.param
    yield 1e-2 if request.param else 1e-4
    torch.backends.cudnn.allow_tf32 = before


def check(
    model: Any, device: torch.device, run: Callable[[Any, torch.device], Any], tolerance: float
) -> None:
    """Compare what ``run`` returns, and the gradients of its sum of squares."""
    exact = copy.deepcopy(model).double()
    for module in exact.modules():
        if isinstance(module, DilatedRNN):
            module.backend = "views"
    found = []
    for each, where in ((model.to(device), device), (exact, torch.device("cpu"))):
        y = run(each, where)
        gradients = torch.autograd.grad(y.square().sum(), list(each.parameters()))
        found.append([t.detach().cpu().double() for t in (y, *gradients)])
    for ours, right in zip(*found, strict=True):
        assert (ours - right).norm() <= tolerance * right.norm()


def draw(model: Any, device: torch.device, *shape: int) -> torch.Tensor:
    generator = torch.Generator("cpu").manual_seed(1)
    dtype = next(model.parameters()).dtype
    return torch.randn(shape, generator=generator, device="cpu").to(device, dtype)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("size", [20, 200])
def test_outputs_states_and_gradients(
    cell: str, size: int, backend: str, device: torch.device, tolerance: float
) -> None:
    torch.manual_seed(0)
    model = DilatedRNN(3, size, (1, 2, 5), cell=cell, backend=backend)

    def run(model: DilatedRNN, where: torch.device) -> torch.Tensor:
        _, state = model(draw(model, where, 23, 18, 3))
        y, _ = model(draw(model, where, 9, 18, 3), state)
        return y

    check(model, device, run, tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("need", ["all", "last", 3])
def test_lengths(need: Any, backend: str, device: torch.device, tolerance: float) -> None:
    torch.manual_seed(0)
    model = DilatedRNN(3, 20, (1, 4), batch_first=True, backend=backend)
    lengths = [7, 2, 7, 11, 5]

    def run(model: DilatedRNN, where: torch.device) -> torch.Tensor:
        return model(draw(model, where, 5, 11, 3), need=need, lengths=lengths)[0]

    check(model, device, run, tolerance)


def test_heads_and_both_directions(device: torch.device, tolerance: float) -> None:
    torch.manual_seed(0)
    both = BidirectionalDilatedRNN(3, 8, (1, 2))
    check(both, device, lambda m, where: m(draw(m, where, 12, 4, 3)), tolerance)
    language = DilatedRNNLanguageModel(11, 6, 8, (1, 2, 4))
    tokens = torch.randint(11, (15, 4))
    check(language, device, lambda m, where: m(tokens.to(where))[0], tolerance)


def test_population(device: torch.device, tolerance: float) -> None:
    torch.manual_seed(0)
    networks = [
        DilatedRNNClassifier(3, 20, dilations, 4) for dilations in ((1, 2, 4), (3, 1), (1, 7, 2, 9))
    ]
    population = DilatedRNNPopulation(networks, mode="together")
    check(population, device, lambda m, where: m(draw(m, where, 21, 6, 3)), tolerance)


def test_auto_takes_tritons_kernels_where_they_fit(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("triton")
    # Whether they are right is asked above; here it would be compiling for nothing.
    monkeypatch.setattr(_triton_fits, "_fault", lambda *_: None)
    if device.type != "cuda" or torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("needs a card of compute capability 8.0")
    x = torch.zeros(4, 2, 3, device=device)
    for cell in CELLS:
        assert choose_backend("auto", cell, (3, 20, 256), x, x) == "triton"
    assert choose_backend("auto", "gru", (3, 300), x, x) == "views"
    assert choose_backend("auto", "gru", (3, 20), x.double(), x.double()) == "views"


def test_memory_that_nobody_wrote_is_not_read(device: torch.device) -> None:
    """What the allocator hands out is full of NaN."""
    torch.manual_seed(0)
    networks = [DilatedRNNClassifier(3, 20, d, 4) for d in ((1, 2, 4, 9), (3,), (5, 1))]
    population = DilatedRNNPopulation(networks, mode="together").to(device)
    x = torch.randn(40, 6, 3, device=device)
    for _ in range(3):
        spoilt = [torch.full((n,), float("nan"), device=device) for n in (2**12, 2**16, 2**20)] * 4
        del spoilt
        y = population(x)
        (gradient,) = torch.autograd.grad(y.square().sum(), [population.weights])
        assert y.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_does_not_wait_for_the_device(backend: str, device: torch.device) -> None:
    model = DilatedRNNClassifier(3, 20, (1, 2, 4), 5, backend=backend).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(30, 8, 3, device=device), torch.randint(5, (8,), device=device)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    step()
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("backend", BACKENDS)
def test_default_device(backend: str, device: torch.device) -> None:
    torch.set_default_device(device)
    try:
        model = DilatedRNN(3, 20, (1, 3), cell="lstm", backend=backend)
        y, state = model(torch.randn(10, 4, 3))
        y, _ = model(torch.randn(10, 4, 3), state, lengths=[3, 10, 7, 1])
        y.sum().backward()
        last = DilatedRNNClassifier(3, 20, (1, 3), 5, backend=backend)(torch.randn(10, 4, 3))
    finally:
        torch.set_default_device(None)
    assert y.device.type == last.device.type == device.type
