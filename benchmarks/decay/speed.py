"""Time a lag of the decay curve against numpy and the author's code.

Run: python -m benchmarks.decay.speed [--author PATH] [--large]

PATH is a checkout of github silentknight/LM_Analysis with its extension built (python setup.py
build_ext --inplace). Everything runs in one process, in turn, and medians are shown; CPU times are
those of the process, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from benchmarks.decay.reference import data_folder, mnist_images, ptb_letters, ptb_words
from optuna_mi.decay import DecayCurve, analyze_decay, decay_curve
from optuna_mi.decay.measure.counting._engine import PooledEngine
from optuna_mi.decay.measure.reading._read import flatten
from optuna_mi.decay.measure.reading._sequences import encode

REPEATS = 7


def timed(function: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Return the median wall and CPU seconds after one call to warm up."""
    function()
    wall, cpu = [], []
    for _ in range(repeats):
        start, cpu_start = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - cpu_start)
    return statistics.median(wall), statistics.median(cpu)


def row(label: str, wall: float, cpu: float, n_pairs: float) -> None:
    print(
        f"{label:<52} {1e3 * wall:10.2f} ms {1e9 * wall / n_pairs:8.2f} ns/pair "
        f"{1e9 * cpu / n_pairs:8.2f} ns CPU/pair",
        flush=True,
    )


def lags_of(symbols: object, label: str, author: str | None) -> None:
    sequences = encode(*flatten(symbols))
    n, k = sequences.n_total, sequences.n_symbols
    # grouped counting measures errors at 32 lags only: enough lags to show the usual cost
    lags = np.array([1, 2, 5, 10, 20, 50, 100, 1000]) if k < 100 else np.arange(100, 356)
    print(f"\n{label}: {n:,} symbols of {k:,} kinds, {lags.size} lags")
    engine = PooledEngine(sequences, "grassberger")
    for threads in (1, 2):
        wall, cpu = timed(lambda t=threads: engine.run(lags, n_threads=t))
        row(f"{engine.method}, {threads} thread(s)", wall / lags.size, cpu / lags.size, n)
        if threads == 1:
            ours, ours_cpu = wall / lags.size, cpu / lags.size
        else:
            print(f"{'':<52} two threads: {ours / (wall / lags.size):.2f} times one")
    if engine.is_dense:
        codes = sequences.codes[:-7].astype(np.int64) * k + sequences.codes[7:]
        wall, cpu = timed(lambda: np.bincount(codes, minlength=k * k))
        row("numpy.bincount on ready-made codes", wall, cpu, n)
        print(f"{'':<52} ours: {cpu / ours_cpu:.1f} times as fast (CPU)")
    if author:
        sys.path.insert(0, f"{author}/src")
        extension = importlib.import_module("analysis.lddcalc")
        data = sequences.codes.astype(np.uint64)
        lines = np.array([n], dtype=np.uint64)
        wall, cpu = timed(lambda: extension.getJointCounts(data, lines, n, 7, 1), repeats=3)
        row("the author's counts alone", wall, cpu, n)
        print(f"{'':<52} ours, entropies included: {cpu / ours_cpu:.0f} times as fast (CPU)")


def transforms() -> None:
    n, n_lags = 2_000_000, 2048
    lags = np.arange(1, n_lags + 1)
    print(f"\nall lags to {n_lags}, {n:,} symbols, 1 thread")
    for k in (2, 4, 8, 16):
        x = np.random.default_rng(0).integers(0, k, n)
        engine = PooledEngine(encode(*flatten(x)), "grassberger")
        wall, cpu = timed(lambda e=engine: e.run(lags, n_threads=1), repeats=3)
        row(f"K = {k}: {engine.method}", wall, cpu, n * n_lags)
        few = lags[::32]
        direct, direct_cpu = timed(lambda e=engine, f=few: e.run(f, n_threads=1), repeats=3)
        row(f"K = {k}: {engine.method}", 32 * direct, 32 * direct_cpu, n * n_lags)


def mnist() -> None:
    images = mnist_images(data_folder())
    start, cpu = time.perf_counter(), time.process_time()
    curve = decay_curve(images, n_threads=2)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"\nMNIST, 60,000 images, {len(curve)} lags, {curve.positions}, one baseline, 2 threads: "
        f"{seconds:.0f} s (CPU {cpu:.0f} s)"
    )


def large() -> None:
    rng = np.random.default_rng(0)
    n = 100_000_000
    x = np.empty(n, dtype=np.uint8)
    for i in range(0, n, 10_000_000):
        x[i : i + 10_000_000] = rng.integers(0, 27, 10_000_000, dtype=np.uint8)
    lags = np.unique(np.geomspace(1, 1_000_000, 130).astype(np.int64))[:100]
    decay_curve(x[:100_000], lags=[1, 2, 3, 4, 5], n_threads=2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    decay_curve(x, lags=lags, n_threads=2)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / n
    print(
        f"\n1e8 symbols, K = 27, {lags.size} lags, 2 threads, baseline included: {seconds:.1f} s "
        f"(CPU {cpu:.1f} s), peak memory {peak:.2f} bytes a symbol beyond the input"
    )


def analysis() -> None:
    lags = np.arange(1, 1001)
    rng = np.random.default_rng(0)
    mi = 0.5 * np.minimum(lags, 20) ** -2.0 * np.maximum(lags / 20, 1.0) ** -0.8
    curve = DecayCurve(lags, mi + 1e-6 * rng.normal(size=1000), floor=3e-6)
    wall, cpu = timed(lambda: analyze_decay(curve))
    print(f"\nanalysis of a 1,000-lag curve: {wall:.2f} s (CPU {cpu:.2f} s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--author", help="checkout of LM_Analysis, built")
    parser.add_argument("--large", action="store_true", help="MNIST and 1e8 symbols as well")
    arguments = parser.parse_args()
    folder = data_folder()
    lags_of(ptb_letters(folder), "PTB letters", arguments.author)
    lags_of(ptb_words(folder), "PTB words", arguments.author)
    transforms()
    analysis()
    if arguments.large:
        large()
        mnist()


if __name__ == "__main__":
    main()
