"""The decay curve of a user's data."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import new_file
from optuna_mi._logging import get_logger
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure._composition import composition_note
from optuna_mi.decay.measure._engine import resolve_threads
from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure._neighbours_curve import ksg_composition_note, ksg_curve
from optuna_mi.decay.measure._panel import Panel, as_pandas, is_panel, read_panel
from optuna_mi.decay.measure._read import (
    encode,
    encode_panel,
    encode_with_gaps,
    flatten,
    flatten_vectors,
    panel_values,
)
from optuna_mi.decay.measure._real import (
    QUANTITIES,
    are_quantities,
    bin_sequences,
    check_finite,
    nonstationary,
    prepare,
    rank_correlation,
)
from optuna_mi.decay.measure._resumable import columns_in_waves, columns_of
from optuna_mi.decay.measure._sequences import Sequences
from optuna_mi.decay.measure._settings import (
    Baseline,
    Boundary,
    Positions,
    Settings,
    Values,
    baseline_method,
    check_flags,
    check_names,
    check_neighbours,
    check_numbers,
    is_conditional,
    surrogate_count,
)
from optuna_mi.information._entropy import Estimator

_logger = get_logger(__name__)


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
    values: Values = "auto",
    n_bins: int = 8,
    difference: int = 0,
    detrend: bool = False,
    k: int = 3,
    n_samples: int = 2000,
    early_stop: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    freq: str | int | None = None,
) -> DecayCurve:
    """Measure how the mutual information of two symbols of a sequence decays with their distance.

    Args:
        x: One sequence (1-D array, bytes, str, pandas column, ``pathlib.Path`` of a ``.npy`` file,
            which is memory-mapped), aligned sequences (array of shape (sequences, steps)), or
            sequences of any lengths (a list of arrays, of pandas columns, of str, of bytes or of
            lists of tokens; a str in a list is a sequence of characters, the tokens of one
            sequence go into an array: ``np.array(text.split())``), or a panel of series (DataFrame
            with the columns unique_id, ds and y; polars' too).
        max_lag: Longest distance; by default the last step of aligned sequences, or a tenth of
            one sequence (a third, up to 1,200, of a short one), at most 16,384.
        lags: ``"all"``, ``"log"`` (all below 64, then 16 an octave) or the distances themselves;
            by default all of them where that takes seconds, else the first
            ones, 16 an octave beyond, and where a cheap look at all lags shows a peak.
        estimator: Entropy estimator: ``"grassberger"``, ``"miller-madow"`` or ``"plugin"``.
        boundary: ``"within"``: no pair crosses from one sequence into the next;
            ``"concatenate"``: all sequences are one.
        positions: ``"conditional"``: the mean over t of the MI of positions t and t + d of aligned
            sequences; ``"pooled"``: of all pairs at a distance. By default conditional for
            aligned sequences when there are enough of them.
        baseline: ``"shuffle"``: the mean over all orders of the symbols, which is computed;
            ``"within"``: the symbols of each sequence in random order, so that what sequences
            consist of is no dependence; ``"across"``: the same positions of different sequences;
            ``None``: none, and no floor. By default across for aligned sequences, else shuffle,
            and a note where within would leave much less.
        n_surrogates: Data sets without order: those that the baseline averages, by default 1 for
            across and with ``values="ksg"``, 4 for within; for shuffle those that show how much
            more noise a sequence's memory makes, by default 2.
        seed: Seed of the surrogates.
        n_threads: Threads; by default one for each processor.
        progress: Whether to show a progress bar.
        values: ``"symbols"``: integers and characters only; ``"bins"``: real values are cut into
            quantile bins, each series of a panel into its own; ``"ksg"``: real values, or vectors
            of shape (sequences, steps, features), by nearest neighbours, which have no estimator,
            boundary, positions, early_stop or checkpoint to choose, nor the baseline across;
            ``"auto"``: bins for floats and for signed integers that measure something (many values,
            near each other at some small distance: loads, sales), symbols else.
        n_bins: Number of quantile bins.
        difference: How often to difference real series first.
        detrend: Whether to take a straight line from each real series first.
        k: Nearest neighbours, with ``values="ksg"``.
        n_samples: Pairs drawn at a lag, with ``values="ksg"``.
        early_stop: Stop when the corrected curve has stayed below the floor for a decade of lags.
            Where it does, the baseline and floor of a shuffle are those of the lags measured; else
            the curve is the same as without.
        checkpoint: File in which counted lags are kept: a run that was interrupted goes on from
            it, to the same curve. Where Fourier transforms count all lags at once, all are kept
            at once. Without it nothing is written.
        freq: Of a panel, the step between its times: pandas' name ("D", "MS", …), or a number where
            times are numbers. By default each series' own. Pairs are taken by time: a step without
            a row is no neighbour of any.

    Returns:
        The curve, in nats.

    Raises:
        TypeError: If the symbols are not integers or characters, or types are mixed.
        ValueError: If the input or a setting makes no sense; the message says what and why.
        FileNotFoundError: If x is the path of no file.

    Warns:
        UserWarning: If real series look like random walks or trends, whose MI says nothing about
            dependence; or if steps of a panel have no value.

    Note:
        Source: [MK20] §3; conventions and choices in the explanation "Decay curves".

    Example:
        >>> x = np.cumsum(np.random.default_rng(0).integers(0, 2, 5000)) % 4
        >>> curve = decay_curve(x, max_lag=20)
        >>> len(curve), bool(curve.mi_corrected[0] > 0.6)
        (20, True)
    """
    check_names(
        estimator=estimator,
        boundary=boundary,
        positions=positions,
        baseline=baseline,
        values=values,
    )
    if values == "ksg":
        check_neighbours(
            estimator=estimator,
            boundary=boundary,
            positions=positions,
            baseline=baseline,
            early_stop=early_stop,
            checkpoint=checkpoint,
        )
    threads = resolve_threads(n_threads)
    check_numbers(
        seed=seed,
        n_bins=n_bins,
        difference=difference,
        k=k,
        n_samples=n_samples,
        n_surrogates=n_surrogates,
    )
    check_flags(progress=progress, detrend=detrend, early_stop=early_stop)
    if checkpoint is not None:
        checkpoint = new_file("checkpoint", checkpoint)
    x = as_pandas(x)
    panel = read_panel(x, freq) if is_panel(x) else None
    if panel is not None:
        raw, offsets = panel_values(panel), panel.offsets
    elif freq is not None:
        raise ValueError(
            f"freq={freq!r} names the step of a panel's times: pass a DataFrame with the columns "
            "unique_id, ds and y"
        )
    else:
        raw, offsets = flatten_vectors(x) if values == "ksg" else flatten(x)
    if raw.size == 0:
        raise ValueError("there are no symbols: the input is empty, give at least two")
    real = raw.dtype.kind == "f"
    if real and values == "symbols":
        raise TypeError(
            f"symbols must be integers, got dtype {raw.dtype}; round them yourself, or cut real "
            "values into bins with values='bins'"
        )
    notes: tuple[str, ...] = ()
    if panel is not None and panel.note:
        notes = (panel.note,)
        warnings.warn(panel.note, stacklevel=2)
    clock = None
    if panel is not None and panel.n_missing and raw.dtype.kind in "iuf":
        clock = panel.on_the_clock(raw.astype(np.float64), np.nan)
    if values == "auto" and are_quantities(raw, offsets, clock):
        values = "bins"
        notes += (QUANTITIES,)
        _logger.info(QUANTITIES)
    if real or values in ("bins", "ksg"):
        raw, offsets, more = _real(raw, offsets, difference, detrend, panel)
        notes += more
    elif difference or detrend:
        raise ValueError("difference and detrend are for real values; pass them as floats")
    if values == "ksg":
        return _by_neighbours(
            raw,
            offsets,
            lags="log" if lags is None else lags,
            max_lag=max_lag,
            k=k,
            n_samples=n_samples,
            n_surrogates=0 if baseline is None else surrogate_count(n_surrogates, "ksg"),
            each=panel is not None,
            within=baseline == "within",
            seed=seed,
            n_threads=threads,
            progress=progress,
            notes=notes,
        )
    is_real = raw.dtype.kind == "f"
    if is_real:
        raw = bin_sequences(raw, offsets, n_bins, each=panel is not None)
        notes += (f"real values cut into {int(raw.max()) + 1} quantile bins",)
    if panel is None:
        sequences = encode(raw, offsets)
    elif is_real:
        sequences = replace(encode_with_gaps(raw, offsets), is_panel=True)
    else:
        sequences = encode_panel(raw, panel)
    if boundary == "concatenate":
        sequences = sequences.concatenated()
    wanted = choose_lags(sequences, lags, max_lag)
    if sequences.has_gaps:
        wanted = _with_pairs(sequences, wanted)
    conditional = is_conditional(sequences, positions)
    method = baseline_method(sequences, baseline, conditional)
    settings = Settings(
        estimator=estimator,
        conditional=conditional,
        baseline=method,
        n_surrogates=surrogate_count(n_surrogates, method),
        seed=seed,
        n_threads=threads,
        progress=progress,
    )
    if early_stop and method is None:
        raise ValueError("early_stop needs a baseline: without one there is no floor to stay below")
    if early_stop or checkpoint is not None:
        wanted, columns, more = columns_in_waves(
            sequences, wanted, settings, early_stop=early_stop, checkpoint=checkpoint
        )
        notes += more
    else:
        columns = columns_of(sequences, wanted, settings)
    if method in ("shuffle", "across") and sequences.n_sequences > 1:
        corrected = columns["mi"] - columns["baseline"]
        notes += composition_note(sequences, wanted, corrected, settings)
    if is_real and not conditional:
        bins = np.where(raw < 0, np.nan, raw)  # a gap has no bin
        columns["correlation"] = rank_correlation(bins, sequences.offsets, wanted)
    return DecayCurve(
        lags=wanted,
        **columns,
        sequence_length=sequences.longest,
        n_sequences=sequences.n_sequences,
        n_symbols=sequences.n_symbols,
        n_total=sequences.n_total if panel is None else len(panel.rows),
        estimator=estimator,
        boundary=boundary,
        positions="conditional" if conditional else "pooled",
        baseline_method=method,
        seed=seed if method else None,
        notes=(*notes, *_short_sequences(sequences, int(wanted[-1]))),
    )


def _with_pairs(sequences: Sequences, lags: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the lags at which gaps leave a pair."""
    found = lags[sequences.n_pairs(lags) > 0]
    if found.size == 0:
        raise ValueError(
            "the missing steps leave no pair at any of the lags: give other lags, or freq= for the "
            "step that the times keep"
        )
    return found


def _real(
    raw: npt.NDArray[Any],
    offsets: npt.NDArray[np.int64],
    difference: int,
    detrend: bool,
    panel: Panel | None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], tuple[str, ...]]:
    series = check_finite(raw)
    if panel is not None and panel.n_missing:
        series, offsets = panel.on_the_clock(series, np.nan)
    series, offsets = prepare(series, offsets, difference=difference, detrend=detrend)
    if series.ndim > 1:
        return series, offsets, ()
    walks, trends, tested = nonstationary(series, offsets)
    if 2 * (walks + trends) <= tested:
        return series, offsets, ()
    what, remedy = (
        ("a random walk", "difference=1") if walks >= trends else ("a trend", "detrend=True")
    )
    note = (
        f"{walks + trends} of {tested} series tested look like {what}: its MI at any distance says "
        f"nothing about dependence; use {remedy}"
    )
    warnings.warn(note, stacklevel=3)
    return series, offsets, (note,)


def _by_neighbours(
    series: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    *,
    lags: Any,
    max_lag: int | None,
    notes: tuple[str, ...],
    **settings: Any,
) -> DecayCurve:
    # what the lags depend on: lengths, no symbols
    shape = Sequences(np.broadcast_to(np.uint8(0), len(series)), offsets, 1, 1)
    wanted = choose_lags(shape, lags, max_lag)
    columns = ksg_curve(series, offsets, wanted, **settings)
    method = None
    if "baseline" in columns:
        method = "within" if settings["within"] else "shuffle"
    if method == "shuffle":
        notes += ksg_composition_note(series, offsets, wanted, columns, **settings)
    if series.ndim == 1:
        columns["correlation"] = rank_correlation(series, offsets, wanted)
    return DecayCurve(
        lags=wanted,
        **columns,
        sequence_length=shape.longest,
        n_sequences=shape.n_sequences,
        n_total=shape.n_total,
        estimator="ksg",
        boundary="within",
        positions="pooled",
        baseline_method=method,
        seed=settings["seed"],
        notes=(*notes, *_short_sequences(shape, int(wanted[-1]))),
    )


def _short_sequences(sequences: Sequences, last_lag: int) -> tuple[str, ...]:
    short = int((sequences.lengths <= last_lag).sum())
    if short == 0:
        return ()
    return (
        f"{short:,} of {sequences.n_sequences:,} sequences are not longer than the last lag "
        f"{last_lag:,} and drop out at the lags they are too short for",
    )
