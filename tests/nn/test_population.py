"""K networks at once are K networks by themselves."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.func import functional_call, grad
from torch.nn import functional

from optuna_mi.nn import (
    DilatedRNN,
    DilatedRNNClassifier,
    DilatedRNNLanguageModel,
    DilatedRNNPopulation,
    DilatedRNNRegressor,
    detach_state,
)

DILATIONS = ((1, 2, 4, 8), (3, 1), (1, 1, 5, 2, 9), (2, 4, 7))
MODES = ("each", "together")


def _networks(build: Callable[..., Any], **settings: Any) -> list[Any]:
    found = []
    for seed, dilations in enumerate(DILATIONS):
        torch.manual_seed(seed)
        found.append(build(dilations, **settings))
    return found


def _classifier(dilations: tuple[int, ...], **settings: Any) -> DilatedRNNClassifier:
    return DilatedRNNClassifier(2, 6, dilations, 4, residual=True, **settings)


def _check_gradients(
    population: DilatedRNNPopulation, alone: list[Any], **tolerance: float
) -> None:
    assert population.weights.grad is not None
    for k, network in enumerate(alone):
        names = {id(p): name for name, p in population.model(k).named_parameters()}
        found = {names[id(p)]: g for p, g in population.views(k, population.weights.grad)}
        for name, parameter in network.named_parameters():
            torch.testing.assert_close(found[name], parameter.grad, **tolerance)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("shared", [True, False])
def test_outputs_and_gradients_are_those_of_each_network_alone(
    cell: str, mode: str, shared: bool
) -> None:
    alone = [network.double() for network in _networks(_classifier, cell=cell)]
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode=mode)
    x = torch.randn(*(() if shared else (4,)), 21, 3, 2, dtype=torch.float64)
    scores = population(x)
    scores.square().sum().backward()
    for k, network in enumerate(alone):
        expected = network(x if shared else x[k])
        expected.square().sum().backward()
        torch.testing.assert_close(scores[k], expected)
    _check_gradients(population, alone)


def test_the_own_kernels_serve_a_population() -> None:
    alone = _networks(_classifier)
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode="each")
    x = torch.randn(4, 30, 16, 2)
    for k, network in enumerate(alone):
        torch.testing.assert_close(population(x)[k], network(x[k]))


@pytest.mark.parametrize("mode", MODES)
def test_training_is_that_of_each_network_alone(mode: str) -> None:
    alone = [network.double() for network in _networks(_classifier)]
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode=mode)
    optimizers = [torch.optim.Adam(network.parameters(), lr=0.01) for network in alone]
    together = torch.optim.Adam(population.parameters(), lr=0.01)
    torch.manual_seed(0)
    for _ in range(4):
        x, y = torch.randn(12, 5, 2, dtype=torch.float64), torch.randint(4, (5,))
        together.zero_grad()
        scores = population(x)
        functional.cross_entropy(scores.flatten(0, 1), y.repeat(4), reduction="sum").backward()
        together.step()
        for network, optimizer in zip(alone, optimizers, strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(network(x), y, reduction="sum").backward()
            optimizer.step()
    for k, network in enumerate(alone):
        for ours, theirs in zip(
            population.model(k).parameters(), network.parameters(), strict=True
        ):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_language_models_carry_their_states_on(cell: str, mode: str) -> None:
    def build(dilations: tuple[int, ...]) -> DilatedRNNLanguageModel:
        return DilatedRNNLanguageModel(7, 5, 6, dilations, cell=cell).double()

    alone = _networks(build)
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode=mode)
    tokens = torch.randint(7, (4, 40, 3))
    cuts = [0, 4, 9, 40]  # the first pieces are shorter than some dilations
    state: Any = None
    states: list[Any] = [None] * 4
    total = 0.0
    for start, stop in itertools.pairwise(cuts):
        logits, state = population(tokens[:, start:stop], state)
        total = total + logits.square().sum()
        for k, network in enumerate(alone):
            expected, states[k] = network(tokens[k, start:stop], states[k])
            torch.testing.assert_close(logits[k], expected)
            expected.square().sum().backward(retain_graph=True)
            states[k] = detach_state(states[k])
        state = detach_state(state)
    total.backward()
    _check_gradients(population, alone)


@pytest.mark.parametrize("mode", MODES)
def test_each_network_reads_sequences_to_their_own_ends(mode: str) -> None:
    alone = [network.double() for network in _networks(_classifier, batch_first=True)]
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode=mode)
    x = torch.randn(4, 3, 21, 2, dtype=torch.float64)
    lengths = torch.tensor([[21, 10, 12], [20, 21, 10], [15, 15, 15], [10, 11, 21]])
    scores = population(x, lengths=lengths)
    shared = population(x[0], lengths=lengths[0])
    for k, network in enumerate(alone):
        torch.testing.assert_close(scores[k], network(x[k], lengths[k]))
        torch.testing.assert_close(shared[k], network(x[0], lengths[0]))


@pytest.mark.parametrize("mode", MODES)
def test_regressors_of_symbols_and_bare_stacks(mode: str) -> None:
    def regressor(dilations: tuple[int, ...]) -> DilatedRNNRegressor:
        return DilatedRNNRegressor(3, 6, dilations, 2, batch_first=True, vocab_size=5).double()

    alone = _networks(regressor)
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode=mode)
    symbols = torch.randint(5, (3, 14))
    for k, found in enumerate(population(symbols)):
        torch.testing.assert_close(found, alone[k](symbols))
    stacks = [DilatedRNN(2, 6, d, batch_first=True).double() for d in DILATIONS]
    x = torch.randn(3, 14, 2, dtype=torch.float64)
    outputs, _ = DilatedRNNPopulation(copy.deepcopy(stacks), mode=mode)(x)
    for k, found in enumerate(outputs):
        torch.testing.assert_close(found, stacks[k](x)[0])


def test_seeded_dropout_is_that_of_each_network_alone() -> None:
    alone = [_classifier(d, dropout=0.1 * k) for k, d in enumerate(DILATIONS)]
    population = DilatedRNNPopulation(copy.deepcopy(alone), mode="each")
    x = torch.randn(21, 16, 2)
    for k in range(4):
        population.seed(k, 10 + k)
    scores = population(x)
    for k, network in enumerate(alone):
        torch.manual_seed(10 + k)
        torch.testing.assert_close(scores[k], network(x))
    together = DilatedRNNPopulation(copy.deepcopy(alone), mode="together")
    assert not torch.allclose(together(x)[3], together(x)[3])
    assert torch.equal(together(x)[0], together(x)[0])  # without dropout
    together.eval()
    torch.testing.assert_close(together(x), torch.stack([n.eval()(x) for n in alone]))


def test_networks_live_on_as_views_of_their_rows() -> None:
    networks = _networks(_classifier)
    population = DilatedRNNPopulation(networks)
    assert population.model(1) is networks[1]
    x = torch.randn(21, 3, 2)
    with torch.no_grad():
        population.weights.mul_(0.5)
    torch.testing.assert_close(population(x)[1], networks[1](x))
    before = population(x)
    after = DilatedRNNPopulation([networks[1], _classifier((1, 2, 3, 4, 5, 6)), networks[0]])(x)
    torch.testing.assert_close(after[[2, 0]], before[[0, 1]])


def test_copies_casts_and_state_dicts_keep_rows_and_networks_together() -> None:
    population = DilatedRNNPopulation(_networks(_classifier))
    x = torch.randn(21, 3, 2)
    for other in (copy.deepcopy(population), copy.deepcopy(population).double()):
        x_other = x.to(other.weights.dtype)
        with torch.no_grad():
            other.weights.mul_(0.5)
        torch.testing.assert_close(other(x_other)[2], other.model(2)(x_other))
    assert not torch.allclose(population(x), copy.deepcopy(other).float()(x))
    other = other.float()
    other.load_state_dict(population.state_dict())
    torch.testing.assert_close(other(x)[0], population.model(0)(x))
    assert len(list(population.parameters())) == 1


def test_large_networks_and_functional_calls() -> None:
    alone = [DilatedRNN(3, 70, d) for d in ((1, 2), (3,))]
    population = DilatedRNNPopulation(copy.deepcopy(alone))
    x = torch.randn(7, 16, 3)

    def total(weights: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = functional_call(population, {"weights": weights}, (x,))[0].sum()
        return found

    gradient = grad(total)(population.weights.detach())
    population(x)[0].sum().backward()
    torch.testing.assert_close(population.weights.grad, gradient, rtol=1e-3, atol=1e-4)
    for network in alone:
        network(x)[0].sum().backward()
    _check_gradients(population, alone, rtol=1e-4, atol=1e-4)


def test_one_broken_network_leaves_the_others_alone() -> None:
    population = DilatedRNNPopulation(_networks(_classifier), mode="together")
    next(population.model(1).parameters()).data.fill_(float("nan"))
    scores = population(torch.randn(21, 3, 2))
    scores.square().sum().backward()
    assert population.weights.grad is not None
    finite = [bool(row.isfinite().all()) for row in population.weights.grad]
    assert finite == [True, False, True, True]


def test_networks_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in hidden_sizes"):
        DilatedRNNPopulation([DilatedRNN(2, 6, (1,)), DilatedRNN(2, 7, (1,))])
    with pytest.raises(ValueError, match="differ in class"):
        DilatedRNNPopulation([DilatedRNN(2, 6, (1,)), DilatedRNNClassifier(2, 6, (1,), 2)])
    with pytest.raises(ValueError, match="tied weights"):
        DilatedRNNPopulation([DilatedRNNLanguageModel(5, 6, 6, (1,), tied=True)])
    network = DilatedRNN(2, 6, (1,))
    with pytest.raises(ValueError, match="twice"):
        DilatedRNNPopulation([network, network])
