"""The decay curve of a user's data."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._logging import get_logger
from optuna_mi.decay._conditional_curve import conditional_curve
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay._engine import resolve_threads
from optuna_mi.decay._lags import choose_lags
from optuna_mi.decay._pooled_curve import pooled_curve
from optuna_mi.decay._read import read_symbols
from optuna_mi.decay._sequences import Sequences
from optuna_mi.information._entropy import Estimator, check_estimator

_logger = get_logger(__name__)

Boundary = Literal["within", "concatenate"]
Positions = Literal["auto", "pooled", "conditional"]
Baseline = Literal["auto", "shuffle", "across"]

# aligned sequences below which a table of K * K counts a position says too little
_ENOUGH_SEQUENCES, _ENOUGH_PER_SYMBOL = 100, 4


def decay_curve(
    x: Any,
    *,
    max_lag: int | None = None,
    lags: Literal["all", "log"] | npt.ArrayLike | None = None,
    estimator: Estimator = "grassberger",
    boundary: Boundary = "within",
    positions: Positions = "auto",
    baseline: Baseline | None = "auto",
    n_surrogates: int | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    progress: bool = False,
) -> DecayCurve:
    """Measure how the mutual information of two symbols of a sequence decays with their distance.

    Args:
        x: One sequence (1-D array, bytes, str, pandas column, path of a ``.npy`` file), aligned
            sequences (array of shape (sequences, steps)) or sequences of any lengths (a list).
        max_lag: Longest distance; by default the last step of aligned sequences, or a tenth of
            one sequence, at most 16,384.
        lags: ``"all"``, ``"log"`` (all below 64, then 16 an octave) or the distances themselves;
            by default all of them where that takes seconds.
        estimator: Entropy estimator: ``"grassberger"``, ``"miller-madow"`` or ``"plugin"``.
        boundary: ``"within"``: no pair crosses from one sequence into the next;
            ``"concatenate"``: all sequences are one.
        positions: ``"conditional"``: the mean over t of the MI of positions t and t + d of aligned
            sequences; ``"pooled"``: of all pairs at a distance. By default conditional for
            aligned sequences when there are enough of them.
        baseline: ``"shuffle"``: the symbols in random order; ``"across"``: the same positions of
            different sequences; ``None``: none, and no floor. By default across for aligned
            sequences, else shuffle.
        n_surrogates: Data sets without order that the baseline averages; 2 for shuffle, 1 for
            across by default.
        seed: Seed of the surrogates.
        n_threads: Threads; by default one for each processor.
        progress: Whether to show a progress bar.

    Returns:
        The curve, in nats.

    Raises:
        TypeError: If the symbols are not integers or characters.
        ValueError: If the input or a setting makes no sense; the message says what and why.
        FileNotFoundError: If x is the path of no file.

    Note:
        Source: [MK20] §3; shared conventions in the guide, "Decay curves".

    Example:
        >>> import numpy as np
        >>> x = np.cumsum(np.random.default_rng(0).integers(0, 2, 5000)) % 4
        >>> curve = decay_curve(x, max_lag=20)
        >>> len(curve), bool(curve.mi_corrected[0] > 0.6)
        (20, True)
    """
    check_estimator(estimator)
    for name, value, allowed in (
        ("boundary", boundary, ("within", "concatenate")),
        ("positions", positions, ("auto", "pooled", "conditional")),
        ("baseline", baseline, ("auto", "shuffle", "across", None)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
    threads = resolve_threads(n_threads)
    sequences = read_symbols(x)
    if boundary == "concatenate":
        sequences = sequences.concatenated()
    wanted = choose_lags(sequences, lags, max_lag)
    conditional = _is_conditional(sequences, positions)
    method = _baseline_method(sequences, baseline, conditional)
    surrogates = _count_surrogates(n_surrogates, method)
    if conditional:
        columns = conditional_curve(
            sequences,
            wanted,
            estimator=estimator,
            n_surrogates=surrogates,
            seed=seed,
            n_threads=threads,
            progress=progress,
        )
    else:
        columns = pooled_curve(
            sequences,
            wanted,
            estimator=estimator,
            baseline=method,
            n_surrogates=surrogates,
            seed=seed,
            n_threads=threads,
            progress=progress,
        )
    return DecayCurve(
        lags=wanted,
        **columns,
        sequence_length=sequences.longest,
        n_sequences=sequences.n_sequences,
        n_symbols=sequences.n_symbols,
        n_total=sequences.n_total,
        estimator=estimator,
        boundary=boundary,
        positions="conditional" if conditional else "pooled",
        baseline_method=method,
        seed=seed if method else None,
        notes=(*sequences.notes, *_short_sequences(sequences, int(wanted[-1]))),
    )


def _is_conditional(sequences: Sequences, positions: Positions) -> bool:
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
    return positions == "auto" and sequences.steps is not None and sequences.n_sequences >= enough


def _baseline_method(
    sequences: Sequences, baseline: Baseline | None, conditional: bool
) -> Literal["shuffle", "across"] | None:
    if baseline is None:
        return None
    if baseline == "auto":
        return "across" if sequences.steps is not None else "shuffle"
    if baseline == "across" and sequences.steps is None:
        raise ValueError(
            "baseline='across' pairs the same positions of different sequences: it needs two or "
            "more of the same length and boundary='within'; use baseline='shuffle'"
        )
    if baseline == "shuffle" and conditional:
        raise ValueError(
            "with positions='conditional' the baseline is 'across': a shuffle would mix the "
            "positions that are to be kept apart"
        )
    return baseline


def _count_surrogates(n_surrogates: int | None, method: str | None) -> int:
    if method is None:
        return 0
    if n_surrogates is None:
        return 2 if method == "shuffle" else 1
    whole = isinstance(n_surrogates, int | np.integer) and not isinstance(n_surrogates, bool)
    if not whole or n_surrogates < 1:
        raise ValueError(
            f"n_surrogates must be an integer of at least 1, got {n_surrogates!r}; for no baseline "
            "use baseline=None"
        )
    return int(n_surrogates)


def _short_sequences(sequences: Sequences, last_lag: int) -> tuple[str, ...]:
    short = int((sequences.lengths <= last_lag).sum())
    if short == 0:
        return ()
    return (
        f"{short:,} of {sequences.n_sequences:,} sequences are not longer than the last lag "
        f"{last_lag:,} and drop out at the lags they are too short for",
    )
