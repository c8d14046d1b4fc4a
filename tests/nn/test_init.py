from __future__ import annotations

import math

import pytest
import torch

from optuna_mi.nn import DilatedRNN, DilatedRNNLanguageModel


def layer(cell, init, features=30, size=50):
    torch.manual_seed(0)
    return DilatedRNN(features, size, (1,), cell=cell, init=init).layers[0].cell


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_torch_is_untouched(cell):
    torch.manual_seed(0)
    expected = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](30, 50)
    bound = 1 / math.sqrt(50)
    for (_, a), (_, b) in zip(
        layer(cell, "torch").named_parameters(), expected.named_parameters(), strict=True
    ):
        assert a.shape == b.shape
        assert 0.97 * bound < a.abs().max() <= bound


@pytest.mark.parametrize(
    ("cell", "limits", "bias"),
    [  # Glorot over the kernel [x, h] (80 rows) to the gates it makes at once
        ("rnn", [(0, 50, 50)], [0]),
        ("gru", [(0, 100, 100), (100, 150, 50)], [1, 1, 0]),
        ("lstm", [(0, 200, 200)], [0, 1, 0, 0]),
    ],
)
def test_original_is_tensorflows(cell, limits, bias):
    gru = layer(cell, "original")
    for start, stop, columns in limits:
        limit = math.sqrt(6 / (80 + columns))
        for weight in (gru.weight_ih_l0, gru.weight_hh_l0):
            assert 0.97 * limit < weight[start:stop].abs().max() <= limit
    expected = torch.tensor(bias, dtype=torch.float32).repeat_interleave(50)
    assert torch.equal(gru.bias_ih_l0 + gru.bias_hh_l0, expected)


@pytest.mark.parametrize(
    ("cell", "gain", "recurrent", "bias"),
    [("rnn", 5 / 3, 0.5, [0]), ("gru", 2, 1.0, [0, -2, 0]), ("lstm", 2, 0.5, [2, -2, 0, 2])],
)
def test_deep(cell, gain, recurrent, bias):
    deep = layer(cell, "deep")
    limit = gain * math.sqrt(6 / 80)
    assert 0.97 * limit < deep.weight_ih_l0.abs().max() <= limit
    for gate in deep.weight_hh_l0.split(50):
        torch.testing.assert_close(gate @ gate.T, recurrent**2 * torch.eye(50), atol=1e-5, rtol=0)
    expected = torch.tensor(bias, dtype=torch.float32).repeat_interleave(50)
    assert torch.equal(deep.bias_ih_l0 + deep.bias_hh_l0, expected)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_deep_stacks_pass_their_input_on(cell):
    """Twelve layers: the share of the output's variance that depends on the input."""

    def signal(init, residual):
        torch.manual_seed(0)
        model = DilatedRNN(16, 64, (1,) * 12, cell=cell, init=init, residual=residual)
        with torch.no_grad():
            output, _ = model(torch.randn(8, 64, 16))
        return output[-1].std(dim=0).mean().item()

    assert signal("torch", False) < 5e-3
    assert signal("deep", False) > 0.1
    assert signal("torch", True) > 0.01


@pytest.mark.parametrize(("cell", "stuck"), [("rnn", 0.3), ("gru", 0.95), ("lstm", 0.95)])
def test_deep_stacks_learn_where_plain_ones_do_not(cell, stuck):
    """Pass the symbol read through seven layers: share of its entropy left after 40 steps."""

    def left(init):
        torch.manual_seed(0)
        model = DilatedRNNLanguageModel(8, 16, 24, (1,) * 7, cell=cell, init=init)
        optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(40):
            tokens = torch.randint(8, (12, 32))
            logits, _ = model(tokens)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item() / math.log(8)

    assert left("torch") > stuck
    assert left("deep") < 0.28
