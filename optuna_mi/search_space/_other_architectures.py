"""The same space read for other architectures: what spans time there instead of a dilation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex

from optuna_mi._attributes import DILATIONS_ATTR
from optuna_mi._checks import whole, wholes
from optuna_mi.search_space._check_arguments import check_trial, setting_value
from optuna_mi.search_space._format import format_dilations
from optuna_mi.search_space._space import check_space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from optuna_mi.search_space._space import DilationSpace


@dataclass(frozen=True)
class TCNShape:
    """The time scales of a temporal convolutional network.

    Attributes:
        kernel_size: Taps of every convolution.
        dilations: Dilation of each block, strictly increasing.
        receptive_field: Steps of input that one output sees.
    """

    kernel_size: int
    dilations: tuple[int, ...]
    receptive_field: int


def tcn_shape(
    space: DilationSpace,
    params: Mapping[str, Any],
    kernel_size: int,
    *,
    convolutions_per_block: int = 2,
) -> TCNShape:
    """Return the TCN whose receptive field just covers a setting's largest distance.

    A causal convolution of ``k`` taps reaches ``k - 1`` dilations back, where a recurrent layer
    reaches one: the largest dilation shrinks until the whole stack reaches as far as the setting's
    ``max_dilation``. The proportions among the segments stay the setting's; layers go only where
    even 1, 2, 3, … would reach further.

    Args:
        space: The dilation space.
        params: A setting of it.
        kernel_size: Taps of every convolution, at least 2.
        convolutions_per_block: Convolutions that share a block's dilation.

    Raises:
        ValueError: If the kernel or the block is too small.

    Example:
        >>> from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
        >>> space = DilationSpace(
        ...     DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(32, 128, 64), max_layers=7
        ... )
        >>> tcn_shape(space, {"n_layers_0": 5, "max_dilation": 62}, kernel_size=2)
        TCNShape(kernel_size=2, dilations=(1, 2, 4, 8, 16), receptive_field=63)
    """
    check_space(space)
    kernel_size = whole("kernel_size", kernel_size, 2)
    convolutions_per_block = whole("convolutions_per_block", convolutions_per_block, 1)
    space.dilations(params)  # refuses what is no setting
    reach = setting_value("max_dilation", params["max_dilation"])
    per_step = convolutions_per_block * (kernel_size - 1)

    def stack(largest: int) -> tuple[int, ...]:
        return space.dilations({**params, "max_dilation": largest})

    # The reach of a stack grows with its largest dilation, so halving intervals finds the first.
    low, high = 1, reach
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if per_step * sum(stack(middle)) >= reach else (middle + 1, high)
    dilations = stack(low)
    return TCNShape(kernel_size, dilations, 1 + per_step * sum(dilations))


def suggest_tcn(
    trial: BaseTrial,
    space: DilationSpace,
    *,
    kernel_size: tuple[int, int] | int = (2, 7),
    convolutions_per_block: int = 2,
) -> TCNShape:
    """Suggest the kernel size and dilations of a temporal convolutional network.

    Asks for the space's own parameters, so that the samplers of optuna_mi start at the data's
    recommendation, and for ``kernel_size``. ``max_dilation`` stands for the distance that the
    receptive field must cover. The trial's user attributes ``dilations`` and ``receptive_field``
    tell the outcome.

    Args:
        trial: A trial of any study, under any sampler.
        space: The dilation space of the data.
        kernel_size: Smallest and largest kernel size to search, or a fixed one.
        convolutions_per_block: Convolutions that share a block's dilation.

    Returns:
        The network's shape.
    """
    check_space(space)
    whole("convolutions_per_block", convolutions_per_block, 1)
    if isinstance(kernel_size, SupportsIndex):
        sizes: tuple[int, ...] = (whole("kernel_size", kernel_size, 2),)
    else:
        sizes = wholes("kernel_size", kernel_size, 2)
        if len(sizes) != 2 or sizes[0] > sizes[1]:
            raise ValueError(f"kernel_size must be (smallest, largest) or one size, got {sizes}")
    params = space.suggest_params(trial)
    taps = sizes[0] if len(sizes) == 1 else trial.suggest_int("kernel_size", *sizes)
    shape = tcn_shape(space, params, taps, convolutions_per_block=convolutions_per_block)
    trial.set_user_attr(DILATIONS_ATTR, format_dilations(shape.dilations))
    trial.set_user_attr("receptive_field", shape.receptive_field)
    return shape


def suggest_window(trial: BaseTrial, space: DilationSpace, *, multiple_of: int = 1) -> int:
    """Suggest how many steps of the past a model looks at or is trained through.

    For the window of an attention layer or the length of truncated backpropagation through time: a
    window of ``max_dilation + 1`` steps holds every pair of steps that are that far apart. Asks
    only for the space's parameter ``max_dilation``; the trial's user attribute ``window`` tells
    the outcome.

    Args:
        trial: A trial of any study, under any sampler.
        space: The dilation space of the data.
        multiple_of: Round the window up to a multiple, as kernels like it; to the largest one
            within the training window where the space has one and the next would exceed it.

    Returns:
        The window in steps, never longer than the space's training window.

    Raises:
        ValueError: If ``multiple_of`` is not positive, or no multiple fits into the training
            window.

    Example:
        >>> import optuna
        >>> from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
        >>> space = DilationSpace(
        ...     DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(32, 128, 64), max_layers=7
        ... )
        >>> trial = optuna.trial.FixedTrial(space.recommended)
        >>> suggest_window(trial, space), suggest_window(trial, space, multiple_of=16)
        (65, 80)
    """
    check_trial(trial)
    check_space(space)
    multiple_of = whole("multiple_of", multiple_of, 1)
    if space.window is not None and multiple_of > space.window:
        raise ValueError(
            f"no multiple of {multiple_of} fits into the space's training window of "
            f"{space.window} steps: lower multiple_of."
        )
    largest = space.max_dilation
    span = trial.suggest_int("max_dilation", largest.low, largest.high, log=True)
    multiples = -(-(span + 1) // multiple_of)
    if space.window is not None:
        multiples = min(multiples, space.window // multiple_of)
    window = multiples * multiple_of
    trial.set_user_attr("window", window)
    return window
