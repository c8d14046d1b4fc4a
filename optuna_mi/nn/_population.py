from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from optuna_mi._checks import instance, one_of, whole
from optuna_mi.nn._backend import choose_backend, get_run_layer
from optuna_mi.nn._check_arguments import LayerState, State
from optuna_mi.nn._classifier import DilatedRNNClassifier
from optuna_mi.nn._population_check import (
    check_inputs,
    check_networks,
    check_span,
    check_states,
    check_symbols,
)
from optuna_mi.nn._population_heads import apply_heads, at_ends, embed, without_ends
from optuna_mi.nn._population_layers import Stacks, clear_state, run_each, run_together
from optuna_mi.nn._population_layout import Layout, Network, stack_of
from optuna_mi.nn._regressor import DilatedRNNRegressor
from optuna_mi.nn._torch_compile import uncompiled

Mode = Literal["auto", "each", "together"]


class DilatedRNNPopulation(nn.Module):
    """K dilated networks of one shape, run and trained as one module.

    The networks have one class, cell, hidden size and input; they may differ in their dilations, in
    how many layers they have, in dropout and in their weights. Network k computes what it would
    compute alone, and no gradient passes from one to another: K networks are trained exactly as if
    each were trained by itself.

    One network uses a small part of a GPU. There all networks run in one call a layer: batched
    products for inputs and weight gradients, one recurrence for all. A layer that some networks do
    not have is run for the others.

    The weights of all networks are one matrix, a row a network. The networks that are passed in
    live on as views of their rows: whoever trains the population changes them, and the other way
    round. To take another network in, make another population of those that stay and the new one.

    Args:
        networks: K networks of one class: :class:`DilatedRNN`, :class:`DilatedRNNClassifier`,
            :class:`DilatedRNNRegressor` or :class:`DilatedRNNLanguageModel`.
        mode: ``"each"`` runs one network after the other with the kernels of its own backend,
            which is the fastest on a CPU; ``"together"`` runs all at once, a layer at a time, which
            is slow where Triton's kernels do not run; ``"auto"`` chooses ``"together"`` where they
            do.

    Attributes:
        weights: The one parameter, ``(K, columns)``. An optimizer that treats each number by
            itself (SGD, Adam, RMSprop) trains each network as it would alone; one that looks at
            whole tensors (clipping of a norm, LAMB) mixes them.

    Raises:
        TypeError: A network is none of these classes.
        ValueError: There is no network, or two differ in what must be the same.

    Example:
        >>> networks = []
        >>> for seed, dilations in enumerate([(1, 2, 4), (1, 3)]):
        ...     _ = torch.manual_seed(seed)
        ...     networks.append(DilatedRNNClassifier(1, 8, dilations, n_classes=3))
        >>> population = DilatedRNNPopulation(networks)
        >>> tuple(population(torch.zeros(20, 5, 1)).shape)
        (2, 5, 3)
    """

    def __init__(
        self,
        networks: Sequence[Network],
        *,
        mode: Mode = "auto",
    ) -> None:
        super().__init__()
        self._networks = check_networks(networks)
        one_of("mode", mode, ("auto", "each", "together"))
        self.mode: Mode = mode
        self._layout = Layout.of(self._networks)
        self._generators: list[torch.Generator | None] = [None] * len(self._networks)
        like = next(self._networks[0].parameters())
        self.weights = nn.Parameter(like.new_zeros(len(self._networks), self._layout.n_columns))
        for k in range(len(self._networks)):
            self._move_in(k)

    def __len__(self) -> int:
        return len(self._networks)

    def model(self, k: int) -> Network:
        """Return network k (from 0); its parameters are views of the population's."""
        return self._networks[whole("k", k, 0, len(self) - 1)]

    def views(self, k: int, matrix: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return each parameter of network k with where it stands in a matrix like `weights`.

        Args:
            k: Its place, from 0.
            matrix: The weights, their gradient, or what an optimizer keeps of them.

        Raises:
            ValueError: There is no such place, or the matrix has another shape than `weights`.
        """
        instance("matrix", matrix, Tensor, "a tensor of the shape of weights")
        if matrix.shape != self.weights.shape:
            raise ValueError(
                f"matrix has the shape {tuple(matrix.shape)}; it must have that of weights, "
                f"{tuple(self.weights.shape)}"
            )
        return self._layout.views(self.model(k), matrix[k])

    def seed(self, k: int, seed: int | None) -> None:
        """Give network k a random stream of its own for its dropout.

        Args:
            k: Its place, from 0.
            seed: Where the stream starts, as with ``torch.manual_seed``; on a CPU network k then
                drops what it would drop alone. ``None`` for torch's own stream.
        """
        k = whole("k", k, 0, len(self) - 1)
        if seed is None:
            self._generators[k] = None
            return
        start = whole("seed", seed, 0, 2**64 - 1)
        # The same generator again: a CUDA graph that draws from it goes on from the new seed.
        generator = self._generators[k]
        if generator is None or generator.device != self.weights.device:
            generator = self._generators[k] = torch.Generator(self.weights.device)
        generator.manual_seed(start)

    @property
    def generators(self) -> list[torch.Generator]:
        """The random streams that networks have of their own (see :meth:`seed`)."""
        return [generator for generator in self._generators if generator is not None]

    def forget(self, state: Sequence[LayerState], networks: Collection[int]) -> State:
        """Return a state that is zeros again for some networks.

        Args:
            state: What a call returned.
            networks: Their places, from 0.
        """
        stacks = [stack_of(network) for network in self._networks]
        return clear_state(state, [len(stack.layers) for stack in stacks], networks)

    @uncompiled
    def forward(
        self,
        x: Tensor,
        state: Sequence[LayerState] | None = None,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> Any:
        """Run all networks.

        Args:
            x: What a single network takes, which all of them then read; or that with the networks
                as a first axis more, for each its own.
            state: Of a :class:`DilatedRNN` or a language model: what an earlier call returned;
                ``None`` for zeros. An entry per layer, stacked over the networks that have it.
            lengths: Valid steps of every sequence of a padded batch, for a classifier or
                regressor: integers ``(B,)``, or ``(K, B)``.

        Returns:
            What a single network returns, with the networks as a first axis more.

        Raises:
            TypeError: ``x`` is no tensor.
            ValueError: A shape does not fit, or a dilation is not below the number of steps.
        """
        embedding, layers, head = self._layout.cut(self.weights)
        first = self._networks[0]
        stack = stack_of(first)
        if embedding is not None:
            x = embed(embedding, check_symbols(x, first, len(self)))
        shared = check_inputs(x, stack, len(self), self.weights)
        if stack.batch_first:
            x = x.transpose(-3, -2)
        reads_end = isinstance(first, DilatedRNNClassifier) or (
            isinstance(first, DilatedRNNRegressor) and not first.every_step
        )
        if not reads_end:
            output, after = self._run(x, shared, layers, [None] * len(self), state)
            if head:
                flat = output.flatten(1, 2)
                scores = apply_heads(flat, [flat.shape[-1]] * len(self), *head)
                output = scores.view(*output.shape[:3], -1)
            output = output.transpose(1, 2) if stack.batch_first else output
            return output if isinstance(first, DilatedRNNRegressor) else (output, after)
        n_last = [stack_of(network).dilations[0] for network in self._networks]
        check_span(self._networks, x.shape[-3])
        if lengths is None:
            output = self._run(x, shared, layers, n_last, None)[0]
        else:
            x, shared, ends = without_ends(x, shared, lengths, len(self))
            output = self._run(x, shared, layers, [None] * len(self), None)[0]
            output = at_ends(output, ends, n_last)
        features = output.transpose(1, 2).flatten(2)
        return apply_heads(features, [n * output.shape[-1] for n in n_last], *head)

    def _run(
        self,
        x: Tensor,
        shared: bool,
        layers: list[list[Tensor]],
        n_last: Sequence[int | None],
        state: Sequence[LayerState] | None,
    ) -> tuple[Tensor, State | None]:
        own = [stack_of(network) for network in self._networks]
        stacks = Stacks.of(own, self._generators, self.training)
        before = None if state is None else check_states(state, stacks, x.shape[-2])
        backend = choose_backend(
            stacks.backend,
            stacks.cell,
            (x.shape[-1], stacks.size),
            x if shared else x[0],
            self.weights,
        )
        if self.mode == "together" or (self.mode == "auto" and backend == "triton"):
            at_once = "triton" if backend == "triton" else "plain"
            return run_together(stacks, x, shared, layers, tuple(n_last), before, at_once)
        rows = [self._layout.cut(row)[1] for row in self.weights.unbind(0)]
        return run_each(stacks, x, shared, rows, tuple(n_last), before, get_run_layer(backend))

    def _move_in(self, k: int) -> None:
        """Copy network k into its row and make its parameters views of it."""
        for parameter, view in self._layout.views(self._networks[k], self.weights.data[k]):
            view.copy_(parameter.detach())
            parameter.data = view

    def _link(self) -> None:
        for network, row in zip(self._networks, self.weights.data, strict=True):
            for parameter, view in self._layout.views(network, row):
                parameter.data = view

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self._link()
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._link()  # a deep copy has parameters of its own

    def extra_repr(self) -> str:
        """Settings shown by ``print(population)``."""
        stack = stack_of(self._networks[0])
        return (
            f"{len(self)} x {type(self._networks[0]).__name__}, cell={stack.cell!r}, "
            f"hidden_size={stack.hidden_sizes[0]}, mode={self.mode!r}"
        )
