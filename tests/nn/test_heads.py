from __future__ import annotations

import pytest
import torch

from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel, DilatedRNNRegressor

from .reference import naive


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("dilations", [(1, 2, 4), (3, 5, 1)])
def test_classifier_reads_the_last_outputs(cell, dilations):
    torch.manual_seed(0)
    model = DilatedRNNClassifier(2, 6, dilations, 4, cell=cell, residual=True).double()
    x = torch.randn(17, 5, 2, dtype=torch.float64)
    outputs, _ = naive(model.rnn, x)
    read = torch.cat(list(outputs[-dilations[0] :]), dim=1)  # as the original concatenates
    torch.testing.assert_close(model.features(x), read, rtol=0, atol=1e-12)
    torch.testing.assert_close(model(x), model.output(read), rtol=0, atol=1e-12)
    model.rnn.batch_first = True
    torch.testing.assert_close(model(x.transpose(0, 1)), model.output(read), rtol=0, atol=1e-12)


def test_classifier_original_output_layer():
    torch.manual_seed(0)
    layer = DilatedRNNClassifier(1, 200, (5, 10), 10, init="original").output
    assert layer.weight.shape == (10, 1000)
    assert layer.weight.std().item() == pytest.approx(1.0, abs=0.03)
    assert layer.weight.mean().item() == pytest.approx(0.0, abs=0.03)


def test_classifier_errors():
    model = DilatedRNNClassifier(1, 4, (1, 8), 3)
    with pytest.raises(ValueError, match="dilation 8 must be below the sequence length 8"):
        model(torch.zeros(8, 2, 1))
    assert model(torch.zeros(9, 2, 1)).shape == (2, 3)
    with pytest.raises(ValueError, match="must have shape"):
        model(torch.zeros(9, 2))
    with pytest.raises(ValueError, match="n_classes"):
        DilatedRNNClassifier(1, 4, (1, 8), 0)


@pytest.mark.parametrize(
    ("dilations", "count"),
    [
        ([2**i for i in range(7)], 2_660_949),
        ([1, 2, 4, 8, 16, 32, 73, 240], 3_055_701),
        ([1, 2, 3, 4, 5, 6, 8, 11, 18, 32, 73, 240], 4_634_709),
    ],
)
def test_parameter_counts_of_table_3(dilations, count):
    model = DilatedRNNLanguageModel(49, 100, 256, dilations)
    assert sum(p.numel() for p in model.parameters()) == count


def test_language_model_chunked_equals_whole():
    torch.manual_seed(0)
    model = DilatedRNNLanguageModel(11, 5, 6, (1, 2, 9), cell="lstm").double()
    tokens = torch.randint(11, (20, 3))
    whole, _ = model(tokens)
    first, state = model(tokens[:7])
    second, _ = model(tokens[7:], state)
    torch.testing.assert_close(torch.cat((first, second)), whole, rtol=0, atol=1e-12)
    outputs, _ = naive(model.rnn, model.embedding(tokens))
    torch.testing.assert_close(whole, model.decoder(outputs), rtol=0, atol=1e-10)


def test_language_model_tied():
    model = DilatedRNNLanguageModel(11, 6, (5, 6), (1, 2), tied=True)
    assert model.decoder.weight is model.embedding.weight
    logits, _ = model(torch.randint(11, (4, 2)))
    logits.sum().backward()
    assert model.embedding.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="tied weights need"):
        DilatedRNNLanguageModel(11, 6, 5, (1, 2), tied=True)


def test_language_model_dropouts_act_in_training_only():
    torch.manual_seed(0)
    model = DilatedRNNLanguageModel(11, 6, 6, (1, 2), embedding_dropout=0.5, output_dropout=0.5)
    tokens = torch.randint(11, (4, 2))
    assert not torch.equal(model(tokens)[0], model(tokens)[0])
    model.eval()
    assert torch.equal(model(tokens)[0], model(tokens)[0])


def test_language_model_errors():
    model = DilatedRNNLanguageModel(11, 6, 6, (1, 2))
    with pytest.raises(TypeError, match=r"int64 or int32, got torch\.float32"):
        model(torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"shape \(T, B\)"):
        model(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match="embedding_dropout"):
        DilatedRNNLanguageModel(11, 6, 6, (1, 2), embedding_dropout=-0.1)


@pytest.mark.parametrize("every_step", [True, False])
def test_regressor_reads_every_step_or_the_end(every_step):
    torch.manual_seed(0)
    model = DilatedRNNRegressor(2, 6, (2, 1, 4), n_values=3, every_step=every_step).double()
    x = torch.randn(17, 5, 2, dtype=torch.float64)
    outputs, _ = naive(model.rnn, x)
    if every_step:
        expected = model.output(outputs)
    else:
        expected = model.output(torch.cat((outputs[-2], outputs[-1]), dim=1))
    torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-12)
    ends = model(x, lengths=[17, 9, 9, 3, 12])
    cut = model(x[:9, 1:3])
    torch.testing.assert_close(ends[:9, 1:3] if every_step else ends[1:3], cut, rtol=0, atol=1e-12)
