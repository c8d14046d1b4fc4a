"""Verdicts on data without dependence: python -m benchmarks.decay.false_alarms [--share 1.0].

Every law but "none", and every period, is false. There are as many sequences of a size as its cost
allows.
"""

from __future__ import annotations

import argparse
import lzma
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from optuna_mi.decay import analyze_decay, decay_curve

# sequences of each kind and alphabet, by length
COUNTS = {1_000: 40, 10_000: 10, 20_000: 10, 100_000: 3, 1_000_000: 1}
ALPHABETS = (2, 3, 10, 100, 256, 1_000, 4_000, 10_000)
Generate = Callable[[np.random.Generator], Any]


def draws(n_symbols: int, n: int, exponent: float) -> Generate:
    """Symbols of equal frequency, or of Zipf's law."""
    p = np.arange(1.0, n_symbols + 1.0) ** -exponent
    return lambda rng: rng.choice(n_symbols, n, p=p / p.sum())


def compressed(n: int) -> Generate:
    """Bytes of a compressed text of random letters, without the head of the file."""

    def generate(rng: np.random.Generator) -> np.ndarray:
        text = rng.choice(26, 2 * n + 4_000, p=np.arange(26, 0, -1) / 351).astype(np.uint8)
        packed = np.frombuffer(lzma.compress(text.tobytes(), preset=0), dtype=np.uint8)
        return packed[200 : 200 + n]

    return generate


def ragged(n_symbols: int, n: int, exponent: float) -> Generate:
    """A list of sequences of 20 to 2,000 steps."""
    one = draws(n_symbols, n, exponent)

    def generate(rng: np.random.Generator) -> list[np.ndarray]:
        lengths = rng.integers(20, 2_000, max(2, n // 1_000))
        return np.split(one(rng), np.cumsum(lengths)[np.cumsum(lengths) < n])

    return generate


def kinds() -> Iterator[tuple[str, int, Generate, dict[str, Any]]]:
    """Yield name, length, generator and settings."""
    for n in COUNTS:
        for k in ALPHABETS:
            yield f"even, K = {k:,}", n, draws(k, n, 0.0), {}
            yield f"Zipf, K = {k:,}", n, draws(k, n, 1.0), {}
        for k in (2, 100, 4_000):
            yield f"list, even, K = {k:,}", n, ragged(k, n, 0.0), {}
            yield f"list, Zipf, K = {k:,}", n, ragged(k, n, 1.0), {}
        yield "compressed bytes", n, compressed(n), {}
        yield "real values in bins", n, lambda rng, n=n: rng.normal(size=n), {}
        yield (
            "real values in bins, list of ten",
            n,
            lambda rng, n=n: list(rng.normal(size=(10, n // 10))),
            {},
        )
        if n <= 20_000:
            yield "real values, ksg", n, lambda rng, n=n: rng.normal(size=n), {"values": "ksg"}
        for k in (2, 10, 100):
            rows, steps = n // 50, 50
            if rows >= 20:
                one = draws(k, rows * steps, 0.0)
                yield (
                    f"array of {steps} steps, K = {k}",
                    n,
                    lambda rng, one=one: one(rng).reshape(-1, 50),
                    {},
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the sequences of each kind")
    parser.add_argument("--only", default="", help="kinds whose name holds this text")
    parser.add_argument("--longest", type=int, default=max(COUNTS), help="longest sequences")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table: dict[str, dict[int, tuple[int, int]]] = {}
    start = time.process_time()
    for kind, n, generate, settings in kinds():
        if arguments.only not in kind or n > arguments.longest:
            continue
        count, false = max(1, round(COUNTS[n] * arguments.share)), 0
        for i in range(count):
            rng = np.random.default_rng([arguments.seed, n, i])
            analysis = analyze_decay(decay_curve(generate(rng), seed=i, n_threads=1, **settings))
            if analysis.law != "none" or analysis.period is not None:
                false += 1
                print(f"# {kind}, {n:,}, draw {i}: {analysis.law}, {analysis.period}", flush=True)
        print(f"# {kind}, {n:,}: {false} of {count}", flush=True)
        table.setdefault(kind, {})[n] = (false, count)
    sizes = [n for n in COUNTS if n <= arguments.longest]
    print("| kind | " + " | ".join(f"{n:,}" for n in sizes) + " |")
    print("|---|" + "---|" * len(sizes))
    for kind, row in table.items():
        cells = [f"{row[n][0]} of {row[n][1]}" if n in row else "" for n in sizes]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    found = np.array([cell for row in table.values() for cell in row.values()]).sum(axis=0)
    seconds = time.process_time() - start
    print(f"\n{found[0]:,} false verdicts in {found[1]:,} data sets, {seconds:,.0f} s CPU")


if __name__ == "__main__":
    main()
