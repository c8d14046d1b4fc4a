"""How the main job trains each data set unless told otherwise."""

from __future__ import annotations

import dataclasses

from optuna_mi.datasets import Dataset, LanguageModeling


@dataclasses.dataclass(frozen=True)
class Preset:
    """Budgets and sizes of a search.

    Attributes:
        trials: Trials of the whole study.
        epochs: Epochs per trial.
        steps: Batches per epoch at most; None for the whole training split.
        batch_size: Sequences or parallel streams per batch.
        hidden_size: Units per layer.
        cell: The recurrent cell.
        window: Language modelling: steps through which a gradient flows.
        max_layers: The most layers that a trial may have.
    """

    trials: int = 12
    epochs: int = 8
    steps: int | None = 60
    batch_size: int = 32
    hidden_size: int = 64
    cell: str = "gru"
    window: int = 256
    max_layers: int = 12


_PRESETS = {
    "digits": Preset(20, epochs=20, steps=None, batch_size=64, hidden_size=20),
    "pdigits": Preset(20, epochs=20, steps=None, batch_size=64, hidden_size=20),
    "smnist": Preset(steps=100, batch_size=128, hidden_size=20),
    "psmnist": Preset(steps=100, batch_size=128, hidden_size=20, cell="rnn"),
}


def preset_of(dataset: Dataset) -> Preset:
    """Return the preset of a known data set, or one that fits the length of a user's own."""
    if not isinstance(dataset, LanguageModeling):
        return _PRESETS.get(
            dataset.name, Preset(epochs=20, steps=None, batch_size=16, hidden_size=32)
        )
    preset = Preset()
    # A short text gets fewer parallel streams, so that each still holds a few windows.
    n_windows = len(dataset.train) // preset.window
    return dataclasses.replace(preset, batch_size=min(preset.batch_size, max(1, n_windows // 4)))
