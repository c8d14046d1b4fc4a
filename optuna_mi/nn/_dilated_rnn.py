from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import get_args

import torch
from torch import nn

from optuna_mi._checks import flag, instance, listed, one_of, real, whole
from optuna_mi.nn._backend import choose_backend, state_dtypes
from optuna_mi.nn._check_arguments import (
    Backend,
    Cell,
    Init,
    LayerState,
    Need,
    State,
    check_dilations,
    check_hidden_sizes,
    check_input,
    check_need,
    check_state,
)
from optuna_mi.nn._init import init_layer
from optuna_mi.nn._layer import DilatedLayer
from optuna_mi.nn._lengths import check_lengths, last_steps, run_packed, without_padding
from optuna_mi.nn._positions import plan_stack, take_rows
from optuna_mi.nn._torch_compile import uncompiled


class DilatedRNN(nn.Module):
    r"""A stack of dilated recurrent layers.

    Layer l computes :math:`h^{(l)}_t = f(x^{(l)}_t, h^{(l)}_{t-d_l})` [Chang et al. 2017, eq. 1;
    MK20 §2], f a cell of ``torch.nn.RNN`` (tanh), ``GRU`` or ``LSTM``.

    Args:
        input_size: Features of the input.
        hidden_sizes: Hidden size of every layer, or one for all.
        dilations: One positive integer per layer, bottom first, in any order.
        cell: ``"rnn"``, ``"gru"`` or ``"lstm"``.
        batch_first: Inputs and outputs are ``(B, T, features)`` instead of ``(T, B, features)``.
            The state is always ``(d, B, H)``.
        dropout: Probability of dropping an element of a layer's output on its way to the next one.
        init: ``"torch"``, ``"original"`` (TensorFlow 1.3's, as the authors used) or ``"deep"``
            (deep stacks train from the first steps).
        residual: Add a layer's input to its output where their sizes agree.
        backend: ``"views"`` (PyTorch's kernels over reshaped memory, any device and dtype),
            ``"fused"`` or ``"blocks"`` (own CPU kernels, float32, for small and large sizes),
            ``"triton"`` (own GPU kernels, float32 parameters, hidden sizes to 256), or ``"auto"``,
            which chooses by device, dtype, batch and sizes. The own kernels have first
            derivatives only: under ``create_graph=True`` they raise a RuntimeError, and so does
            ``"auto"`` wherever it chose them.

    Attributes:
        layers: One module per layer; its ``cell`` is a ``torch.nn.RNN``, ``GRU`` or ``LSTM`` and
            holds the parameters ``weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0``. A hook on a
            layer sees what it passes on, ``(positions, B, H)``, the last step last.

    Raises:
        TypeError: A size or a dilation is not an integer.
        ValueError: An unknown choice, an empty or mismatched list, a value below 1.

    Example:
        >>> rnn = DilatedRNN(3, 16, (1, 2, 4), cell="gru")
        >>> output, state = rnn(torch.zeros(10, 5, 3))
        >>> tuple(output.shape), [tuple(s.shape) for s in state]
        ((10, 5, 16), [(1, 5, 16), (2, 5, 16), (4, 5, 16)])
    """

    def __init__(
        self,
        input_size: int,
        hidden_sizes: int | Sequence[int],
        dilations: Sequence[int],
        cell: Cell = "gru",
        batch_first: bool = False,
        dropout: float = 0.0,
        init: Init = "torch",
        residual: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        one_of("cell", cell, get_args(Cell))
        one_of("init", init, get_args(Init))
        one_of("backend", backend, get_args(Backend))
        self.input_size = whole("input_size", input_size, 1)
        self.dilations = check_dilations(dilations)
        self.hidden_sizes = check_hidden_sizes(hidden_sizes, len(self.dilations))
        self.cell: Cell = cell
        self.batch_first = flag("batch_first", batch_first)
        self.dropout = real("dropout", dropout, least=0, below=1)
        self.init: Init = init
        self.residual = flag("residual", residual)
        self.backend: Backend = backend
        sizes = (self.input_size, *self.hidden_sizes)
        last = len(self.dilations) - 1
        self.layers = nn.ModuleList(
            DilatedLayer(cell, *pair, dilation, self.dropout if i < last else 0.0, self.residual)
            for i, (pair, dilation) in enumerate(
                zip(itertools.pairwise(sizes), self.dilations, strict=True)
            )
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise all layers anew, from torch's default generator."""
        for layer in self.layers:
            assert isinstance(layer, DilatedLayer)
            init_layer(layer.cell, self.init)

    @property
    def _weight(self) -> torch.Tensor:
        """One of the parameters. The replicas of ``nn.DataParallel`` have none to iterate over."""
        weight: torch.Tensor = self.layers[0].cell.weight_ih_l0  # type: ignore[union-attr, assignment]
        return weight

    @uncompiled
    def forward(
        self,
        x: torch.Tensor,
        state: Sequence[LayerState] | None = None,
        need: Need = "all",
        lengths: torch.Tensor | Sequence[int] | None = None,
    ) -> tuple[torch.Tensor, State | None]:
        """Run the stack.

        Args:
            x: ``(T, B, input_size)``, or ``(B, T, input_size)`` with ``batch_first``.
            state: What an earlier call returned: for every layer its last d outputs ``(d, B, H)``
                in order of time (a pair with the cells, for LSTM). ``None`` starts from zeros. It
                is not changed; detach it (:func:`detach_state`) to truncate the gradient.
            need: Which outputs are read. ``"all"``; ``"last"``, the last step; or a number n, the
                last n steps. Only positions that reach them are computed: results and gradients are
                those of ``"all"``, at a fraction of the cost.
            lengths: Valid steps of every sequence of a padded batch, integers ``(B,)``. Each
                sequence is treated as if it were alone: ``"last"`` and a number count from its own
                end (zeros where it is shorter than the number), outputs behind its end are zeros,
                and the state is the one at its end. With ``"all"`` the batch is cut where a
                sequence ends, so that sequences sorted into batches of like lengths run fastest.

        Returns:
            The top layer's outputs and the new state. Outputs are ``(T, B, H)`` for ``"all"``,
            ``(B, H)`` for ``"last"``, ``(n, B, H)`` for n (``(B, n, H)`` with ``batch_first``). The
            state is ``None`` unless ``need="all"``: it would take every position.

        Raises:
            TypeError: ``x`` or an entry of ``state`` is no tensor.
            ValueError: A shape or a dtype does not fit, or ``need`` asks for more steps than there
                are.
        """
        if lengths is not None:
            return self._run_to_ends(x, state, need, lengths)
        output, _, new_state = self._run(x, state, need, collect=False)
        return output, new_state

    def _run_to_ends(
        self,
        x: torch.Tensor,
        state: Sequence[LayerState] | None,
        need: Need,
        lengths: torch.Tensor | Sequence[int],
    ) -> tuple[torch.Tensor, State | None]:
        weight = self._weight
        check_input(x, self.input_size, self.batch_first, weight)
        time = 1 if self.batch_first else 0
        x = x.transpose(0, time)
        ends = check_lengths(lengths, *x.shape[:2])
        n_last = check_need(need, len(x))

        def run(x: torch.Tensor, state: Sequence[LayerState] | None) -> tuple[torch.Tensor, State]:
            output, _, after = self._run(x.transpose(0, time), state, "all", collect=False)
            assert after is not None
            return output.transpose(0, time), after

        if n_last is None:
            output, after = run_packed(run, x, state, ends)
            return output.transpose(0, time), after
        rows = last_steps(run(without_padding(x, ends), state)[0], ends, n_last)
        return rows[0] if need == "last" else rows.transpose(0, time), None

    @uncompiled
    def layer_outputs(
        self, x: torch.Tensor, state: Sequence[LayerState] | None = None
    ) -> tuple[torch.Tensor, ...]:
        """What every layer passes on at the last step, bottom first: ``(B, H_l)`` each."""
        return self._run(x, state, "last", collect=True)[1]

    def _run(
        self, x: torch.Tensor, state: Sequence[LayerState] | None, need: Need, collect: bool
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...], State | None]:
        weight = self._weight
        check_input(x, self.input_size, self.batch_first, weight)
        if self.batch_first:
            x = x.transpose(0, 1)
        # The steps decide which positions there are: an exported model has as many as it was shown.
        length, batch = int(x.shape[0]), x.shape[1]
        n_last = check_need(need, length)
        sizes = (self.input_size, *self.hidden_sizes)
        backend = choose_backend(self.backend, self.cell, sizes, x, weight)
        if state is not None:
            dtypes = state_dtypes(backend, weight)
            check_state(
                state, self.dilations, self.hidden_sizes, batch, self.cell == "lstm", dtypes
            )
        plan = plan_stack(length, self.dilations, n_last)
        states: list[LayerState] = []
        collected: list[torch.Tensor] = []
        for i, (layer, layer_plan) in enumerate(zip(self.layers, plan.layers, strict=True)):
            x, after = layer(x, layer_plan, None if state is None else state[i], backend)
            if after is not None:
                states.append(after)
            if collect:
                collected.append(x[-1])  # the last step comes last in every plan
        output = take_rows(x, plan.output).contiguous()
        if need == "last":
            output = output[0]
        elif self.batch_first:
            output = output.transpose(0, 1)
        return output, tuple(collected), tuple(states) if n_last is None else None

    def extra_repr(self) -> str:
        """Settings shown by ``print(model)``."""
        return (
            f"{self.input_size}, {list(self.hidden_sizes)}, dilations={self.dilations}, "
            f"cell={self.cell!r}, init={self.init!r}, residual={self.residual}, "
            f"dropout={self.dropout}, backend={self.backend!r}"
        )


def detach_state(state: Sequence[LayerState]) -> State:
    """Cut the state's history, for truncated backpropagation through time.

    The state is copied: what :meth:`DilatedRNN.forward` returned are views, which would keep the
    outputs of the whole chunk in memory.

    Args:
        state: What a call returned.

    Returns:
        The same values without a history.

    Raises:
        TypeError: It is no such state.
    """
    for i, entry in enumerate(listed("state", state, "tensors, or pairs of them")):
        for part in entry if isinstance(entry, tuple) else (entry,):
            instance(f"state[{i}]", part, torch.Tensor, "a tensor, or a pair of them")
    return tuple(
        (entry[0].detach().clone(), entry[1].detach().clone())
        if isinstance(entry, tuple)
        else entry.detach().clone()
        for entry in state
    )
