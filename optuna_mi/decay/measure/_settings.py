"""What the settings of a curve mean for the data at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from optuna_mi._checks import flag, one_of, whole
from optuna_mi._logging import get_logger
from optuna_mi.decay.measure.reading._sequences import Sequences
from optuna_mi.information._entropy import Estimator, check_estimator

_logger = get_logger(__name__)

Boundary = Literal["within", "concatenate"]
Positions = Literal["auto", "pooled", "conditional"]
Baseline = Literal["auto", "shuffle", "within", "across"]
Values = Literal["auto", "symbols", "bins", "ksg"]

# Conditional curves need so many aligned sequences, and so many per symbol: with fewer the table of
# K x K counts of each pair of positions is nearly empty, and the floor high. A choice.
_ENOUGH_SEQUENCES, _ENOUGH_PER_SYMBOL = 100, 4


@dataclass(frozen=True)
class Settings:
    """How a curve of symbols is estimated."""

    estimator: Estimator
    conditional: bool
    baseline: Literal["shuffle", "within", "across"] | None
    n_surrogates: int
    seed: int
    n_threads: int
    progress: bool


def check_names(**given: Any) -> None:
    """Raise if a setting has a value that it does not know.

    Raises:
        ValueError: If one has.
    """
    allowed: dict[str, tuple[str | None, ...]] = {
        "boundary": ("within", "concatenate"),
        "positions": ("auto", "pooled", "conditional"),
        "baseline": ("auto", "shuffle", "within", "across", None),
        "values": ("auto", "symbols", "bins", "ksg"),
    }
    check_estimator(given.pop("estimator"))
    for name, value in given.items():
        one_of(name, value, allowed[name])


# Below these a setting has no meaning (two bins, one neighbour), or no error (ten samples).
_LEAST = {"seed": 0, "n_bins": 2, "difference": 0, "k": 1, "n_samples": 10, "n_surrogates": 1}


def check_numbers(**given: int | None) -> None:
    """Raise if a setting is no integer, or too small; ``n_surrogates`` may be ``None``.

    Raises:
        TypeError: If one is no integer.
        ValueError: If one is too small.
    """
    for name, value in given.items():
        if not (name == "n_surrogates" and value is None):
            whole(name, value, _LEAST[name])


def check_flags(**given: bool) -> None:
    """Raise if a setting is neither True nor False.

    Raises:
        TypeError: If one is not.
    """
    for name, value in given.items():
        flag(name, value)


# settings that nearest neighbours do not have, the values that ask for nothing, and the remedy
_NOT_BY_NEIGHBOURS: dict[str, tuple[tuple[Any, ...], str]] = {
    "estimator": (("grassberger",), "it is an estimator itself; leave estimator out"),
    "boundary": (("within",), "join the sequences yourself: np.concatenate(sequences)"),
    "positions": (("auto", "pooled"), "it pools positions; values='bins' can keep them apart"),
    "baseline": (
        ("auto", "shuffle", "within", None),
        "it knows no positions",
    ),
    "early_stop": ((False,), "it measures all lags; give those you want, or max_lag"),
    "checkpoint": ((None,), "it keeps none; leave checkpoint out"),
}


def check_neighbours(**given: Any) -> None:
    """Raise if a setting asks for what ``values="ksg"`` cannot do.

    Raises:
        ValueError: If one does.
    """
    for name, value in given.items():
        possible, remedy = _NOT_BY_NEIGHBOURS[name]
        if value not in possible:
            raise ValueError(f"values='ksg' cannot take {name}={value!r}: {remedy}")


def is_conditional(sequences: Sequences, positions: Positions) -> bool:
    """Return whether MI is conditional on the position.

    Raises:
        ValueError: If it was asked for and the sequences are not aligned.
    """
    enough = max(_ENOUGH_SEQUENCES, _ENOUGH_PER_SYMBOL * sequences.n_symbols)
    if positions == "conditional":
        if sequences.steps is None:
            raise ValueError(
                "positions='conditional' needs two or more sequences of the same length and "
                f"boundary='within', got {sequences.n_sequences} sequence(s); use "
                "positions='pooled'"
            )
        if sequences.n_sequences < enough:
            _logger.warning(
                f"{sequences.n_sequences} sequences are few for the MI of every pair of positions "
                f"of {sequences.n_symbols} symbols; {enough} would do"
            )
        return True
    return positions == "auto" and sequences.is_aligned and sequences.n_sequences >= enough


def baseline_method(
    sequences: Sequences, baseline: Baseline | None, conditional: bool
) -> Literal["shuffle", "within", "across"] | None:
    """Return how order is destroyed.

    Raises:
        ValueError: If the way asked for does not suit the data.
    """
    if baseline is None:
        return None
    if baseline == "auto":
        return "across" if conditional or sequences.is_aligned else "shuffle"
    if baseline == "across" and sequences.steps is None:
        raise ValueError(
            "baseline='across' pairs the same positions of different sequences: it needs two or "
            "more of the same length and boundary='within'; use baseline='shuffle'"
        )
    if baseline == "within" and sequences.n_sequences < 2:
        raise ValueError(
            "baseline='within' puts the symbols of each sequence in random order: it needs two or "
            "more and boundary='within', got 1; use baseline='shuffle'"
        )
    if baseline in ("shuffle", "within") and conditional:
        raise ValueError(
            "with positions='conditional' the baseline is 'across': a shuffle would mix the "
            "positions that are to be kept apart"
        )
    return baseline


def surrogate_count(n_surrogates: int | None, method: str | None) -> int:
    """Return how many surrogates show the noise; method is ``"ksg"`` for neighbours."""
    if method is None:
        return 0
    if n_surrogates is None:
        return {"shuffle": 2, "within": 4}.get(method, 1)
    return int(n_surrogates)
