"""Kinds whose verdict is more than a law: single distances, long periods, spans, walks."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from optuna_mi.decay import DecayAnalysis, analyze_decay, decay_curve
from optuna_mi.search_space import DilationSpace


def analysed(x: np.ndarray, seed: int) -> DecayAnalysis:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return analyze_decay(decay_curve(x, seed=seed))


def _delays(wanted: set[int], analysis: DecayAnalysis) -> str:
    """Return "named and reached" if all are among the delays, or the period, and the dilations."""
    named = {d.distance for d in analysis.delays} | {analysis.period}
    space = DilationSpace.from_analysis(analysis)
    reached = set(space.dilations(space.recommended))
    if wanted <= named & reached:
        return "named and reached"
    return f"{analysis.law}, {sorted(d for d in named if d)} for {sorted(wanted)}"


def echoes(distances: list[int], strengths: list[float], n: int, seed: int) -> np.ndarray:
    """White noise and itself, so many steps later."""
    noise = np.random.default_rng(seed).normal(size=n)
    out = noise.copy()
    for distance, strength in zip(distances, strengths, strict=True):
        out[distance:] += strength * noise[:-distance]
    return out


def copied(n: int, distance: int, share: float, n_symbols: int, seed: int) -> np.ndarray:
    """Independent symbols of which a share are those of so many steps ago."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, n_symbols, n)
    out = x.copy()
    out[distance:] = np.where(rng.random(n - distance) < share, x[:-distance], x[distance:])
    return out


def one_echo(seed: int) -> str:
    rng = np.random.default_rng(seed)
    distance = int(np.exp(rng.uniform(np.log(2), np.log(5000))))
    x = echoes([distance], [float(rng.uniform(0.15, 0.9))], 60_000, seed)
    return _delays({distance}, analysed(x, seed))


def three_echoes(seed: int) -> str:
    rng = np.random.default_rng(seed)
    distances = np.sort(np.exp(rng.uniform(np.log(4), np.log(4000), 3)).astype(int)).tolist()
    x = echoes(distances, [0.6, 0.5, 0.4], 60_000, seed)
    return _delays(set(distances), analysed(x, seed))


def copy_task(seed: int) -> str:
    return _delays({500}, analysed(copied(20_000, 500, 0.3, 8, seed), seed))


def copy_in_a_million(seed: int) -> str:
    rng = np.random.default_rng(seed)
    distance = int(rng.integers(300, 9000))
    return _delays({distance}, analysed(copied(1_000_000, distance, 0.1, 50, seed), seed))


def _period(analysis: DecayAnalysis) -> str:
    return f"{analysis.period}, span {analysis.max_dilation:,}"


def pattern(period: int, n: int, n_symbols: int, noise: float) -> Callable[[int], str]:
    def label(seed: int) -> str:
        rng = np.random.default_rng(seed)
        x = np.resize(rng.integers(0, n_symbols, period), n)
        wrong = rng.random(n) < noise
        return _period(analysed(np.where(wrong, rng.integers(0, n_symbols, n), x), seed))

    return label


def lines(seed: int) -> str:
    x = np.random.default_rng(seed).integers(0, 20, 1_000_000)
    x[80::81] = 20
    return _period(analysed(x, seed))


def minutes(seed: int) -> str:
    minute = np.arange(1_000_000) / 1440 * 2 * np.pi
    noise = 0.5 * np.random.default_rng(seed).normal(size=minute.size)
    analysis = analysed(np.sin(minute) + 0.4 * np.sin(2 * minute + 1) + noise, seed)
    near = abs((analysis.period or 0) - 1440) <= 5
    return "1440 within 5" if near and analysis.max_dilation == analysis.period else str(analysis)


def load(seed: int) -> str:
    """Hourly demand of half a year to seventeen years: day, week, year and weather."""
    rng = np.random.default_rng(seed)
    hour = np.arange(int(np.exp(rng.uniform(np.log(17_000), np.log(145_000)))))
    day = 20 + 6 * np.sin((hour - 7) / 12 * np.pi) + 3 * np.sin((hour - 4) / 6 * np.pi)
    year = 4 * np.cos(hour / 8766 * 2 * np.pi) * (1 + 0.2 * np.sin(hour / 12 * np.pi))
    weather = 0.3 * lfilter([1], [1, -0.985], rng.normal(size=hour.size))
    noise = 0.5 * rng.normal(size=hour.size)
    demand = day * np.where(hour // 24 % 7 >= 5, 0.85, 1.0) + year + weather + noise
    analysis = analysed(demand, seed)
    return f"{[c.period for c in analysis.periods]}, span {analysis.max_dilation:,}"


def days(seed: int) -> str:
    rng = np.random.default_rng(seed)
    day = np.arange(3652)
    weather = 2 * lfilter([1], [1, -0.8], rng.normal(size=day.size))
    analysis = analysed(10 * np.cos(2 * np.pi * day / 365.25) + weather, seed)
    near = abs((analysis.period or 0) - 365) <= 5
    return (
        "365 within 5" if near and analysis.max_dilation == analysis.period else _period(analysis)
    )


def hum(seed: int) -> str:
    rng = np.random.default_rng(seed)
    length = float(rng.uniform(12, 400))
    x = np.sin(2 * np.pi * np.arange(40_000) / length) + 0.5 * rng.normal(size=40_000)
    analysis = analysed(x, seed)
    near = abs((analysis.period or 0) - length) <= 1 + length / 100
    right = near and analysis.max_dilation == analysis.period
    return "its length" if right else f"{length:.1f}: {_period(analysis)}"


def spots(seed: int) -> str:
    rng = np.random.default_rng(seed)
    cycles: list[np.ndarray] = []
    while sum(map(len, cycles)) < 3300:
        n = int(12 * rng.normal(11.0, 1.1))
        cycles.append(rng.uniform(60, 200) * np.sin(np.linspace(0, np.pi, n)) ** 2)
    mean = np.concatenate(cycles)[:3300]
    x = np.maximum(mean * (1 + 0.25 * rng.normal(size=3300)), 0) + 5 * rng.random(3300)
    analysis = analysed(x, seed)
    return "132 within 8 %" if abs((analysis.period or 0) - 132) <= 10 else _period(analysis)


def rows(seed: int) -> str:
    rng = np.random.default_rng(seed)
    images = [gaussian_filter(rng.normal(size=(32, 32)), 3.0) for _ in range(300)]
    x = np.clip(np.concatenate(images).ravel() * 20 + 8, 0, 15).astype(np.int64)
    return _period(analysed(x, seed))


def wanders(level: Callable[[np.ndarray], np.ndarray]) -> Callable[[int], str]:
    def label(seed: int) -> str:
        noise = np.random.default_rng(seed).normal(size=17_420)
        x = level(noise) + 3 * np.sin(2 * np.pi * np.arange(17_420) / 24)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            decay_curve(x, lags=[1], seed=seed)
        return "warned" if caught else "not warned"

    return label


VERDICTS: dict[str, tuple[str, Callable[[int], str]]] = {
    "one echo, 2 to 5,000 steps later": ("named and reached", one_echo),
    "three echoes, 4 to 4,000 steps": ("named and reached", three_echoes),
    "30 % copied 500 steps later, K = 8": ("named and reached", copy_task),
    "10 % copied in 1e6, K = 50": ("named and reached", copy_in_a_million),
    "pattern of 48 in 260,000, K = 8": ("48, span 48", pattern(48, 260_000, 8, 0.3)),
    "pattern of 168 in 300,000, K = 40": ("168, span 168", pattern(168, 300_000, 40, 0.5)),
    "pattern of 1,440 in 1e6, K = 30": ("1440, span 1,440", pattern(1440, 1_000_000, 30, 0.5)),
    "lines of 81 in 1e6, K = 21": ("81, span 81", lines),
    "minutes of two years": ("1440 within 5", minutes),
    "hours of a grid, 2 to 17 years": ("[24, 168], span 168", load),
    "ten years of days": ("365 within 5", days),
    "hum of 12 to 400 steps": ("its length", hum),
    "a cycle of about 132 months": ("132 within 8 %", spots),
    "images of 32 x 32": ("32, span 32", rows),
    "random walk and a day": ("warned", wanders(lambda w: 0.3 * np.cumsum(w))),
    "price and a day": ("warned", wanders(lambda w: 100 * np.exp(0.01 * np.cumsum(w)))),
    "memory of 0.99 and a day": (
        "not warned",
        wanders(lambda w: np.asarray(lfilter([1], [1, -0.99], w))),
    ),
}
