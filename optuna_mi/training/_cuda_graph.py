"""A training step as one CUDA graph: a GPU's work without the host's thousands of launches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from optuna_mi._logging import get_logger
from optuna_mi.nn._rows import kept_tensors

_logger = get_logger(__name__)


class GraphedStep:
    """Run a step again and again: the first times as it is, then as a CUDA graph of it.

    Every call does the step once, with its own inputs. Inputs of other shapes than the first call's
    run as they are, and so does everything once a capture has failed, with one warning.

    Args:
        step: Takes tensors and returns one, e.g. a loss. What it does must depend on nothing but
            the tensors' values and on memory that stays where it is (parameters, moments), and it
            must not make the host wait for the device. Gradients are set to None in it.
        device: A CUDA device.
        generators: Random streams of its own that the step draws from; each replay draws on.
        warm_up: How many steps run as they are before the capture: kernels are compiled and checked
            in them, and libraries choose their algorithms.

    Attributes:
        has_failed: A capture has failed.
    """

    def __init__(
        self,
        step: Callable[..., Tensor],
        device: torch.device,
        *,
        generators: Sequence[torch.Generator] = (),
        warm_up: int = 3,
    ) -> None:
        self._step = step
        self._device = device
        self._generators = tuple(generators)
        self._steps_left = warm_up
        # Work of the warm-up on the default stream could not be part of a capture.
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._shapes: list[tuple[torch.Size, torch.dtype]] | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor, ...] = ()
        self._result: Tensor | None = None
        self._kept: list[Tensor] = []
        self.has_failed = False

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Do the step; the result is overwritten by the next call."""
        shapes = [(x.shape, x.dtype) for x in inputs]
        if self._shapes is None:
            self._shapes = shapes
        if self.has_failed or shapes != self._shapes:
            return self._run(inputs)
        if self._graph is None and self._steps_left > 0:
            self._steps_left -= 1
            return self._run(inputs)
        if self._graph is None and not self._capture(inputs):
            return self._run(inputs)
        assert self._graph is not None
        assert self._result is not None
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        self._graph.replay()
        return self._result

    def forget(self) -> None:
        """Capture anew at the next call: a number that the graph holds has changed."""
        self._graph = None

    def _run(self, inputs: tuple[Tensor, ...]) -> Tensor:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = self._step(*inputs)
        current.wait_stream(self._stream)
        result.record_stream(current)
        return result

    def _capture(self, inputs: tuple[Tensor, ...]) -> bool:
        """Record a step without doing it; whether that went well."""
        own = tuple(x.clone() for x in inputs)
        graph = torch.cuda.CUDAGraph()
        # The current device's stream last: setting a stream sets its device, too.
        before = [torch.cuda.current_stream(device) for device in (self._device, None)]
        torch.cuda.synchronize(self._device)
        try:
            self._register(graph)
            with (
                kept_tensors() as kept,
                torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"),
            ):
                result = self._step(*own)
        except Exception as error:  # whatever a driver, a library or torch refuses to record
            # The capture's own exit raises before it goes back to the stream it came from.
            for stream in before:
                torch.cuda.set_stream(stream)
            self._end_capture_of_generators()
            torch.cuda.synchronize(self._device)
            if isinstance(error, torch.OutOfMemoryError):
                raise
            first = (str(error).splitlines() or [""])[0]
            _logger.warning(
                "A training step cannot run as a CUDA graph (%s: %s): its kernels are launched one "
                "by one instead.",
                *(type(error).__name__, first),
            )
            self.has_failed = True
            return False
        self._graph, self._inputs, self._result, self._kept = graph, own, result, kept
        return True

    def _register(self, graph: torch.cuda.CUDAGraph) -> None:
        """Name the random streams to a graph: until torch 2.11 it only knows torch's own."""
        register = getattr(graph, "register_generator_state", None)
        if register is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer ones say that there is no need
            for generator in self._generators:
                register(generator)

    def _end_capture_of_generators(self) -> None:
        """Let random streams be drawn from again: a failed capture leaves them at capturing."""
        index = self._device.index
        index = torch.cuda.current_device() if index is None else index
        for generator in (*self._generators, torch.cuda.default_generators[index]):
            try:
                generator.graphsafe_set_state(generator.clone_state())
            except RuntimeError as error:  # who draws nothing still goes on
                _logger.debug("A random stream stays as the capture left it: %s", error)


def set_capturable(optimizer: Optimizer, wanted: bool) -> None:
    """Let an optimizer's step be captured or not: then its counts lie on the device or on the CPU.

    Args:
        optimizer: Adam, RMSprop or another with that option; SGD needs none.
        wanted: Whether its steps are to be captured.
    """
    for group in optimizer.param_groups:
        if "capturable" not in group:
            continue
        group["capturable"] = wanted
        # Whatever the setting was: a checkpoint's counts come back on the device, and there the
        # host would wait for each of them at every step.
        for parameter in group["params"]:
            count = optimizer.state.get(parameter, {}).get("step")
            if isinstance(count, Tensor):
                where = parameter.device if wanted else "cpu"
                optimizer.state[parameter]["step"] = count.to(where)
