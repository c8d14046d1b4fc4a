"""What ``torch.autocast`` asks for is what comes, and no gradient is lost on the way."""

from __future__ import annotations

import pytest
import torch

from optuna_mi.nn import DilatedRNN, _views


def gradients(rnn, x, scale):
    y, state = rnn(x)
    y, _ = rnn(x, state)
    found = torch.autograd.grad(y.float().sum() * scale, list(rnn.parameters()))
    return y, [g.double() / scale for g in found]


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)],
)
def test_bfloat16_where_cudnn_would_take_float16(cell, device, monkeypatch) -> None:
    """Gradients of 1e-9, as of a mean over a batch, are zeros in float16."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    if device == "cpu":
        monkeypatch.setattr(_views, "cudnn_would_take_float16", torch.is_autocast_enabled)
        # a processor without units for bfloat16 would take its LSTM out of autocast before
        monkeypatch.setattr(_views, "_autocast_runs_lstm", lambda: True)
    torch.manual_seed(0)
    rnn = DilatedRNN(3, 8, (1, 2, 4), cell=cell, backend="views").to(device)
    x = torch.randn(12, 4, 3, device=device)
    _, expected = gradients(rnn, x, 1.0)
    with torch.autocast(device, torch.bfloat16):
        y, found = gradients(rnn, x, 1e-9)
    assert y.dtype == torch.bfloat16
    for f, e in zip(found, expected, strict=True):
        assert (f - e).norm() <= 0.02 * e.norm()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("backend", ["views", "auto"])
def test_dtype_on_a_card(cell, dtype, backend) -> None:
    rnn = DilatedRNN(3, 8, (1, 2, 4), cell=cell, backend=backend).cuda()
    x = torch.randn(12, 4, 3, device="cuda")
    _, expected = gradients(rnn, x, 1.0)
    with torch.autocast("cuda", dtype):
        y, found = gradients(rnn, x, 1.0)
    assert y.dtype == dtype
    for f, e in zip(found, expected, strict=True):
        assert (f - e).norm() <= 0.1 * e.norm()
