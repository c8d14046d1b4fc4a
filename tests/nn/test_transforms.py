"""DilatedRNN inside what transforms PyTorch programs: the compiler, export, torch.func."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, vmap

from optuna_mi.nn import (
    BidirectionalDilatedRNN,
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
)

# What PyTorch's own transforms deprecate and warn of while they trace.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]

CELLS = ["rnn", "gru", "lstm"]
X = torch.randn(21, 9, 3, generator=torch.Generator().manual_seed(0))


def classifier(cell: str, backend: str = "auto", **settings) -> DilatedRNNClassifier:
    torch.manual_seed(0)
    return DilatedRNNClassifier(3, 8, (1, 2, 4), 5, cell=cell, backend=backend, **settings)


def parameter_gradients(model, x) -> list[torch.Tensor]:
    model.zero_grad()
    model(x).square().sum().backward()
    return [p.grad.clone() for p in model.parameters()]


def close(actual, expected) -> None:
    for a, e in zip(actual, expected, strict=True):
        assert (a - e).abs().max() <= 1e-5 * max(1.0, float(e.abs().max()))


FRESH = """
import warnings, torch
warnings.simplefilter("ignore")
from optuna_mi.nn import DilatedRNNClassifier
model = DilatedRNNClassifier(3, 8, (1, 2), 5, cell="lstm", backend="fused")
x = torch.randn(20, 9, 3)
y = torch.compile(model, backend="eager")(x)
y.sum().backward()
assert torch.equal(y, model(x))
"""


def test_the_compiler_in_a_process_that_has_not_run_the_kernels():
    # Once run they were not traced: only a fresh process showed that the compiler traced numba.
    subprocess.run([sys.executable, "-c", FRESH], check=True)


@pytest.mark.parametrize("backend", ["fused", "views"])
def test_a_compiled_model_and_its_state(backend):
    torch.manual_seed(0)
    model = DilatedRNNLanguageModel(7, 4, 8, (1, 2, 4), backend=backend)
    compiled = torch.compile(model, backend="eager")
    tokens = torch.randint(0, 7, (20, 9))
    y, state = compiled(tokens)
    y, _ = compiled(tokens, state)
    _, state = model(tokens)
    assert torch.equal(y, model(tokens, state)[0])


def test_what_cannot_be_compiled_whole_says_what_can():
    model = classifier("gru")
    with pytest.raises(Exception, match=r"leave fullgraph=True out.*strict=False"):
        torch.compile(model, backend="eager", fullgraph=True)(X)
    with pytest.raises(Exception, match=r"leave fullgraph=True out.*strict=False"):
        torch.export.export(model, (X,), strict=True)
    for backend in ("fused", "blocks"):
        with pytest.raises(ValueError, match=r'do not see: use backend="auto" or "views"'):
            torch.export.export(classifier("gru", backend), (X,))


def test_export_takes_any_batch():
    model = classifier("gru", batch_first=True)
    batch = torch.export.Dim("batch")
    x = X.transpose(0, 1)
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: batch},)).module()
    for size in (4, 9, 30):  # below and above what the own kernels take
        x = torch.randn(size, 21, 3)
        close([exported(x)], [model(x)])


@pytest.mark.parametrize("cell", CELLS)
def test_traced(cell):
    model = classifier(cell)
    close([torch.jit.trace(model, (X,))(X)], [model(X)])


@pytest.mark.parametrize("backend", ["auto", "views"])
@pytest.mark.parametrize("cell", CELLS)
def test_function_transforms(cell, backend):
    model = classifier(cell, backend)
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters, x):
        return functional_call(model, parameters, (x,)).square().sum()

    expected = parameter_gradients(model, X)
    close(grad(loss)(parameters, X).values(), expected)
    # One sequence at a time, as differential privacy takes it; the sum is the whole batch's.
    each = vmap(grad(lambda p, x: loss(p, x[:, None])), (None, 1))(parameters, X)
    close([g.sum(dim=0) for g in each.values()], expected)
    many = torch.stack([X, X + 1])
    close(vmap(model)(many), [model(x) for x in many])


@pytest.mark.parametrize("cell", CELLS)
def test_forward_derivatives(cell):
    model = classifier(cell).double()
    x, step = X.double(), torch.ones_like(X, dtype=torch.float64)
    h = 1e-6
    expected = (model(x + h * step) - model(x - h * step)) / (2 * h)
    assert torch.allclose(jvp(model, (x,), (step,))[1], expected, atol=1e-6)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(model(forward_ad.make_dual(x, step))).tangent
    assert torch.allclose(tangent, expected, atol=1e-6)


@pytest.mark.parametrize("backend", ["fused", "blocks"])
def test_own_kernels_refuse_function_transforms(backend):
    model = classifier("gru", backend)
    with pytest.raises(ValueError, match=r'do not reach: use backend="auto" or "views"'):
        vmap(model)(torch.stack([X, X]))


@pytest.mark.parametrize("backend", ["auto", "views"])
@pytest.mark.parametrize("cell", CELLS)
def test_another_default_device(cell, backend):
    torch.manual_seed(0)
    model = DilatedRNN(3, 8, (1, 2, 5), cell=cell, backend=backend)
    lengths = [21, 4, 4, 1, 9, 9, 9, 20, 21]
    expected = [
        model(X)[0],
        model(X, lengths=lengths)[0],
        model(X, need="last", lengths=lengths)[0],
    ]
    torch.set_default_device("meta")  # whatever is made there has no values
    try:
        found = [model(X)[0], model(X, lengths=lengths)[0]]
        found.append(model(X, need="last", lengths=lengths)[0])
        found[0].sum().backward()
    finally:
        torch.set_default_device(None)
    assert all(torch.equal(f, e) for f, e in zip(found, expected, strict=True))


def test_both_directions_on_another_default_device():
    torch.manual_seed(0)
    model = BidirectionalDilatedRNN(3, 8, (1, 2))
    lengths = [21, 4, 4, 1, 9, 9, 9, 20, 21]
    expected = [model(X), model(X, lengths=lengths)]
    torch.set_default_device("meta")
    try:
        found = [model(X), model(X, lengths=lengths)]
    finally:
        torch.set_default_device(None)
    assert all(torch.equal(f, e) for f, e in zip(found, expected, strict=True))
    assert torch.equal(model(X), model(X, lengths=[21] * 9))
