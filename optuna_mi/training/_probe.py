"""Mutual information between a network's activations and the truth, on a fixed probe."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from optuna_mi._checks import instance, listed, one_of, shown, whole
from optuna_mi._logging import get_logger
from optuna_mi.information import MutualInformation
from optuna_mi.information._check_samples import METRICS
from optuna_mi.training._probe_arguments import as_tensor, without_last_axis
from optuna_mi.training._probe_features import (
    Reduction,
    layer_features,
    output_features,
    project,
)
from optuna_mi.training._probe_forward import run_model
from optuna_mi.training._probe_model import get_layer, takes_model, unwrap
from optuna_mi.training._probe_sampling import draw_sample
from optuna_mi.training._probe_truth import Classes, ClassEstimator, RealValues

_logger = get_logger(__name__)


@dataclass(frozen=True)
class ProbeMeasurement:
    """What a probe found.

    Attributes:
        ihyll: I(last layer's activations; truth), nats.
        layers: I(layer's activations; truth) of every layer asked for, nats, by name.
    """

    ihyll: MutualInformation
    layers: dict[str, MutualInformation] = field(default_factory=dict)


class InformationProbe:
    """Measures IHYLL, and IHY of any layer, on a fixed random subset of the data.

    The subset is drawn once, so that what changes from epoch to epoch is the model and not the
    sample (standard deviation of an epoch's increment on MNIST: 0.006 nats, and 0.017 with a fresh
    subset each time). A measurement runs in evaluation mode without gradients, and leaves modes,
    gradients and random streams as they were.

    Classification is meant when ``targets`` has one dimension: the subset is stratified by class.
    Sequence prediction (language models) is meant when it has two: the pair is the output at a
    position and the symbol that followed, at a random subset of positions.

    Real targets (floats) are those of a regression, and the estimator is KSG's [Kraskov et al.
    2004]: one or several numbers per example (with three axes: per position). NaN marks what is
    left out.

    The probe measures the object that was passed, without the wrappers of ``torch.compile``,
    ``DataParallel``, ``DistributedDataParallel``, ``AveragedModel`` and Lightning Fabric. If a new
    model is built, tell the probe (`follow`). Real inputs are moved to the device and the dtype
    that the model's parameters have at the time.

    Args:
        model: The network; its output (of a mapping ``logits``, or the first item, as of a tuple)
            is the last layer's activations.
        inputs: Inputs: examples along ``batch_dim``. For sequence prediction the first two axes are
            step and sequence, or sequence and step where ``batch_dim=0``.
        targets: Classes, integers from 0: shape (N,) or (N, 1), or that of the first two axes of
            ``inputs``.
            Or real values: shape (N,), (N, values), or that of the first two axes of ``inputs`` and
            values.
        size: Examples, or positions, to use.
        seed: Decides which examples.
        layers: Names of layers, as in ``model.named_modules()``, whose IHY is wanted.
        forward: Called with a batch of inputs, or with the model and a batch of inputs, instead of
            the model; returns activations.
        batch_dim: Axis of ``inputs`` and of sequence outputs that holds the examples.
        burn_in: First steps of every sequence that are left out (sequence prediction).
        batch_size: Examples per forward pass; ``None`` for all of the subset at once. The probe
            recognises the axis of examples in activations by this number, so it must differ from
            their number of steps.
        k: Number of nearest neighbours.
        metric: ``"chebyshev"`` or ``"euclidean"``.
        estimator: ``"mixed"``; or ``"ksg"``, which is [V]'s: softmax of the outputs against one-hot
            labels with a jitter of 1e-10 (hidden layers are taken as they are); or ``"loss"``:
            H(Y) less the cross entropy of the outputs, taken as logits. That is a lower bound of
            the information, below zero where the network errs with confidence; it needs no
            neighbours, knows no layers and takes classes only.
        reduce: How a layer's activations become one vector per example: ``"pool"`` (average over a
            grid as fine as ``max_features`` allows), ``"mean"`` (average over all of space),
            ``"flatten"``, or a function from a tensor with examples first to (N, D).
        max_features: If there are more features, a fixed random matrix projects them onto this
            many.
        ignore_index: Targets of this value are padding and left out, as by PyTorch's
            ``cross_entropy``; ``None`` for none.

    Raises:
        TypeError: If ``model`` is no module, or float targets are class numbers.
        ValueError: If shapes do not match, a target is negative, the subset is empty, or an option
            is unknown.
        KeyError: If the model has no layer of that name.

    Note:
        Source: [V] section 3.

    Example:
        >>> import torch
        >>> noise = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
        >>> y = torch.arange(300) % 3
        >>> x = torch.nn.functional.one_hot(y) + 0.1 * noise
        >>> probe = InformationProbe(torch.nn.Identity(), x, y, size=200)
        >>> round(float(probe.measure().ihyll), 1), round(probe.target_entropy, 1)
        (1.1, 1.1)
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor | npt.NDArray[Any],
        targets: Tensor | npt.NDArray[Any],
        *,
        size: int = 1000,
        seed: int = 0,
        layers: Sequence[str] = (),
        forward: Callable[[Tensor], Any] | Callable[[nn.Module, Tensor], Any] | None = None,
        batch_dim: int = 0,
        burn_in: int = 0,
        batch_size: int | None = 250,
        k: int = 3,
        metric: Literal["chebyshev", "euclidean"] = "chebyshev",
        estimator: ClassEstimator = "mixed",
        reduce: Reduction = "pool",
        max_features: int = 256,
        ignore_index: int | None = -100,
    ) -> None:
        instance("model", model, nn.Module, "a torch module")
        one_of("estimator", estimator, ("mixed", "ksg", "loss"))
        one_of("metric", metric, METRICS)
        if not callable(reduce):
            one_of("reduce", reduce, ("pool", "mean", "flatten"))
        if not (forward is None or callable(forward)):
            raise TypeError(f"forward must be a function of the inputs, got {shown(forward)}")
        if batch_size is not None:
            batch_size = whole("batch_size", batch_size, 1)
        if ignore_index is not None:
            ignore_index = whole("ignore_index", ignore_index, -(2**63))
        batch_dim, burn_in = whole("batch_dim", batch_dim, 0, 1), whole("burn_in", burn_in)
        k, seed = whole("k", k, 1), whole("seed", seed)
        size, max_features = whole("size", size, k + 1), whole("max_features", max_features, 1)
        layers = listed("layers", layers, "names of layers")
        if estimator == "loss" and layers:
            raise ValueError(
                f'estimator="loss" measures outputs only, as layers {list(layers)} have no logits: '
                'use estimator="mixed" for layers'
            )
        self.model = unwrap(model)
        for name in layers:
            get_layer(self.model, name)
        self._layers = tuple(layers)
        self._forward: Callable[..., Any] | None = forward
        self._batch_size = batch_size
        self._k = k
        self._metric: Literal["chebyshev", "euclidean"] = metric
        self._reduce = reduce
        self._max_features = max_features
        self._seed = seed
        self._warned = False
        given = as_tensor("inputs", inputs)
        self._sample = draw_sample(
            given,
            without_last_axis(given, as_tensor("targets", targets)),
            size=size,
            seed=seed,
            batch_dim=batch_dim,
            burn_in=burn_in,
            ignore_index=ignore_index,
        )
        drawn = self._sample.targets
        if len(drawn) <= k and estimator != "loss":
            raise ValueError(
                f"the probe holds {len(drawn)} examples, and k={k} nearest neighbours need at "
                f"least {k + 1}: give more, or a smaller k"
            )
        if estimator == "loss" and drawn.is_floating_point():
            raise ValueError(
                'estimator="loss" needs classes, and the targets are real values: use '
                'estimator="mixed", which takes KSG for them'
            )
        self._truth = (
            RealValues(drawn.reshape(len(drawn), -1), k=k, seed=seed)
            if drawn.is_floating_point()
            else Classes(drawn, k=k, metric=metric, estimator=estimator, seed=seed)
        )

    @property
    def inputs(self) -> Tensor:
        """The examples that are measured, as they were given."""
        return self._sample.inputs

    @property
    def targets(self) -> Tensor:
        """Their targets: int64 (N,), or float64 (N,) or (N, values)."""
        return self._sample.targets

    def follow(self, model: nn.Module) -> None:
        """Measure another model from now on, on the same examples.

        Needed when a new model is built while the probe holds the old one, as Hugging Face's
        ``Trainer(model_init=...)`` does for every training; the callbacks call it themselves.

        Args:
            model: The model that is trained now; it has the layers asked for.

        Raises:
            ValueError: If ``forward`` was given and takes the inputs alone: it would still run the
                model that it was made for.
            KeyError: If the model has no layer of that name.
        """
        instance("model", model, nn.Module, "a torch module")
        model = unwrap(model)
        if model is self.model:
            return
        if self._forward is not None and not takes_model(self._forward):
            raise ValueError(
                "the model was built anew, and forward= would still run the old one: make it a "
                "function of the model and the inputs, as lambda model, inputs: model(inputs)[0]"
            )
        for name in self._layers:
            get_layer(model, name)
        self.model = model

    @property
    def target_entropy(self) -> float:
        """H(Y) of the probe's targets, nats: the bound of IHYLL that always holds.

        Real targets have no finite entropy; for them it is the largest value that KSG can return
        with this many examples, psi(N) - psi(k).
        """
        return self._truth.bound

    def reference(
        self,
        kind: Literal["entropy", "input"] = "entropy",
        *,
        metric: Literal["chebyshev", "euclidean"] | None = None,
    ) -> MutualInformation:
        """Return what IHYLL may be compared with, on the same examples and with the same k.

        Args:
            kind: ``"entropy"`` is `target_entropy`, which always holds. ``"input"`` is [V]'s
                IXY, the estimate of I(inputs; truth) by the probe's estimator. On raw pixels it
                depends on the metric and on N and lies far below the truth (MNIST, N = 1000, of
                2.30: 1.99 Euclidean, 0.91 Chebyshev with its many ties, 1.39 with the paper's
                estimator).
            metric: Must be stated for ``"input"``.

        Raises:
            ValueError: If ``kind`` is unknown, the metric is missing, or the inputs are symbol
                sequences, whose IXY a nearest-neighbour estimate cannot give.
        """
        if kind == "entropy":
            return MutualInformation(
                value=self.target_entropy,
                n=len(self.targets),
                k=self._k,
                estimator="entropy",
                entropy_labels=self._truth.entropy,
                upper_bound=self.target_entropy,
            )
        one_of("kind", kind, ("entropy", "input"))
        if self._truth.is_loss:
            raise ValueError(
                "the inputs have no logits for estimator=\"loss\": use reference('entropy'), which "
                "bounds it too"
            )
        if self._sample.positions is not None:
            raise ValueError(
                "the inputs are sequences of symbols, or of steps with a target each: use "
                "reference('entropy')"
            )
        if metric is None:
            raise ValueError("reference('input') depends on the metric: give metric=...")
        one_of("metric", metric, METRICS)
        samples = self.inputs.movedim(self._sample.batch_dim, 0).flatten(1).cpu().double().numpy()
        return self._truth.information(samples, metric)

    def measure(self) -> ProbeMeasurement:
        """Run the model on the probe and estimate.

        Activations that are not finite (diverged training) give an estimate of NaN, and a warning
        in the log the first time.

        Returns:
            IHYLL and the IHY of the layers asked for, nats.

        Raises:
            ValueError: If the model's output does not fit the targets.
        """
        output, layers = run_model(
            self.model, self._sample, self._layers, self._forward, self._batch_size
        )
        sample, how, most = self._sample, self._reduce, self._max_features
        return ProbeMeasurement(
            ihyll=self._estimate(output_features(output, sample), last=True),
            layers={
                name: self._estimate(layer_features(value, name, sample, how, most), last=False)
                for name, value in layers.items()
            },
        )

    def _estimate(self, features: Tensor, *, last: bool) -> MutualInformation:
        samples = features.detach().double()
        if not self._truth.is_loss:  # a projection of logits is none
            samples = project(samples, self._max_features, self._seed)
        if last and self._truth.softmax:
            samples = samples.softmax(dim=1)
        array = samples.cpu().numpy()
        if not np.isfinite(array).all():
            if not self._warned:
                _logger.warning("Activations are not finite: the information is NaN.")
                self._warned = True
            return MutualInformation(
                value=math.nan, n=len(array), k=self._k, estimator=self._truth.estimator
            )
        return self._truth.information(array, self._metric)
