"""Tests for random walks and trends, whose MI at any distance says nothing about dependence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The unit-root test looks at so many points at most, which takes milliseconds, and corrects for
# four lagged differences, enough for the short memory that block means leave. Series of fewer than
# 50 steps are too short for its asymptotic points. Choices.
_TESTED, _LAGGED = 200_000, 4
_TESTED_FROM = 50
# A positive series that spans this factor is tested in logarithms, as prices wander by factors.
# A choice: a series that never doubles twice looks the same in both.
_RATIO = 4.0
# Means over 400 blocks are tested: averaging hides noise, and 400 points are enough for the test.
# If blocks are whole cycles, 100 must be left. Ten cycles make a line in a spectrum. Choices, made
# on walks behind a day (95 of 100 warned of) and memory of 0.99 behind a day (0 of 100).
_BLOCKS, _ENOUGH_BLOCKS, _FEWEST_CYCLES = 400, 100, 10
# A line of a spectrum is 25 times the median of 100 frequencies about it: for noise, whose power is
# exponential, that is a chance of 3e-8 per frequency.
_LINE, _BESIDE = 25.0, 100
# MacKinnon's asymptotic points of the augmented Dickey-Fuller test with a constant, and with a
# trend; and of the former where the best slow sine was taken out first, simulated. For short series
# the 5, 5 and 7 % points, as stricter ones take much memory and slow cycles for walks; from so many
# steps and blocks on the 1, 1 and 3 % points.
_POINTS, _POINTS_LONG = (-2.86, -3.41, -4.0), (-3.43, -3.96, -4.7)
# From so many steps and blocks on the stricter points hold: with them 95 of 100 walks and prices
# behind a day are seen, with the others 92 and 90.
_LONG, _MANY_BLOCKS = 1_000, 300


def nonstationary(values: Floats, offsets: Ints) -> tuple[int, int, int]:
    """Return how many sequences look like a random walk, like a trend, and how many were tested.

    Augmented Dickey-Fuller tests of sequences of 50 steps or more, a hundred of them at most: of
    their means over blocks, as noise and cycles, which a random walk may carry, hide it from steps.
    """
    walks = trends = tested = 0
    lengths = np.diff(offsets)
    for s in np.flatnonzero(lengths >= _TESTED_FROM)[:100]:
        part = values[offsets[s] : offsets[s] + min(int(lengths[s]), _TESTED)]
        part = part[np.isfinite(part)]
        if part.size < _TESTED_FROM or np.ptp(part) == 0:
            continue
        tested += 1
        if part.min() > 0 and part.max() > _RATIO * part.min():
            # prices wander by factors
            part = np.log(part)
        steps = part.size
        part = _block_means(part)
        sure = steps >= _LONG and part.size >= _MANY_BLOCKS
        constant, trend, slow = _POINTS_LONG if sure else _POINTS
        if _dickey_fuller(part, trend=False) <= constant:
            continue
        if _dickey_fuller(part, trend=True) <= trend:
            trends += 1
        elif _dickey_fuller(_without_slow_cycle(part), trend=False) > slow:
            walks += 1
    return walks, trends, tested


def _block_means(part: Floats) -> Floats:
    """Return means over four hundred blocks of steps, or of whole cycles.

    Where there are too few cycles for that the mean of every phase is subtracted first.
    """
    cycle, width = _cycle(part), max(1, part.size // _BLOCKS)
    if part.size // cycle >= _ENOUGH_BLOCKS:
        width = -(-width // cycle) * cycle
    else:
        phase = np.arange(part.size) % cycle
        part = part - (np.bincount(phase, part) / np.bincount(phase))[phase]
    n = part.size // width
    return np.asarray(part[part.size - n * width :].reshape(n, width).mean(axis=1))


def _without_slow_cycle(part: Floats) -> Floats:
    """Return what the best sine of half a cycle to ten cycles leaves: a year in some years."""
    turn = 2.0 * np.pi * np.arange(part.size) / part.size
    best = part
    for cycles in np.arange(5, 101) / 10.0:
        columns = np.stack(
            [np.ones(part.size), np.cos(cycles * turn), np.sin(cycles * turn)], axis=1
        )
        rest = part - columns @ np.linalg.lstsq(columns, part, rcond=None)[0]
        best = rest if rest @ rest < best @ best else best
    return best


def _cycle(part: Floats) -> int:
    """Return the longest period that is a line in the spectrum of the steps, or 1.

    Of those that the series holds ten times.
    """
    step = np.diff(part)
    power = np.abs(np.fft.rfft((step - step.mean()) * np.hanning(step.size))) ** 2
    edges = np.arange(0, power.size, _BESIDE)
    medians = [np.median(power[i : i + _BESIDE]) for i in edges]
    beside = np.interp(np.arange(power.size), edges + 0.5 * _BESIDE, medians)
    line = power > _LINE * np.maximum(beside, 1e-12 * power.max())
    line[: _FEWEST_CYCLES - 1] = False
    at = np.flatnonzero(line)
    if not at.size:
        return 1
    # a line is three frequencies wide
    first = at[0] + int(power[at[0] : at[0] + 3].argmax())
    return round(step.size / int(first))


def _dickey_fuller(part: Floats, *, trend: bool) -> float:
    """Return the t statistic of the level in a regression of the next step on it."""
    step = np.diff(part)
    target = step[_LAGGED:]
    n = target.size
    columns = [part[_LAGGED:-1], np.ones(n)]
    columns += [step[_LAGGED - i : -i] for i in range(1, _LAGGED + 1)]
    if trend:
        columns.append(np.linspace(-1.0, 1.0, n))
    design = np.stack(columns, axis=1)
    fit, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
    if rank < design.shape[1]:
        # perfectly predictable steps: a straight line is a trend, a cycle returns to its mean
        return -np.inf if trend or np.ptp(step) > 0 else 0.0
    residual = target - design @ fit
    variance = float(residual @ residual) / max(1, n - int(rank))
    inverse: Floats = np.linalg.inv(design.T @ design)
    spread = float(np.sqrt(variance * float(inverse[0, 0])))
    return float(fit[0]) / spread if spread > 0 else float(-np.inf)
