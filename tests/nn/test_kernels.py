"""The own CPU kernels beside PyTorch's: precision, threads, derivatives, choice."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from optuna_mi.nn import DilatedRNN, DilatedRNNClassifier, _backend, _dilated_rnn
from optuna_mi.nn._simd import COLUMNS

from .comparison import assert_close, compare_with_naive
from .reference import make

CELLS = ["rnn", "gru", "lstm"]
BACKENDS = ["fused", "blocks"]


def twins(backend, cell, sizes, dilations, **kwargs):
    """The same parameters in float64 on PyTorch's kernels and in float32 on ours."""
    exact = make(cell, sizes, dilations, backend="views", **kwargs)
    own = make(cell, sizes, dilations, backend=backend, dtype=torch.float32, **kwargs)
    own.load_state_dict(exact.state_dict())
    return exact, own


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_exact_to_single_precision(backend, cell):
    """Sequential MNIST's shape: error against float64 relative to the largest gradient."""
    torch.manual_seed(0)
    x, y = torch.rand(300, 64, 1), torch.randint(10, (64,))
    model = DilatedRNNClassifier(1, 20, (1, 2, 4, 8, 16), 10, cell=cell)

    def run(kind, dtype):
        model.to(dtype).zero_grad()
        model.rnn.backend = kind
        torch.nn.functional.cross_entropy(model(x.to(dtype)), y).backward()
        return torch.cat([p.grad.double().flatten() for p in model.parameters()])

    exact, own = run("views", torch.float64), run(backend, torch.float32)
    assert (own - exact).abs().max() / exact.abs().max() < 4e-6


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_saturation_and_nan(backend, cell):
    _, own = twins(backend, cell, 4, (1, 2))
    x = torch.full((6, 8, 3), 1e4)
    y, _ = own(x)
    assert torch.isfinite(y).all()
    assert (y.abs() <= 1).all()
    x[2, 5, 1] = float("nan")
    y, _ = own(x)
    assert torch.isnan(y[2:, 5]).all()  # a NaN must not be clamped away
    assert torch.isfinite(y[:, :5]).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_same_bits_twice(backend, cell):
    _, own = twins(backend, cell, 7, (1, 3))
    x = torch.randn(20, 40, 3)

    def run():
        own.zero_grad()
        y, _ = own(x)
        y.square().sum().backward()
        return [y, *(p.grad for p in own.parameters())]

    assert all(torch.equal(a, b) for a, b in zip(run(), run(), strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_trials_side_by_side(backend):
    """Several threads run the kernels at once and get what one gets."""
    _, own = twins(backend, "gru", 16, (1, 2, 4))
    inputs = [torch.randn(60, 32, 3) for _ in range(4)]

    def run(x):
        y, _ = own(x)
        return torch.autograd.grad(y.sum(), list(own.parameters()))

    expected = [run(x) for x in inputs]
    got = [None] * 4

    def work(i):
        for _ in range(5):
            got[i] = run(inputs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(got, expected, strict=True):
        assert all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_frozen_parts_get_no_gradient(backend):
    _, own = twins(backend, "gru", 5, (1, 2))
    for p in own.layers[0].parameters():
        p.requires_grad_(False)
    own(torch.randn(6, 8, 3))[0].sum().backward()
    assert all(p.grad is None for p in own.layers[0].parameters())
    assert all(p.grad is not None for p in own.layers[1].parameters())


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives_are_refused(backend, cell):
    """Under a sum, where no incoming gradient requires one: ``once_differentiable`` is silent."""
    exact, own = twins("fused", cell, 5, (1, 2))
    own.backend = backend
    x = torch.randn(6, 8, 3, requires_grad=True)

    def penalty(model, x):
        (g,) = torch.autograd.grad(model(x)[0].sum(), x, create_graph=True)
        return g.square().sum()

    with pytest.raises(RuntimeError, match=r"no second derivatives .*: use backend='views'"):
        penalty(own, x)
    own.backend = "views"
    for model, input in ((own, x), (exact, x.double())):
        penalty(model, input).backward()
    pairs = [[p.grad for p in model.parameters() if p.grad is not None] for model in (own, exact)]
    assert pairs[0][0].any()
    assert_close(*pairs, 1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reentrant", [False, True])
def test_first_derivatives_are_had_more_than_once(backend, reentrant):
    _, own = twins(backend, "gru", 5, (1, 2))
    x = torch.randn(6, 8, 3, requires_grad=True)
    y = own(x)[0].sum()
    (g,) = torch.autograd.grad(y, x, retain_graph=True)
    assert torch.equal(torch.autograd.grad(y, x)[0], g)
    y = checkpoint(lambda x: own(x)[0].sum(), x, use_reentrant=reentrant)
    y.backward()
    assert torch.equal(x.grad, g)


@pytest.mark.parametrize("backend", BACKENDS)
def test_kernels_refuse_what_they_cannot_run(backend):
    with pytest.raises(ValueError, match=r"but the model is torch\.float64"):
        make("gru", 4, (1,), backend=backend)(torch.randn(4, 8, 3))


def test_vectors_are_as_wide_as_what_numba_compiles_for():
    code = "from optuna_mi.nn._simd import WIDTH; print(WIDTH)"
    environment = {**os.environ, "NUMBA_ENABLE_AVX": "0"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "8"


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("need", ["all", 5])
def test_autocast_rounds_the_operands_of_blocks_only(cell, need):
    exact, own = twins("blocks", cell, 40, (1, 3, 9), residual=True)
    x = torch.randn(30, 20, 3)

    def run(model, dtype):
        model.zero_grad()
        y, _ = model(x.to(dtype), need=need)
        y.square().mean().backward()
        return [y.double(), *(p.grad.double() for p in model.parameters())]

    expected = run(exact, torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = run(own, torch.float32)
        own.backend = "fused"
        single = run(own, torch.float32)
    assert own(x)[0].dtype == torch.float32
    for a, b, e in zip(rounded, single, expected, strict=True):
        scale = e.abs().max()
        assert 1e-5 < (a - e).abs().max() / scale < 4e-2  # bfloat16 has 8 bits
        assert (b - e).abs().max() / scale < 1e-5


@pytest.mark.parametrize(
    ("hidden", "batch", "dtype", "expected"),
    [
        (20, 32, torch.float32, "fused"),
        (256, 32, torch.float32, "blocks"),
        (20, 32, torch.float64, "views"),
        (20, 1, torch.float32, "views"),
        (256, 1, torch.float32, "views"),
    ],
)
def test_auto_chooses(monkeypatch, hidden, batch, dtype, expected):
    used = []

    def spy(*arguments):
        used.append(_backend.choose_backend(*arguments))
        return used[-1]

    monkeypatch.setattr(_dilated_rnn, "choose_backend", spy)
    model = DilatedRNN(3, hidden, (1, 2)).to(dtype)
    model(torch.randn(5, batch, 3, dtype=dtype))
    assert used == [expected]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("need", ["all", "last"])
def test_groups_of_rows(monkeypatch, cell, need):
    """Blocks larger than a group, groups of several blocks, and what lies between."""
    from optuna_mi.nn import _blocks, _blocks_groups

    monkeypatch.setattr(_blocks_groups, "MAX_ROWS", 7)
    monkeypatch.setattr(_blocks, "MAX_ROWS", 7)
    compare_with_naive("blocks", cell, (1, 2, 9), 5, 23, 3, need, True, True)


def test_slow_first_use_is_announced():
    from optuna_mi.nn import _call_kernel

    class Compiling:
        stats = SimpleNamespace(cache_misses={})

        def __call__(self, x):
            self.stats.cache_misses["signature"] = 1
            assert said.wait(10)
            return x + 1

    said = threading.Event()
    texts = []

    class Handler(logging.Handler):
        def emit(self, record):
            texts.append(record.getMessage())
            said.set()

    handler = Handler()
    _call_kernel._logger.addHandler(handler)
    try:
        assert _call_kernel.call(Compiling(), 1, name="gru") == 2
    finally:
        _call_kernel._logger.removeHandler(handler)
    assert texts == [
        "Compiling CPU kernels for the dilated RNN (gru); later runs find them cached."
    ]


def test_import_compiles_nothing():
    code = "import sys, optuna_mi.nn; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("cell", CELLS)
def test_two_threads_divide_the_batch(cell):
    """A batch of three tiles: outputs are the same bits, gradients the same up to rounding."""
    _, own = twins("fused", cell, 7, (1, 3))
    x = torch.randn(20, 3 * COLUMNS - 5, 3)
    before = torch.get_num_threads()

    def run(threads):
        torch.set_num_threads(threads)
        own.zero_grad()
        y, _ = own(x)
        y.square().sum().backward()
        return y, [p.grad.clone() for p in own.parameters()]

    try:
        one, two, again = run(1), run(2), run(2)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one[0], two[0])
    for a, b, c in zip(one[1], two[1], again[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-4)
        assert torch.equal(b, c)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_vanished_gradients_are_zero_and_never_denormal(backend: str, cell: str) -> None:
    # Denormal numbers made the steps of a saturated network fifteen times as long.
    _, own = twins(backend, cell, [20], [1])
    with torch.no_grad():
        for parameter in own.parameters():
            parameter *= 0.1
    x = torch.randn(400, 4, 3, requires_grad=True)
    y, _ = own(x)
    size = torch.autograd.grad(y[-1].sum(), x)[0].abs()
    assert (size[-1] > 0).all()
    assert size[0].max() == 0
    assert size[size > 0].min() > torch.finfo(torch.float32).tiny
