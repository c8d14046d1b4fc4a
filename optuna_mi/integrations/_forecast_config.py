"""Config functions for neuralforecast's Auto models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from optuna.trial import BaseTrial, FixedTrial

from optuna_mi._checks import instance, one_of
from optuna_mi.integrations._forecast_sampler import ForecastSampler
from optuna_mi.search_space import IntRange
from optuna_mi.search_space._space import check_space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from optuna_mi.search_space import DilationSpace

Groups = Literal["search", "pairs", "one"]

# What the Auto models' own search looks through, without input_size and dilations, which come from
# the data, and without the random seed, which is nothing to select on. The value before the
# choices is the model's own default where it is among them: trial number 0.
_CHOICES: dict[str, dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "DilatedRNN": {
        "cell_type": ("LSTM", ("LSTM", "GRU")),
        "encoder_hidden_size": (128, (16, 32, 64, 128)),
        "decoder_hidden_size": (128, (16, 32, 64, 128)),
        "max_steps": (1000, (500, 1000)),
        "batch_size": (32, (16, 32)),
    },
    "TCN": {
        "encoder_hidden_size": (128, (16, 32, 64, 128)),
        "decoder_hidden_size": (64, (32, 64)),
        "max_steps": (1000, (500, 1000)),
        "batch_size": (32, (16, 32)),
    },
}
_LEARNING_RATE = (1e-3, 1e-4, 1e-1)
_FROM_THE_DATA = ("input_size", "inference_input_size", "dilations")


@dataclass(frozen=True)
class ForecastConfig:
    """A config function: from a trial to a model's keywords.

    Pass it as ``config=`` with ``backend="optuna"``, and its `sampler` as ``search_alg=``.

    Attributes:
        model: ``"DilatedRNN"`` or ``"TCN"``.
        space: The dilation space.
        input_size: Range of the input window in steps; every dilation of the space is below it.
        settings: Keywords of the model that are fixed.
        groups: How dilations are grouped (DilatedRNN): see `ForecastDesign.dilated_rnn`.
    """

    model: Literal["DilatedRNN", "TCN"]
    space: DilationSpace
    input_size: IntRange
    settings: Mapping[str, Any] = field(default_factory=dict)
    groups: Groups = "search"

    def __post_init__(self) -> None:
        one_of("model", self.model, _CHOICES)
        check_space(self.space)
        instance("input_size", self.input_size, IntRange, "an IntRange")
        instance("settings", self.settings, Mapping, "a mapping of the model's keywords")
        one_of("groups", self.groups, ("search", "pairs", "one"))
        refused = [name for name in _FROM_THE_DATA if name in self.settings]
        if refused:
            raise ValueError(
                f"settings must not hold {refused}, which are read off the data; fix the window "
                "with ForecastDesign.from_panel(..., input_size=...)"
            )

    def __call__(self, trial: BaseTrial) -> dict[str, Any]:
        """Return the keywords of the trial's model.

        Args:
            trial: A trial of a study whose sampler need not be ours. The Auto models first call
                their config with a stand-in, which gets the first trial's keywords.
        """
        if not isinstance(trial, BaseTrial):
            trial = FixedTrial({**self.space.recommended, **self.first_trial})
        dilations = list(self.space.suggest(trial))
        config: dict[str, Any] = {"dilations": dilations}
        if self.model == "DilatedRNN":
            groups: str = self.groups
            if groups == "search":
                groups = trial.suggest_categorical("dilation_groups", ("pairs", "one"))
            size = 2 if groups == "pairs" else len(dilations)
            config["dilations"] = [dilations[i : i + size] for i in range(0, len(dilations), size)]
        config["input_size"] = suggest_input_size(trial, self.input_size)
        if "learning_rate" not in self.settings:
            _, low, high = _LEARNING_RATE
            config["learning_rate"] = trial.suggest_float("learning_rate", low, high, log=True)
        for name, (_, choices) in _CHOICES[self.model].items():
            if name not in self.settings:
                config[name] = trial.suggest_categorical(name, choices)
        return config | dict(self.settings)

    @property
    def first_trial(self) -> dict[str, Any]:
        """What trial number 0 takes beside the recommended dilations."""
        first: dict[str, Any] = {"input_size": self.input_size.recommended}
        if self.model == "DilatedRNN":
            first["dilation_groups"] = "pairs"
        first["learning_rate"] = _LEARNING_RATE[0]
        return first | {name: value for name, (value, _) in _CHOICES[self.model].items()}

    def sampler(
        self, base_sampler: BaseSampler | None = None, seed: int | None = None
    ) -> ForecastSampler:
        """Return a sampler for ``search_alg=``.

        Trial number 0 takes the data's dilations and input size and the library's defaults for the
        rest; what follows is `optuna_mi.samplers.MISampler`.

        Args:
            base_sampler: The sampler inside; ``None`` takes TPE.
            seed: Seed of the prior and of the default base sampler.
        """
        return ForecastSampler(self.space, self.first_trial, base_sampler, seed)


def suggest_input_size(trial: BaseTrial, sizes: IntRange) -> int:
    """Ask a trial for the input window in steps."""
    return trial.suggest_int("input_size", sizes.low, sizes.high, log=True)
