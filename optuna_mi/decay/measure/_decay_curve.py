"""The decay curve of a user's data."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy.typing as npt

from optuna_mi._checks import new_file, shown
from optuna_mi._threads import resolve_threads
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure._lags import choose_lags
from optuna_mi.decay.measure._neighbours_curve import curve_by_neighbours
from optuna_mi.decay.measure._resumable import columns_in_waves, columns_of
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
from optuna_mi.decay.measure.noise._composition import composition_note
from optuna_mi.decay.measure.reading._real import rank_correlation
from optuna_mi.decay.measure.reading._values import read_series, to_symbols
from optuna_mi.decay.measure.shards._curve_of_shards import curve_of_shards, is_in_parts
from optuna_mi.information._entropy import Estimator


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
    symbols: Any = None,
) -> DecayCurve:
    """Measure how the mutual information of two symbols of a sequence decays with their distance.

    Args:
        x: One sequence (1-D array, bytes, str, pandas column, ``pathlib.Path`` of a ``.npy`` file,
            which is memory-mapped), aligned sequences (array of shape (sequences, steps)), or
            sequences of any lengths (a list of arrays, of pandas columns, of str, of bytes or of
            lists of tokens; a str in a list is a sequence of characters, the tokens of one
            sequence go into an array: ``np.array(text.split())``), or a panel of series (DataFrame
            with the columns unique_id, ds and y; polars' too). Or data larger than memory, in
            parts: `Shards`, a ``pathlib.Path`` of a folder of them, an iterator of sequences, or a
            Dask bag or array; see the how-to "A corpus larger than memory".
        max_lag: Longest distance; by default the last step of aligned sequences, or a tenth of
            one sequence (a third, up to 1,200, of a short one), at most 16,384.
        lags: ``"all"``, ``"log"`` (all below 64, then 16 per octave) or the distances themselves;
            by default all of them where that takes seconds, else the first
            ones, 16 per octave beyond, and where a cheap look at all lags shows a peak.
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
        values: ``"symbols"``: integers and characters only, whose order means nothing;
            ``"bins"``: real values are cut into quantile bins, each series of a panel into its own;
            ``"ksg"``: real values, or vectors of shape (sequences, steps, features), by nearest
            neighbours, which have no estimator, boundary, positions, early_stop or checkpoint to
            choose, nor the baseline across; ``"auto"``: bins for floats and for signed
            integers that measure something (many values, near each other at some small distance:
            loads, sales), symbols else.
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
        symbols: Of data in parts, the alphabet: the number K of symbols 0..K-1, a str of all
            characters, or a list of integers or of tokens. By default all parts are read once more,
            before they are counted, to find it.

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
        >>> import numpy as np
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
    if is_in_parts(x):
        return curve_of_shards(
            x,
            symbols=symbols,
            max_lag=max_lag,
            lags=lags,
            boundary=boundary,
            n_threads=threads,
            progress=progress,
            refused={
                "values": values,
                "positions": positions,
                "baseline": baseline,
                "early_stop": early_stop,
                "checkpoint": checkpoint,
                "difference": difference,
                "detrend": detrend,
                "freq": freq,
            },
            estimator=estimator,
            baseline=None if baseline is None else "shuffle",
            n_surrogates=n_surrogates,
            seed=seed,
        )
    if symbols is not None:
        raise ValueError(
            f"symbols={shown(symbols)} names the alphabet of data in parts; of data in memory it "
            "is found: leave it out, or pass Shards([...])"
        )
    series = read_series(x, values, freq=freq, difference=difference, detrend=detrend)
    if values == "ksg":
        return curve_by_neighbours(
            series,
            lags="log" if lags is None else lags,
            max_lag=max_lag,
            k=k,
            n_samples=n_samples,
            n_surrogates=0 if baseline is None else surrogate_count(n_surrogates, "ksg"),
            within=baseline == "within",
            seed=seed,
            n_threads=threads,
            progress=progress,
        )
    sequences, series = to_symbols(series, n_bins)
    if boundary == "concatenate":
        sequences = sequences.concatenated()
    wanted = choose_lags(sequences, lags, max_lag)
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
    notes = series.notes
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
    if series.has_order and values != "symbols" and not conditional:
        numbers = series.values if series.is_real else sequences.numbers()
        columns["correlation"] = rank_correlation(numbers, sequences.offsets, wanted)
    return DecayCurve(
        lags=wanted,
        **columns,
        sequence_length=sequences.longest,
        n_sequences=sequences.n_sequences,
        n_symbols=sequences.n_symbols,
        n_total=sequences.n_total if series.panel is None else len(series.panel.rows),
        estimator=estimator,
        boundary=boundary,
        positions="conditional" if conditional else "pooled",
        baseline_method=method,
        seed=seed if method else None,
        notes=notes + sequences.notes_about_short_ones(int(wanted[-1])),
    )
