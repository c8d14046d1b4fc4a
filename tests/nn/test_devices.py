"""What other devices ask of the networks, as far as it shows without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from optuna_mi.nn import (
    BidirectionalDilatedRNN,
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    _triton_fits,
    _views,
)
from optuna_mi.nn._backend import choose_backend
from optuna_mi.nn._rows import Rows, kept_tensors


def _replica(module: nn.Module) -> nn.Module:
    """A copy as ``nn.DataParallel`` makes them: parameters are plain attributes."""
    copy = module._replicate_for_data_parallel()
    for name, child in module._modules.items():
        copy._modules[name] = None if child is None else _replica(child)
    for name, parameter in module._parameters.items():
        setattr(copy, name, None if parameter is None else parameter * 1.0)
    return copy


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (DilatedRNN(3, 4, (1, 2), batch_first=True), torch.randn(5, 9, 3)),
        (DilatedRNN(3, 4, (1, 2), cell="lstm", batch_first=True), torch.randn(5, 9, 3)),
        (DilatedRNNClassifier(3, 4, (1, 2), 5, batch_first=True), torch.randn(5, 9, 3)),
        (DilatedRNNLanguageModel(7, 3, 4, (1, 2), batch_first=True), torch.randint(7, (5, 9))),
        (BidirectionalDilatedRNN(3, 4, (1, 2), batch_first=True), torch.randn(5, 9, 3)),
    ],
)
def test_replicas_of_data_parallel_run_and_pass_gradients_on(model, x) -> None:
    replica = _replica(model)
    assert not list(replica.parameters())
    expected, found = model(x), replica(x)
    if isinstance(found, tuple):
        expected, found = expected[0], found[0]
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_cudnn_keeps_what_a_backward_pass_needs_in_evaluation_mode_too(cell, monkeypatch) -> None:
    monkeypatch.setattr(_views, "_evaluation_forgets", lambda device: True)
    name = "rnn_tanh" if cell == "rnn" else cell
    modes, run = [], getattr(torch._VF, name)

    def noted(*arguments):
        settings = arguments[4:] if isinstance(arguments[3], list) else arguments[3:]
        modes.append(settings[3])  # has_biases, num_layers, dropout, train
        return run(*arguments)

    monkeypatch.setattr(torch._VF, name, noted)
    model = DilatedRNN(3, 4, (1, 4), cell=cell, backend="views")
    x = torch.randn(9, 5, 3, requires_grad=True)
    trained, _ = model(x)
    model.eval()
    modes.clear()
    evaluated, _ = model(x)
    assert modes == [True, True]
    torch.testing.assert_close(evaluated, trained)
    with torch.no_grad():
        model(x)
    assert modes[2:] == [False, False]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_gradients_in_evaluation_mode_on_a_card(cell) -> None:
    model = DilatedRNN(3, 8, (1, 4), cell=cell, backend="views").cuda().eval()
    x = torch.randn(10, 5, 3, device="cuda", requires_grad=True)
    model(x)[0].square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_data_parallel_on_two_cards() -> None:
    model = DilatedRNNClassifier(3, 8, (1, 4), 5, batch_first=True).cuda()
    x = torch.randn(6, 10, 3, device="cuda")
    torch.testing.assert_close(nn.DataParallel(model)(x), model(x), rtol=1e-3, atol=1e-3)


def test_shapes_on_the_meta_device() -> None:
    """Which has no autocast that it could be asked for."""
    with torch.device("meta"):
        model = DilatedRNN(3, 4, (1, 2), cell="lstm")
        y, state = model(torch.empty(9, 5, 3))
        y, _ = model(torch.empty(9, 5, 3), state)
    assert y.shape == (9, 5, 4)
    assert y.device.type == "meta"


class _Elsewhere:
    """A tensor on a device that is not here, as far as a backend is chosen by it."""

    def __init__(self, kind: str) -> None:
        self.device, self.dtype, self.shape = torch.device(kind, 0), torch.float32, (20, 32, 3)


@pytest.mark.parametrize(
    ("kind", "hip", "capability", "found", "reason"),
    [
        ("mps", None, (9, 0), True, "on CUDA, but the input is on mps"),
        ("xpu", None, (9, 0), True, "on CUDA, but the input is on xpu"),
        ("cuda", "6.4", (9, 0), True, "ROCm"),
        ("cuda", None, (7, 5), True, "older than compute capability 8.0"),
        ("cuda", None, (9, 0), False, "not installed"),
        ("cuda", None, (9, 0), None, "not installed"),
    ],
)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_where_tritons_kernels_do_not_run_pytorchs_do_without_a_word(
    kind, hip, capability, found, reason, cell, monkeypatch
) -> None:
    def find_spec(name):
        if found is None:
            raise ValueError(f"{name}.__spec__ is None")
        return found or None

    said = []
    monkeypatch.setattr(_triton_fits.importlib.util, "find_spec", find_spec)
    monkeypatch.setattr(_triton_fits._logger, "warning", lambda *words: said.append(words))
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "some card")
    _triton_fits._missing.cache_clear()
    try:
        x = _Elsewhere(kind)
        assert choose_backend("auto", cell, (3, 20, 20), x, x) == "views"
        with pytest.raises(ValueError, match=rf'{reason}.*use backend="auto"'):
            choose_backend("triton", cell, (3, 20, 20), x, x)
    finally:
        _triton_fits._missing.cache_clear()
    assert not said


def test_what_a_cache_may_forget_is_kept_for_those_who_ask() -> None:
    rows = Rows(np.array([2, 0]))
    x = torch.empty(3, 1, device="meta")
    rows.take(x)
    with kept_tensors() as kept:
        rows.take(x)
        rows.take(x)
    rows.take(x)
    assert len(kept) == 2
    assert all(tensor is rows.on(x.device) for tensor in kept)
