"""How a probe runs the model: batch by batch, keeping hidden layers, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from optuna_mi.training._probe_model import as_parameters, eager, get_layer, takes_model
from optuna_mi.training._probe_sampling import ProbeSample

Forward = Callable[..., Any]


def run_model(
    model: nn.Module,
    sample: ProbeSample,
    layer_names: Sequence[str],
    forward: Forward | None,
    batch_size: int | None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the model's output on the probe's examples, and that of the named layers.

    Args:
        model: The network, without wrappers.
        sample: The examples.
        layer_names: Layers whose activations are wanted.
        forward: Called instead of the model, with the inputs or with the model and the inputs.
        batch_size: Examples per forward pass; ``None`` for all at once.

    Raises:
        ValueError: If a layer is not run, or no axis of what came out holds the examples.
    """
    n = sample.n_examples
    step = batch_size or n
    lengths = [min(step, n - start) for start in range(0, n, step)]
    outputs: list[Tensor] = []
    captured: dict[str, list[Tensor]] = {name: [] for name in layer_names}
    latest: dict[str, Tensor] = {}
    # By name each time: a layer may have been replaced, as the head is in fine-tuning.
    layers = {name: get_layer(model, name) for name in layer_names}
    device = next((p.device for p in model.parameters()), sample.inputs.device)
    with undisturbed(model, device), eager(model), hooked(layers, latest):
        for inputs in torch.split(sample.inputs, step, dim=sample.batch_dim):
            inputs = as_parameters(inputs, model)
            outputs.append(first_tensor(call_forward(model, forward, inputs)))
            for name, values in captured.items():
                if name not in latest:
                    raise ValueError(f"layer {name!r} was not run by the forward pass")
                values.append(latest.pop(name))
    output = _join(outputs, lengths, "the output", sample)
    return output, {
        name: _join(values, lengths, f"layer {name!r}", sample) for name, values in captured.items()
    }


def call_forward(model: nn.Module, forward: Forward | None, inputs: Tensor) -> Any:
    if forward is None:
        return model(inputs)
    return forward(model, inputs) if takes_model(forward) else forward(inputs)


def _join(chunks: list[Tensor], lengths: list[int], what: str, sample: ProbeSample) -> Tensor:
    """Join the chunks along the axis whose lengths are their numbers of examples."""
    if len(chunks) == 1 and chunks[0].dim():
        return chunks[0]
    axes = [
        axis
        for axis in (0, 1)
        if all(c.dim() > axis for c in chunks) and [c.shape[axis] for c in chunks] == lengths
    ]
    if not axes:
        raise ValueError(
            f"{what} holds no axis of the {sample.n_examples} examples; got shape "
            f"{tuple(chunks[0].shape)}. If that is a loss, pass forward= to return the scores"
        )
    if len(axes) == 2 and sample.positions is None:
        check_unambiguous(chunks[0], what, "batch_size")
    return torch.cat(chunks, dim=sample.batch_dim if len(axes) == 2 else axes[0])


def check_unambiguous(value: Tensor, what: str, remedy: str) -> None:
    """Raise ValueError if examples may lie along the second axis, as they do time first."""
    if value.dim() == 3:
        raise ValueError(
            f"{what} has shape {tuple(value.shape)} for {value.shape[0]} examples at once, so that "
            f"its first or its second axis may hold them: choose another {remedy}"
        )


@contextmanager
def undisturbed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode without gradients; every module's mode and the random streams come back."""
    modes = [(module, module.training) for module in model.modules()]
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


@contextmanager
def hooked(layers: Mapping[str, nn.Module], latest: dict[str, Tensor]) -> Iterator[None]:
    """Keep the last output of every layer in ``latest`` while the context lasts."""

    def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            latest[name] = first_tensor(output)

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def first_tensor(output: Any) -> Tensor:
    while isinstance(output, tuple | list | Mapping) and output:
        if isinstance(output, Mapping):
            # Hugging Face's outputs begin with the loss where there are labels
            output = output["logits"] if "logits" in output else next(iter(output.values()))
        else:
            output = output[0]
    if not isinstance(output, Tensor):
        raise ValueError(
            "the model must return a tensor, or a tuple or dict that begins with one, got "
            f"{type(output).__name__}: pass forward=, as lambda model, x: model(x).scores"
        )
    return output
