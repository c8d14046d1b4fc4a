"""InformationProbe: what it measures, and that it disturbs nothing."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from optuna_mi.information import mutual_info_ksg, mutual_info_mixed
from optuna_mi.nn import DilatedRNNClassifier, DilatedRNNLanguageModel
from optuna_mi.training import InformationProbe, ProbeMeasurement


def classes(n: int = 600, n_classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, n_classes, (n,), generator=generator)
    x = nn.functional.one_hot(y, n_classes) + 0.4 * torch.randn(n, n_classes, generator=generator)
    return x, y


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 4)
    )


def test_ihyll_is_the_estimate_on_the_probe():
    x, y = classes()
    model = network()
    probe = InformationProbe(model, x, y, size=200, k=4, metric="euclidean")
    found = probe.measure()
    assert isinstance(found, ProbeMeasurement)
    model.eval()
    with torch.no_grad():
        logits = model(probe.inputs).numpy()
    direct = mutual_info_mixed(logits, probe.targets.numpy(), k=4, metric="euclidean")
    assert found.ihyll.value == pytest.approx(direct.value, abs=1e-12)
    assert found.ihyll.n == 200
    assert found.layers == {}
    assert probe.target_entropy == direct.upper_bound


def test_subset_is_stratified_seeded_and_matched():
    x, y = classes(1000)
    x[:, 0] = torch.arange(1000.0)
    model = nn.Identity()
    one, same, other = (InformationProbe(model, x, y, size=100, seed=s) for s in (1, 1, 2))
    assert torch.equal(one.inputs, same.inputs)
    assert not torch.equal(one.inputs, other.inputs)
    assert torch.equal(one.targets, y[one.inputs[:, 0].long()])
    assert len(set(one.inputs[:, 0].tolist())) == 100
    shares = 100 * torch.bincount(y) / 1000
    assert (torch.bincount(one.targets) - shares).abs().max() < 1
    assert len(InformationProbe(model, x, y, size=5000).targets) == 1000


def test_training_is_not_disturbed():
    x, y = classes()
    model = network()
    model[1].eval()  # a frozen layer must stay frozen
    model(x).sum().backward()
    probe = InformationProbe(model, x, y, size=100, layers=["0", "2"])
    gradients = [p.grad.clone() for p in model.parameters()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    stream, modes = torch.get_rng_state(), [m.training for m in model.modules()]
    numpy_stream = np.random.get_state()[1].copy()  # noqa: NPY002

    class Noisy(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return value + torch.randn_like(value)  # draws even in evaluation mode

    model.append(Noisy())
    modes += [True]
    probe.measure()
    assert torch.equal(torch.get_rng_state(), stream)
    assert np.array_equal(np.random.get_state()[1], numpy_stream)  # noqa: NPY002
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items())
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), gradients, strict=True))
    assert all(not m._forward_hooks for m in model.modules())


def test_training_state_comes_back_after_an_error():
    x, y = classes()
    model = network()

    def fail(_inputs: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory, say")

    probe = InformationProbe(model, x, y, forward=fail, layers=["0"])
    with pytest.raises(RuntimeError, match="out of memory"):
        probe.measure()
    assert all(m.training and not m._forward_hooks for m in model.modules())


def test_layers_and_batches():
    x, y = classes()
    model = network()
    whole = InformationProbe(model, x, y, size=150, layers=["0", "4"]).measure()
    parts = InformationProbe(model, x, y, size=150, layers=["0", "4"], batch_size=40).measure()
    assert list(whole.layers) == ["0", "4"]
    assert whole.layers["4"].value == whole.ihyll.value
    for name, value in whole.layers.items():
        assert parts.layers[name].value == pytest.approx(value.value, abs=1e-6)
    assert parts.ihyll.value == pytest.approx(whole.ihyll.value, abs=1e-6)


def test_information_rises_with_training():
    x, y = classes(800)
    model = network()
    probe = InformationProbe(model, x, y, size=400)
    before = probe.measure().ihyll.value
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    after = probe.measure().ihyll
    assert after.value > before + 0.1
    assert after.value < after.upper_bound + 0.05


@pytest.mark.parametrize(
    ("how", "features"), [("mean", 6), ("pool", 6 * 4 * 4), ("flatten", 6 * 8 * 8)]
)
def test_large_activations_are_reduced(how, features):
    torch.manual_seed(0)
    images, y = torch.randn(300, 1, 10, 10), torch.arange(300) % 3
    images += y[:, None, None, None]
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.Flatten(), nn.Linear(384, 3))
    probe = InformationProbe(
        model, images, y, layers=["0"], reduce=how, max_features=100 if how == "pool" else 500
    )
    with torch.no_grad():
        maps = model[0](probe.inputs)
    expected = {
        "mean": maps.mean(dim=(2, 3)),
        "pool": nn.functional.adaptive_avg_pool2d(maps, 4).flatten(1),
        "flatten": maps.flatten(1),
    }[how]
    assert expected.shape[1] == features
    direct = mutual_info_mixed(expected.numpy(), probe.targets.numpy())
    assert probe.measure().layers["0"].value == pytest.approx(direct.value, abs=1e-6)


def test_own_reduction():
    x, y = classes()
    probe = InformationProbe(network(), x, y, layers=["0"], reduce=lambda value: value[:, :2])
    assert math.isfinite(probe.measure().layers["0"].value)
    wrong = InformationProbe(network(), x, y, layers=["0"], reduce=lambda value: value[:, 0])
    with pytest.raises(ValueError, match="reduce returned shape"):
        wrong.measure()


def test_many_features_are_projected_by_a_fixed_matrix():
    torch.manual_seed(0)
    y = torch.arange(400) % 4
    x = torch.randn(400, 2000) + y[:, None]
    probe = InformationProbe(nn.Identity(), x, y, max_features=50)
    value = probe.measure().ihyll.value
    assert value == probe.measure().ihyll.value
    assert value == pytest.approx(math.log(4), abs=0.05)


def test_paper_mode_is_softmax_against_one_hot():
    x, y = classes()
    probe = InformationProbe(nn.Identity(), 5 * x, y, size=300, estimator="ksg", seed=3)
    found = probe.measure().ihyll
    softmax = probe.inputs.double().softmax(dim=1).numpy()
    one_hot = np.eye(4)[probe.targets.numpy()]
    direct = mutual_info_ksg(softmax, one_hot, jitter=1e-10, random_state=3)
    assert found.value == pytest.approx(direct.value, abs=1e-12)
    # on softmax outputs it agrees with the mixed estimator
    mixed = mutual_info_mixed(softmax, probe.targets.numpy())
    assert found.value == pytest.approx(mixed.value, abs=0.02)


def test_loss_is_the_entropy_less_the_cross_entropy():
    x, y = classes()
    probe = InformationProbe(nn.Identity(), 3 * x, y, size=300, estimator="loss")
    found = probe.measure().ihyll
    logits, labels = probe.inputs.double(), probe.targets
    nats = nn.functional.cross_entropy(logits, labels, reduction="none").numpy()
    shares = np.bincount(labels) / 300
    assert found.value == pytest.approx(-(shares * np.log(shares)).sum() - nats.mean(), abs=1e-12)
    terms = -nats - np.log(shares)[labels]
    assert found.standard_error == pytest.approx(terms.std() / np.sqrt(300), abs=1e-12)
    assert probe.target_entropy == found.upper_bound == found.entropy_labels
    # a lower bound, below zero where the network is sure and wrong
    assert found.value < InformationProbe(nn.Identity(), 3 * x, y, size=300).measure().ihyll.value
    wrong = InformationProbe(nn.Identity(), -30 * x, y, size=300, estimator="loss")
    assert wrong.measure().ihyll.value < 0
    # log probabilities are logits too
    normed = InformationProbe(nn.LogSoftmax(1), 3 * x, y, size=300, estimator="loss")
    assert normed.measure().ihyll.value == pytest.approx(found.value, abs=1e-6)


def test_loss_of_many_classes_and_of_positions():
    y = torch.arange(900) % 300
    logits = nn.functional.one_hot(y, 300).double() * 20
    probe = InformationProbe(nn.Identity(), logits, y, size=900, estimator="loss")
    assert probe.measure().ihyll.value == pytest.approx(math.log(300), abs=1e-4)  # not projected
    symbols = torch.randint(0, 5, (40, 31), generator=torch.Generator().manual_seed(0))
    model = DilatedRNNLanguageModel(5, 3, 4, [1, 2])
    probe = InformationProbe(model, symbols[:, :-1].T, symbols[:, 1:].T, batch_dim=1, size=900,
                             estimator="loss")  # fmt: skip
    assert abs(probe.measure().ihyll.value) < 0.3


def test_loss_is_of_classes_and_their_logits_only():
    x, y = classes()
    with pytest.raises(ValueError, match="outputs only, as layers"):
        InformationProbe(network(), x, y, layers=["0"], estimator="loss")
    with pytest.raises(ValueError, match="needs classes"):
        InformationProbe(network(), x, torch.randn(len(x)), estimator="loss")
    probe = InformationProbe(nn.Linear(4, 3), x, y, estimator="loss")
    with pytest.raises(ValueError, match="got 3 and the class 3: let forward= return the logits"):
        probe.measure()
    with pytest.raises(ValueError, match="use reference"):
        probe.reference("input", metric="euclidean")


def test_references():
    x, y = classes()
    probe = InformationProbe(nn.Identity(), x, y, size=300, k=5)
    entropy = probe.reference()
    assert entropy.value == probe.target_entropy == entropy.upper_bound
    found = probe.reference("input", metric="euclidean")
    direct = mutual_info_mixed(
        probe.inputs.double().numpy(), probe.targets.numpy(), k=5, metric="euclidean"
    )
    assert found == direct
    paper = InformationProbe(nn.Identity(), x, y, size=300, estimator="ksg")
    one_hot = np.eye(4)[paper.targets.numpy()]
    pixels = paper.inputs.double().numpy()
    assert paper.reference("input", metric="chebyshev") == mutual_info_ksg(
        pixels, one_hot, jitter=1e-10, random_state=0
    )
    with pytest.raises(ValueError, match="give metric"):
        probe.reference("input")
    with pytest.raises(ValueError, match="'loss'"):
        probe.reference("loss")


@pytest.mark.parametrize("batch_dim", [0, 1])
def test_time_major_classifier(batch_dim):
    torch.manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.randn(20, 120, 2) + y[:, None]
    model = DilatedRNNClassifier(2, 6, [1, 2], 3, batch_first=batch_dim == 0)
    inputs = x.transpose(0, 1) if batch_dim == 0 else x
    probe = InformationProbe(
        model, inputs, y, size=90, batch_dim=batch_dim, layers=["output"], batch_size=50
    )
    assert probe.inputs.shape[batch_dim] == 90
    found = probe.measure()
    assert found.ihyll.n == 90
    assert found.layers["output"].value == found.ihyll.value


class Echo(nn.Module):
    """Logits that know the next symbol at every step but the first ``blind`` ones."""

    def __init__(self, truth: torch.Tensor, n_symbols: int, blind: int) -> None:
        super().__init__()
        self.truth, self.n_symbols, self.blind = truth, n_symbols, blind
        self.layer = nn.Identity()

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, None]:
        columns = tokens[0]  # the first token of a sequence is its number, here
        noise = torch.randn(*tokens.shape, self.n_symbols)
        known = 10.0 * nn.functional.one_hot(self.truth[:, columns], self.n_symbols)
        known[: self.blind] = 0
        return self.layer(noise + known), None


@pytest.mark.parametrize("batch_dim", [0, 1])
def test_language_model_positions(batch_dim):
    torch.manual_seed(0)
    truth = torch.randint(0, 5, (30, 50))
    tokens = torch.zeros(30, 50, dtype=torch.int64)
    tokens[0] = torch.arange(50)
    model = Echo(truth, 5, blind=15)

    def forward(inputs: torch.Tensor) -> tuple[torch.Tensor, None]:
        if batch_dim == 1:
            return model(inputs)
        return model(inputs.T)[0].transpose(0, 1), None

    pair = (tokens, truth) if batch_dim == 1 else (tokens.T, truth.T)
    options = {"size": 150, "batch_dim": batch_dim, "forward": forward}
    # every position pairs with its own truth: all of H(Y) is there, once the blind steps are out
    sighted = InformationProbe(model, *pair, burn_in=15, **options)
    assert sighted.measure().ihyll.value == pytest.approx(sighted.target_entropy, abs=0.06)
    mixed = InformationProbe(model, *pair, **options)
    assert mixed.measure().ihyll.value < 0.8 * mixed.target_entropy
    assert len(sighted.targets) == 150
    assert sighted.inputs.shape[batch_dim] == 40  # 4 * 150 / 15 sequences carry the positions


def test_dilated_language_model_with_layers_in_batches():
    torch.manual_seed(0)
    tokens = torch.randint(0, 12, (41, 30))
    model = DilatedRNNLanguageModel(12, 6, 8, [1, 2, 4])
    options = {"size": 300, "batch_dim": 1, "burn_in": 10, "layers": ["rnn"]}
    probe = InformationProbe(model, tokens[:-1], tokens[1:], **options)
    found = probe.measure()
    parts = InformationProbe(model, tokens[:-1], tokens[1:], batch_size=7, **options).measure()
    assert parts.ihyll.value == pytest.approx(found.ihyll.value, abs=1e-6)
    assert parts.layers["rnn"].value == pytest.approx(found.layers["rnn"].value, abs=1e-6)
    assert abs(found.ihyll.value) < 4 * found.ihyll.standard_error  # random text tells nothing
    with pytest.raises(ValueError, match="sequences of symbols"):
        probe.reference("input", metric="euclidean")
    assert probe.reference().value == probe.target_entropy


def test_diverged_activations_are_nan_and_logged_once(caplog):
    x, y = classes()
    model = network()
    with torch.no_grad():
        model[0].weight[0, 0] = math.nan
    probe = InformationProbe(model, x, y, size=100)
    logger = logging.getLogger("optuna")
    logger.addHandler(caplog.handler)
    try:
        assert math.isnan(probe.measure().ihyll.value)
        assert math.isnan(probe.measure().ihyll.value)
    finally:
        logger.removeHandler(caplog.handler)
    assert sum("not finite" in record.getMessage() for record in caplog.records) == 1


X, Y = classes(60)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: InformationProbe(len, X, Y), TypeError, "torch module"),
        (lambda: InformationProbe(network(), X, Y.float()), TypeError, "integer classes"),
        (lambda: InformationProbe(network(), X, Y[:9]), ValueError, "do not hold 9 examples"),
        (lambda: InformationProbe(network(), X, Y[:0]), ValueError, "not empty"),
        (
            lambda: InformationProbe(network(), X, Y, size=3),
            ValueError,
            "size must be an integer of at least 4",
        ),
        (lambda: InformationProbe(network(), X, Y, layers=["9"]), KeyError, "no layer '9'"),
        (lambda: InformationProbe(network(), X, Y, estimator="mine"), ValueError, "mine"),
        (lambda: InformationProbe(network(), X, Y, batch_dim=2), ValueError, "batch_dim"),
        (lambda: InformationProbe(network(), X, Y, batch_size=0), ValueError, "batch_size"),
        (lambda: InformationProbe(network(), X, Y, metric="l1"), ValueError, "l1"),
        (lambda: InformationProbe(network(), X, torch.arange(60)), ValueError, "every one of"),
        (lambda: InformationProbe(network(), X, Y[:, None].expand(60, 3)), ValueError, "first two"),
        (
            lambda: InformationProbe(nn.Identity(), X, (X > 0).long(), burn_in=60, batch_dim=1),
            ValueError,
            "burn_in must be in 0..59",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_output_that_does_not_fit():
    probe = InformationProbe(nn.Identity(), X, Y, forward=lambda inputs: inputs.sum(dim=0))
    with pytest.raises(ValueError, match="pass forward="):
        probe.measure()
    tokens = torch.randint(0, 5, (20, 10))
    flat = InformationProbe(nn.Identity(), tokens, tokens.flip(0), batch_dim=1)
    with pytest.raises(ValueError, match="the output has shape"):
        flat.measure()


class TimeFirst(nn.Module):
    """States with time first, all equal, of which the last is the output."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.hidden = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.hidden(x.expand(self.steps, *x.shape))
        return states[-1]


@pytest.mark.parametrize("steps", [99, 101])
def test_time_first_layers_are_joined_along_examples(steps: int):
    probe = InformationProbe(
        TimeFirst(steps), *classes(), size=400, batch_size=100, layers=["hidden"]
    )
    measured = probe.measure()
    assert measured.layers["hidden"].value == measured.ihyll.value > 0.5


def test_as_many_steps_as_examples_at_once_are_refused():
    def measure(**settings: int | None) -> ProbeMeasurement:
        return InformationProbe(TimeFirst(100), *classes(), layers=["hidden"], **settings).measure()

    with pytest.raises(ValueError, match=r"first or its second axis.*choose another batch_size"):
        measure(size=400, batch_size=100)
    with pytest.raises(ValueError, match=r"first or its second axis.*choose another size"):
        measure(size=100, batch_size=None)
    measured = measure(size=400, batch_size=90)
    assert measured.layers["hidden"].value == measured.ihyll.value


def test_a_model_built_anew_is_followed():
    x, y = classes()
    old, new = network(), network()
    with torch.no_grad():
        new[4].weight.zero_()
        new[4].bias.zero_()
    probe = InformationProbe(old, x, y, size=200, layers=["0"])
    assert probe.measure().ihyll.value > 0.1
    probe.follow(new)
    assert abs(probe.measure().ihyll.value) < 0.05
    with pytest.raises(KeyError, match="no layer '0'"):
        probe.follow(nn.Linear(4, 4))
    closure = InformationProbe(old, x, y, size=200, forward=lambda inputs: old(inputs))
    with pytest.raises(ValueError, match="a function of the model and the inputs"):
        closure.follow(new)
    closure.follow(old)
    own = InformationProbe(old, x, y, size=200, forward=lambda model, inputs: model(inputs))
    own.follow(new)
    assert abs(own.measure().ihyll.value) < 0.05


def test_a_layer_that_was_replaced_is_the_one_measured():
    x, y = classes()
    model = network()
    probe = InformationProbe(model, x, y, size=200, layers=["4"])
    model[4] = nn.Linear(8, 4)
    found = probe.measure()
    assert found.layers["4"].value == found.ihyll.value
    model[4] = nn.Sequential(model[4])
    del model[3:]
    with pytest.raises(KeyError, match="no layer '4'"):
        probe.measure()


@pytest.mark.parametrize(
    "wrap",
    [lambda model: torch.compile(model, backend="eager"), nn.DataParallel, AveragedModel],
    ids=["compile", "DataParallel", "AveragedModel"],
)
def test_a_wrapped_model_is_measured_as_the_one_inside(wrap):
    x, y = classes()
    model = network()
    expected = InformationProbe(model, x, y, size=200, layers=["0"]).measure()
    found = InformationProbe(wrap(model), x, y, size=200, layers=["0"]).measure()
    assert found == expected


def test_compiled_parts_are_run_uncompiled():
    x, y = classes()
    model = network()
    expected = InformationProbe(model, x, y, size=200, layers=["0"]).measure()

    def never(*_args):
        raise AssertionError("the probe compiled something")

    model[0].compile(backend=never)
    model.compile(backend=never)
    assert InformationProbe(model, x, y, size=200, layers=["0"]).measure() == expected


@pytest.mark.parametrize("inputs", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_inputs_take_the_dtype_of_the_model(dtype, inputs):
    x, y = classes()
    model = network()
    probe = InformationProbe(model, x.numpy().astype(inputs), y, size=200, layers=["0"])
    expected = probe.measure().ihyll.value
    model.to(dtype)  # as Lightning's 64-true and bf16-true do when training starts
    assert probe.measure().ihyll.value == pytest.approx(expected, abs=0.05)


def test_padding_is_no_class():
    x, y = classes()
    padded = torch.cat([y, torch.full((300,), -100)])
    inputs = torch.cat([x, torch.zeros(300, 4)])
    found = InformationProbe(network(), inputs, padded, size=200).measure()
    assert found == InformationProbe(network(), x, y, size=200).measure()
    for value, settings in ((-1, {}), (-100, {"ignore_index": None})):
        padded[600:] = value
        with pytest.raises(ValueError, match=f"negative class {value}.*ignore_index={value}"):
            InformationProbe(network(), inputs, padded, size=200, **settings)


@pytest.mark.parametrize("batch_dim", [0, 1])
def test_padded_tokens_are_left_out(batch_dim):
    torch.manual_seed(0)
    lengths = torch.randint(0, 30, (200,))
    lengths[:50] = 0  # whole sequences of padding
    truth = torch.randint(0, 3, (30, 200))
    there = torch.arange(30)[:, None] < lengths
    labels = torch.where(there, truth, -100)
    tokens = torch.where(there, truth + 3 * torch.randint(0, 2, truth.shape), 9)
    pair = (tokens, labels) if batch_dim == 1 else (tokens.T, labels.T)
    one_hot = nn.Embedding.from_pretrained(torch.eye(10) + 0.01 * torch.randn(10, 10))
    options = {"size": 500, "batch_dim": batch_dim, "burn_in": 2}
    probe = InformationProbe(one_hot, *pair, **options)
    assert set(probe.targets.tolist()) == {0, 1, 2}
    assert len(probe.targets) == 500
    found = probe.measure().ihyll
    assert found.upper_bound < math.log(3) + 0.01
    assert found.value == pytest.approx(found.upper_bound, abs=0.02)
    with pytest.raises(ValueError, match="nothing to measure"):
        InformationProbe(one_hot, pair[0], torch.full_like(pair[1], -100), **options)
    late = pair[1].clone().fill_(-100)
    late.select(1 - batch_dim, 0)[:] = 1
    with pytest.raises(ValueError, match="lower burn_in"):
        InformationProbe(one_hot, pair[0], late, **options)


def test_targets_that_are_the_inputs_are_warned_of():
    tokens = torch.randint(0, 5, (20, 10))
    with pytest.warns(UserWarning, match="shift them"):
        InformationProbe(nn.Embedding(5, 5), tokens, tokens)


def test_real_targets_of_examples_and_of_positions_give_the_gaussian_s_information():
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, 1500, generator=generator, dtype=torch.float64)
    y = 0.9 * x + math.sqrt(1 - 0.81) * noise
    truth = -math.log(1 - 0.81) / 2
    identity = torch.nn.Identity()
    found = InformationProbe(identity, x[:, None], y, size=1000).measure().ihyll
    assert abs(float(found) - truth) < 3 * found.standard_error
    assert found.estimator == "ksg1"
    # steps of sequences; what is NaN is no target
    inputs, targets = x.view(30, 50, 1), y.view(30, 50, 1).clone()
    targets[:, :10] = math.nan
    probe = InformationProbe(identity, inputs, targets, size=1000)
    assert abs(float(probe.measure().ihyll) - truth) < 3 * found.standard_error
    assert probe.targets.isfinite().all()
    # the unit of the target is nothing that a network could know
    again = InformationProbe(identity, inputs, 1000 * targets + 5, size=1000).measure()
    assert float(again.ihyll) == pytest.approx(float(probe.measure().ihyll), abs=1e-6)


def test_real_targets_have_a_bound_that_a_copy_reaches():
    x = torch.randn(400, 1, generator=torch.Generator().manual_seed(0))
    probe = InformationProbe(torch.nn.Identity(), x, x[:, 0], size=300)
    # the jitter against ties counts the k-th neighbour: 1 / k less
    assert float(probe.measure().ihyll) == pytest.approx(probe.target_entropy - 1 / 3, abs=0.02)
    assert float(probe.reference("entropy")) == probe.target_entropy


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        (torch.arange(60) % 3.0, TypeError, r"class numbers as torch.float32: pass targets.long"),
        (torch.full((60,), math.nan), ValueError, "every target is NaN"),
        (torch.full((60,), math.inf), ValueError, "infinite"),
        (torch.full((60,), 0.5), ValueError, "the same"),
        (torch.rand(59), ValueError, "do not hold 59 examples"),
    ],
)
def test_real_targets_that_say_nothing_are_refused(targets, error, words):
    with pytest.raises(error, match=words):
        InformationProbe(torch.nn.Identity(), torch.rand(60, 2), targets, size=30)


def test_another_default_device():
    x, y = classes()
    model = nn.Sequential(nn.Linear(4, 300), nn.Linear(300, 4))
    arrays = {"inputs": x.numpy(), "targets": y.numpy(), "size": 100, "layers": ["0"]}
    expected = InformationProbe(model, **arrays, max_features=50).measure()
    torch.set_default_device("meta")
    try:
        found = InformationProbe(model, **arrays, max_features=50).measure()
    finally:
        torch.set_default_device(None)
    assert found == expected
