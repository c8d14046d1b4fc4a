"""A padded batch gives what every sequence gives alone: outputs, state and gradients."""

from __future__ import annotations

import pytest
import torch

from optuna_mi.nn import (
    BidirectionalDilatedRNN,
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
)

LENGTHS = (7, 12, 3, 12, 1)


def _batch(features=3, dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.randn(max(LENGTHS) + 2, len(LENGTHS), features, dtype=dtype)
    for b, length in enumerate(LENGTHS):
        x[length:, b] = float("nan")  # what the padding holds does not matter
    return x


def _gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [p.grad.clone() for p in model.parameters()]


def _close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_outputs_state_and_gradients_are_those_of_each_sequence_alone(cell, batch_first):
    x = _batch()
    time = int(batch_first)
    model = DilatedRNN(3, 5, (2, 1, 4), cell=cell, residual=True, batch_first=batch_first).double()
    with torch.no_grad():
        _, before = model(torch.randn(5, 9, 3, dtype=torch.float64).transpose(0, time))
    first = tuple(
        tuple(part[:, :5] for part in e) if isinstance(e, tuple) else e[:, :5] for e in before
    )
    output, state = model(x.transpose(0, time), first, lengths=torch.tensor(LENGTHS))
    output = output.transpose(0, time)
    alone = []
    for b, length in enumerate(LENGTHS):
        own = tuple(
            tuple(p[:, b : b + 1] for p in e) if isinstance(e, tuple) else e[:, b : b + 1]
            for e in first
        )
        y, after = model(x[:length, b : b + 1].transpose(0, time), own)
        alone.append(y.transpose(0, time)[:, 0])
        _close(output[:length, b], alone[-1])
        assert (output[length:, b] == 0).all()
        for entry, expected in zip(state, after, strict=True):
            parts = entry if isinstance(entry, tuple) else (entry,)
            whole = expected if isinstance(expected, tuple) else (expected,)
            for part, own_part in zip(parts, whole, strict=True):
                _close(part[:, b : b + 1], own_part)
    weight = torch.randn_like(output)
    padded = _gradients(model, (output * weight).sum())
    together = sum((y * weight[: len(y), b]).sum() for b, y in enumerate(alone))
    for found, expected in zip(padded, _gradients(model, together), strict=True):
        _close(found, expected)


@pytest.mark.parametrize("dilations", [(1, 2, 4), (3, 1)])
@pytest.mark.parametrize("backend", ["views", "fused", "blocks"])
def test_classifier_reads_each_sequence_at_its_own_end(dilations, backend):
    x = _batch(dtype=torch.float32)
    model = DilatedRNNClassifier(3, 16, dilations, 4, backend=backend)
    logits = model(x, lengths=LENGTHS)
    gradients = _gradients(model, logits.square().sum())
    alone = []
    for b, length in enumerate(LENGTHS):
        output, _ = model.rnn(x[:length, b : b + 1])
        read = torch.cat((torch.zeros(dilations[0], 1, 16), output))[-dilations[0] :]
        alone.append(model.output(read.transpose(0, 1).reshape(1, -1)))
    torch.testing.assert_close(logits, torch.cat(alone), rtol=0, atol=1e-5)
    for found, expected in zip(
        gradients, _gradients(model, torch.cat(alone).square().sum()), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_language_model_goes_on_from_each_sequence_s_own_end():
    torch.manual_seed(0)
    model = DilatedRNNLanguageModel(11, 5, 6, (1, 2, 9)).double()
    tokens, more = torch.randint(11, (12, 5)), torch.randint(11, (3, 5))
    _, state = model(tokens, lengths=LENGTHS)
    logits, _ = model(more, state)
    for b, length in enumerate(LENGTHS):
        own = torch.cat((tokens[:length, b : b + 1], more[:, b : b + 1]))
        _close(logits[:, b], model(own)[0][-3:, 0])


@pytest.mark.parametrize("batch_first", [False, True])
def test_two_directions_are_two_networks_on_each_sequence_alone(batch_first):
    x = _batch()
    time = int(batch_first)
    model = BidirectionalDilatedRNN(3, 5, (2, 1, 4), cell="gru", batch_first=batch_first).double()
    output = model(x.transpose(0, time), lengths=LENGTHS).transpose(0, time)
    padded = _gradients(model, output.square().sum())
    alone = []
    for b, length in enumerate(LENGTHS):
        own = x[:length, b : b + 1]
        ahead, back = model.ahead(own)[0], model.back(own.flip(0))[0].flip(0)
        alone.append(torch.cat((ahead, back), dim=2))
        _close(output[:length, b], alone[-1][:, 0])
        assert (output[length:, b] == 0).all()
    together = sum(y.square().sum() for y in alone)
    for found, expected in zip(padded, _gradients(model, together), strict=True):
        _close(found, expected)
    whole = x[:1].transpose(0, time)
    _close(model(whole), model(whole, lengths=[1] * 5))


@pytest.mark.parametrize(
    ("lengths", "error", "words"),
    [
        ([1, 2], ValueError, r"one number per sequence, shape \(5,\), got \(2,\)"),
        ([1.0] * 5, TypeError, "lengths must be integers, got"),
        ([0, 1, 1, 1, 1], ValueError, r"1\.\.14.* got 0\.\.1: leave empty sequences out"),
        ([15, 1, 1, 1, 1], ValueError, r"got 1\.\.15"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, words):
    model = DilatedRNN(3, 4, (1, 2))
    with pytest.raises(error, match=words):
        model(torch.zeros(14, 5, 3), lengths=lengths)
