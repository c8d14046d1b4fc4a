"""Any backend beside the equations: outputs, the state after, all gradients."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from optuna_mi.nn import _dilated_rnn

from .reference import flatten, make, naive, random_state


class Backend(NamedTuple):
    """What a backend computes in, and the largest error of outputs and of gradients.

    Errors are relative to the largest value of a tensor, or absolute where that is below 1.
    """

    dtype: torch.dtype
    outputs: float
    gradients: float
    device: str = "cpu"


BACKENDS = {
    "views": Backend(torch.float64, 1e-12, 1e-12),
    "torch_func": Backend(torch.float64, 1e-12, 1e-12),
    "fused": Backend(torch.float32, 2e-6, 1e-5),
    "blocks": Backend(torch.float32, 2e-6, 1e-5),
}


def compare_with_naive(name, cell, dilations, sizes, length, batch, need, carried, residual):
    """Outputs, the state after and all gradients, for the same parameters and inputs."""
    backend = BACKENDS[name]
    exact = make(cell, sizes, dilations, features=3, residual=residual)
    tested = make(cell, sizes, dilations, features=3, residual=residual)
    tested.load_state_dict(exact.state_dict())
    tested.to(backend.device, backend.dtype)
    # Values of single precision, so that every dtype reads the same ones.
    x = torch.randn(length, batch, 3).double().requires_grad_()
    state, given_state = None, None
    if carried:
        state = random_state(exact, batch, torch.float32)
        given_state = _copy(state, backend.dtype, backend.device)
        state = _copy(state, torch.float64, "cpu")
    y = _copy(x, backend.dtype, backend.device)

    expected, expected_after = naive(exact, x, state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dilated_rnn, "choose_backend", lambda *_: name)
        found, after = tested(y, given_state, need=need)
    if need == "all":
        expected, found = [expected, *flatten(expected_after)], [found, *flatten(after)]
    else:
        assert after is None
        expected, found = [expected[-1] if need == "last" else expected[-need:]], [found]
    assert_close(found, expected, backend.outputs)
    inputs = [x, *exact.parameters(), *flatten(state or ())]
    tested_inputs = [y, *tested.parameters(), *flatten(given_state or ())]
    assert_close(_gradients(found, tested_inputs), _gradients(expected, inputs), backend.gradients)


def assert_close(found, expected, tolerance):
    for f, e in zip(found, expected, strict=True):
        if f is None or e is None:  # a state that no output reads
            assert all(g is None or not g.any() for g in (f, e))
            continue
        error = (f.detach().cpu().double() - e.detach()).abs().max()
        assert error <= tolerance * max(1.0, e.detach().abs().max())


def _copy(entry, dtype, device):
    if isinstance(entry, tuple):
        return tuple(_copy(part, dtype, device) for part in entry)
    return entry.detach().to(device, dtype).requires_grad_()


def _gradients(outputs, inputs):
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(y.shape, generator=generator) for y in outputs]
    loss = sum((y * w.to(y)).sum() for y, w in zip(outputs, weights, strict=True))
    return torch.autograd.grad(loss, inputs, allow_unused=True)
