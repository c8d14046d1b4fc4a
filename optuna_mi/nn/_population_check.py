"""Checks of what users pass to a population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from optuna_mi._checks import instance, listed
from optuna_mi.nn._check_arguments import LayerState, State, check_input
from optuna_mi.nn._dilated_rnn import DilatedRNN
from optuna_mi.nn._language_model import DilatedRNNLanguageModel
from optuna_mi.nn._population_layers import Stacks
from optuna_mi.nn._population_layout import (
    NETWORKS,
    Network,
    embedding_of,
    head_of,
    stack_of,
)


def check_networks(networks: Sequence[Network]) -> list[Network]:
    """Return the networks of a population.

    Raises:
        TypeError: One is none of this package's.
        ValueError: There is none, one stands there twice, or two differ in more than dilations,
            depth, dropout and weights.
    """
    found: list[Network] = list(listed("networks", networks, "dilated networks"))
    if not found:
        raise ValueError("networks is empty; give at least one dilated network")
    for network in found:
        check_network(network, found[0])
    if len(set(map(id, found))) < len(found):
        raise ValueError("networks holds one network twice; give one for each place")
    return found


def check_network(network: Network, like: Network) -> None:
    """Raise unless a network can stand in one population with another one."""
    names = ", ".join(cls.__name__ for cls in NETWORKS)
    instance("networks", network, NETWORKS, f"one of {names}")
    if isinstance(network, DilatedRNNLanguageModel) and (
        network.tied or network.embedding_dropout or network.output_dropout
    ):
        raise ValueError(
            "networks has a language model with tied weights or dropout outside of its layers; a "
            "population takes none: leave tied, embedding_dropout and output_dropout out"
        )
    if len(set(stack_of(network).hidden_sizes)) > 1:
        raise ValueError(
            f"networks has one of the hidden sizes {stack_of(network).hidden_sizes}; all layers "
            "must have one size"
        )
    ours, theirs = _traits(network), _traits(like)
    for name, value in ours.items():
        if theirs[name] != value:
            raise ValueError(
                f"networks differ in {name} ({theirs[name]} and {value}); those of one population "
                "must differ in dilations, depth, dropout and weights alone"
            )


def check_inputs(x: Tensor, stack: DilatedRNN, n_networks: int, weight: Tensor) -> bool:
    """Return whether all networks share the inputs; raise unless these fit."""
    instance("the input", x, Tensor, "a tensor")
    shared = x.dim() < 4
    if not shared and x.shape[0] != n_networks:
        raise ValueError(
            f"the input has the shape {tuple(x.shape)}, of which the first axis must be the "
            f"{n_networks} networks; pass three axes to give all the same"
        )
    check_input(x if shared else x[0], stack.input_size, stack.batch_first, weight)
    return shared


def check_symbols(x: Tensor, network: Network, n_networks: int) -> Tensor:
    """Return symbols that a network's embedding may get, of all networks or of each."""
    name = "tokens" if isinstance(network, DilatedRNNLanguageModel) else "symbols"
    if not isinstance(x, Tensor) or x.dtype not in (torch.int64, torch.int32):
        found = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{name} must be a tensor of int64 or int32, got {found}")
    if x.dim() not in (2, 3) or (x.dim() == 3 and len(x) != n_networks):
        raise ValueError(
            f"{name} must have the shape of a single network's, or the {n_networks} networks "
            f"as a first axis more; got {tuple(x.shape)}"
        )
    embedding = embedding_of(network)
    if embedding is not None and x.device.type == "cpu" and x.numel():
        low, high = int(x.min()), int(x.max())
        if low < 0 or high >= embedding.num_embeddings:
            raise ValueError(
                f"{name} must lie in 0..{embedding.num_embeddings - 1}, got {low} to {high}"
            )
    return x


def check_span(networks: Sequence[Network], length: int) -> None:
    """Raise unless every dilation is below the number of steps."""
    largest = max(max(stack_of(network).dilations) for network in networks)
    if largest >= length:
        raise ValueError(
            f"dilation {largest} must be below the sequence length {length}: the layer "
            "would never see its own past; use smaller dilations or longer sequences"
        )


def check_states(state: Sequence[LayerState], stacks: Stacks, batch: int) -> State:
    """Return a state that a population had returned; raise unless it fits this one."""
    depth = max(map(len, stacks.dilations))
    entries = listed("state", state, "what an earlier call returned")
    if len(entries) != depth:
        raise ValueError(
            f"state has {len(entries)} entries for {depth} layers; pass what an earlier call of "
            "this population returned"
        )
    for i, entry in enumerate(entries):
        own = [d[i] for d in stacks.dilations if len(d) > i]
        shape = (len(own), max(own), batch, stacks.size)
        parts = entry if isinstance(entry, tuple) else (entry,)
        if len(parts) != 1 + (stacks.cell == "lstm") or any(
            not isinstance(part, Tensor) or tuple(part.shape) != shape for part in parts
        ):
            raise ValueError(
                f"state[{i}] must hold a tensor of the shape {shape} (a pair of them for LSTM); "
                "pass what an earlier call of this population returned"
            )
    return tuple(entries)


def _traits(network: Network) -> dict[str, Any]:
    stack, head, embedding = stack_of(network), head_of(network), embedding_of(network)
    weight = next(network.parameters())
    return {
        "class": type(network).__name__,
        "cell": stack.cell,
        "hidden_sizes": stack.hidden_sizes[0],
        "input_size": stack.input_size,
        "residual": stack.residual,
        "batch_first": stack.batch_first,
        "backend": stack.backend,
        "every_step": getattr(network, "every_step", None),
        "outputs": None if head is None else head.out_features,
        "vocab_size": None if embedding is None else embedding.num_embeddings,
        "dtype": weight.dtype,
        "device": weight.device,
    }
