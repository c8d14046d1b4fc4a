from __future__ import annotations

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_mi.nn import DilatedRNN, detach_state

from .reference import flatten, make, naive, random_state

CELLS = ["rnn", "gru", "lstm"]
CASES = [  # dilations, hidden sizes, steps
    ((1, 2, 4), 5, 16),  # T divisible by every d
    ((1, 2, 4), 5, 13),  # by none but 1
    ((3, 3, 7), (4, 6, 5), 20),  # repeated, sizes a layer
    ((8, 2, 1), (6, 6, 2), 11),  # decreasing
    ((1, 50, 13), 4, 13),  # larger than, and equal to, T
    ((5,), 3, 1),
]


def grads(outputs, inputs, seed):
    g = torch.Generator().manual_seed(seed)
    loss = sum((y * torch.randn(y.shape, generator=g, dtype=y.dtype)).sum() for y in outputs)
    return torch.autograd.grad(loss, inputs)


def assert_close(actual, expected, atol=1e-10):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, e, rtol=0, atol=atol)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("dilations", "sizes", "length"), CASES)
@pytest.mark.parametrize("need", ["last", 1, 4])
@pytest.mark.parametrize("carried", [False, True])
def test_pruned_equals_full(cell, dilations, sizes, length, need, carried):
    if need != "last" and need > length:
        pytest.skip("more outputs than steps")
    model = make(cell, sizes, dilations, residual=True)
    x = torch.randn(length, 2, 3, dtype=torch.float64, requires_grad=True)
    state = random_state(model, 2) if carried else None
    full, _ = model(x, state)
    wanted = full[-1] if need == "last" else full[-need:]
    pruned, none = model(x, state, need=need)
    assert none is None
    assert pruned.shape == wanted.shape
    inputs = [x, *model.parameters()]
    assert_close([pruned], [wanted], 1e-14)
    assert_close(grads([pruned], inputs, 2), grads([wanted], inputs, 2), 1e-13)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_shape_and_dilations(data):
    cell = data.draw(st.sampled_from(CELLS))
    dilations = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=len(dilations), max_size=len(dilations)))
    length, batch = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 3))
    features = data.draw(st.integers(1, 3))
    cut = data.draw(st.integers(0, length))
    n_last = data.draw(st.integers(1, length))
    model = make(cell, sizes, dilations, features=features, residual=data.draw(st.booleans()))
    x = torch.randn(length, batch, features, dtype=torch.float64)
    expected, expected_state = naive(model, x)
    output, state = model(x)
    assert_close([output, *flatten(state)], [expected, *flatten(expected_state)])
    assert_close([model(x, need=n_last)[0]], [expected[-n_last:]])
    if 0 < cut < length:  # in two chunks
        first, middle = model(x[:cut])
        second, end = model(x[cut:], middle)
        assert_close([torch.cat((first, second)), *flatten(end)], [output, *flatten(state)])


@pytest.mark.parametrize("cell", CELLS)
def test_state_is_not_changed(cell):
    model = make(cell, 4, (1, 3, 20))
    state = random_state(model, 2)
    before = [part.clone() for part in flatten(state)]
    _, after = model(torch.randn(7, 2, 3, dtype=torch.float64), state)
    for part in flatten(after):
        part.data.fill_(9.0)
    assert_close(flatten(state), before, 0)
    assert all(not part.requires_grad for part in flatten(detach_state(after)))


def test_gradients_do_not_leak_through_a_detached_state():
    model = make("gru", 4, (1, 2))
    x = torch.randn(6, 2, 3, dtype=torch.float64, requires_grad=True)
    _, state = model(x)
    output, _ = model(torch.randn(6, 2, 3, dtype=torch.float64), detach_state(state))
    assert torch.autograd.grad(output.sum(), x, allow_unused=True) == (None,)


@pytest.mark.parametrize("cell", CELLS)
def test_batch_first(cell):
    model = make(cell, 4, (1, 3))
    x = torch.randn(8, 2, 3, dtype=torch.float64)
    output, state = model(x)
    model.batch_first = True
    flipped, flipped_state = model(x.transpose(0, 1))
    assert_close([flipped, *flatten(flipped_state)], [output.transpose(0, 1), *flatten(state)], 0)
    assert model(x.transpose(0, 1), need=3)[0].shape == (2, 3, 4)
    assert model(x.transpose(0, 1), need="last")[0].shape == (2, 4)


@pytest.mark.parametrize("backend", ["views", "fused", "blocks"])
def test_time_major_output_is_contiguous(backend):
    model = make("gru", 4, (1, 3), backend=backend, dtype=torch.float32)
    for batch in (8, 32):
        output, state = model(torch.randn(7, batch, 3))
        assert output.is_contiguous()  # as torch.nn.GRU's is: users call .view on it
        assert all(
            part.data_ptr() != copy.data_ptr()
            for part, copy in zip(state, detach_state(state), strict=True)
        )


def test_one_layer_of_dilation_one_is_torch_gru():
    model = make("gru", 5, (1,))
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    expected, last = model.layers[0].cell(x)
    output, state = model(x)
    assert_close([output, state[0]], [expected, last], 0)


@pytest.mark.parametrize("backend", ["views", "fused", "blocks"])
def test_dropout_drops_between_layers_only(backend):
    torch.manual_seed(0)
    model = DilatedRNN(3, 64, (1, 2), cell="rnn", dropout=0.5, backend=backend)
    x = torch.randn(20, 8, 3)
    below = []
    model.layers[1].register_forward_pre_hook(lambda _, args: below.append(args[0]))
    output, _ = model(x)
    assert 0.45 < (below[0] == 0).float().mean() < 0.55
    assert (output == 0).float().mean() < 0.01
    model.eval()
    assert torch.equal(model(x)[0], model(x)[0])
    assert (below[1] == 0).float().mean() < 0.01


def test_layer_outputs_are_those_of_the_full_run():
    model = make("gru", (4, 4, 3), (1, 2, 4), residual=True)
    x = torch.randn(11, 2, 3, dtype=torch.float64)
    got = model.layer_outputs(x)
    for n, h in enumerate(got, start=1):
        lower = make("gru", (4, 4, 3)[:n], (1, 2, 4)[:n], residual=True)
        lower.load_state_dict({k: v for k, v in model.state_dict().items() if int(k[7]) < n})
        assert_close([h], [naive(lower, x)[0][-1]])


@pytest.mark.parametrize("backend", ["views", "fused", "blocks"])
@pytest.mark.parametrize("need", ["all", "last", 3])
def test_hooks_see_what_layers_pass_on(backend, need):
    """The last step comes last, also where only some positions are computed."""
    model = make("gru", 4, (3, 2, 4), residual=True, backend=backend, dtype=torch.float32)
    x = torch.randn(11, 9, 3)
    seen = []
    for layer in model.layers:
        layer.register_forward_hook(lambda _, __, output: seen.append(output[0]))
    model(x, need=need)
    for h, expected in zip(list(seen), model.layer_outputs(x), strict=True):
        assert h.shape[1:] == (9, 4)
        torch.testing.assert_close(h[-1], expected)


def test_saved_and_loaded(tmp_path):
    model = make("lstm", 4, (1, 2))
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    torch.save(model, tmp_path / "model.pt")
    whole = torch.load(tmp_path / "model.pt", weights_only=False)
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = DilatedRNN(3, 4, (1, 2), cell="lstm").double()
    other.load_state_dict(torch.load(buffer, weights_only=True))
    assert torch.equal(whole(x)[0], model(x)[0])
    assert torch.equal(other(x)[0], model(x)[0])


def test_clip_grad_norm():
    model = make("gru", 4, (1, 2))
    (model(torch.randn(6, 2, 3, dtype=torch.float64))[0] * 100).sum().backward()
    assert torch.nn.utils.clip_grad_norm_(model.parameters(), 0.15) > 0.15
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    assert norm == pytest.approx(0.15, rel=1e-4)


@pytest.mark.parametrize("init", ["torch", "original", "deep"])
def test_deterministic_under_a_seed(init):
    def run():
        torch.manual_seed(3)
        model = DilatedRNN(2, 8, (1, 2, 4), init=init, dropout=0.3)
        output, _ = model(torch.randn(12, 4, 2))
        output.sum().backward()
        return [output, *(p.grad for p in model.parameters())]

    assert all(torch.equal(a, b) for a, b in zip(run(), run(), strict=True))


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        (
            {"dilations": (1, 0)},
            ValueError,
            r"dilations\[1\] must be an integer .* got 0",
        ),
        (
            {"dilations": (1, 2.0)},
            TypeError,
            r"dilations\[1\] must be an integer .* got 2.0",
        ),
        ({"dilations": (True,)}, TypeError, "must be an integer"),
        ({"dilations": ()}, ValueError, "empty"),
        ({"dilations": "124"}, TypeError, "sequence of integers"),
        ({"dilations": 4}, TypeError, "sequence of integers"),
        ({"hidden_sizes": (4, 4, 4)}, ValueError, "3 entries but dilations has 2"),
        ({"hidden_sizes": 0}, ValueError, "hidden_sizes must be an integer of at least 1"),
        ({"hidden_sizes": 2.5}, TypeError, "hidden_sizes must be"),
        ({"input_size": 0}, ValueError, "input_size"),
        ({"cell": "GRU"}, ValueError, "'rnn', 'gru', 'lstm', got 'GRU'"),
        ({"init": "he"}, ValueError, "init must be one of"),
        ({"backend": "cudnn"}, ValueError, "backend must be one of"),
        ({"dropout": 1.0}, ValueError, "dropout must be a finite number >= 0 and < 1"),
    ],
)
def test_bad_arguments(kwargs, error, text):
    arguments = {"input_size": 2, "hidden_sizes": 4, "dilations": (1, 2)} | kwargs
    with pytest.raises(error, match=text):
        DilatedRNN(**arguments)


def test_bad_input():
    model = DilatedRNN(2, 4, (1, 2), cell="lstm")
    x = torch.randn(5, 3, 2)
    good = tuple((torch.zeros(d, 3, 4), torch.zeros(d, 3, 4)) for d in (1, 2))
    model(x, good)
    for bad, text in [
        (x[0], r"must have shape \(T, B, features\)"),
        (x[:, :, :1], "has 1 features but input_size=2"),
        (x[:0], "empty"),
    ]:
        with pytest.raises(ValueError, match=text):
            model(bad)
    with pytest.raises(TypeError, match=r"torch\.Tensor"):
        model(x.numpy())
    with pytest.raises(ValueError, match="one entry per layer"):
        model(x, good[:1])
    with pytest.raises(TypeError, match=r"a pair of tensors"):
        model(x, (good[0][0], good[1]))
    with pytest.raises(ValueError, match=r"= \(2, 3, 4\), got \(1, 3, 4\)"):
        model(x, (good[0], good[0]))
    with pytest.raises(ValueError, match='need must be "all"'):
        model(x, need="first")
    with pytest.raises(ValueError, match="need must be an integer from 1 to 5"):
        model(x, need=6)


@pytest.mark.parametrize("backend", ["views", "fused", "blocks"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_state_of_another_dtype(backend, cell):
    model = make(cell, 4, (1, 2), backend=backend, dtype=torch.float32)
    x = torch.randn(5, 9, 3)
    state = random_state(model, 9)  # as of numpy's default
    with pytest.raises(ValueError, match=r"state\[0\] is torch.float64 .* \.to\(torch.float32\)"):
        model(x, state)
    with torch.autocast("cpu", torch.bfloat16):
        _, after = model(x)
        model(x, after)  # whatever dtype it has


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("cell", CELLS)
def test_autocast_to_what_the_processor_lacks(monkeypatch, cell, dtype):
    # oneDNN, which PyTorch's LSTM takes under autocast, has neither dtype on a processor with AVX2.
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_fp16_supported", lambda: False)
    model = make(cell, 4, (1, 2), backend="views", dtype=torch.float32)
    x = torch.randn(5, 9, 3)
    exact, _ = model(x)
    with torch.autocast("cpu", dtype):
        y, after = model(x)
        again, _ = model(x.to(dtype), after)  # as from a linear layer below
    again.float().sum().backward()
    if cell == "lstm":
        assert torch.equal(y, exact)
    assert torch.isfinite(model.layers[0].cell.weight_ih_l0.grad).all()
