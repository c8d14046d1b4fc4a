"""Does the recommended window pay? Regret against the best window in hindsight.

Run: python -m benchmarks.context.windows FOLDER [--data m4-hourly ...] [--seeds 2]

FOLDER holds Hourly-train.csv, Hourly-test.csv, Weekly-train.csv, Weekly-test.csv (github
Mcompetitions/M4-methods, Dataset), monthly_in.csv, monthly_oos.csv and M3C.xls (github
jmleites/Lag_selection, assets/datasets; needs xlrd).

One small network for all series of a data set, the same at every window of a ladder, is trained on
all but the last steps, which are forecast once. The regret of a way of choosing a window is the
network's error at its choice less that at the best one. Seconds are CPU seconds of one thread,
kernels compiled beforehand: other work on the machine disturbs them less than wall seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from optuna_mi.context import recommend_window

Series = list[np.ndarray]


@dataclass(frozen=True)
class Task:
    """A data set: training parts, what follows them, and the windows tried."""

    train: Series
    test: np.ndarray
    period: int
    ladder: tuple[int, ...]

    @property
    def horizon(self) -> int:
        return self.test.shape[1]


def _scaled(train: Series, test: list[np.ndarray]) -> tuple[Series, np.ndarray]:
    out, ahead = [], []
    for a, b in zip(train, test, strict=True):
        mean, spread = a.mean(), a.std()
        if spread > 0:
            out.append((a - mean) / spread)
            ahead.append((b - mean) / spread)
    return out, np.stack(ahead)


def _m4(folder: Path, name: str) -> tuple[Series, list[np.ndarray]]:
    parts = []
    for part in ("train", "test"):
        frame = pd.read_csv(folder / f"{name}-{part}.csv").iloc[:, 1:]
        parts.append([row[~np.isnan(row)] for row in frame.to_numpy(dtype=float)])
    return parts[0], parts[1]


def m4_hourly(folder: Path) -> Task:
    train, test = _scaled(*_m4(folder, "Hourly"))
    return Task(train, test, 24, (6, 12, 24, 36, 48, 72, 96, 120, 168, 192, 240))


def m4_weekly(folder: Path) -> Task:
    train, test = _m4(folder, "Weekly")
    kept = [i for i, s in enumerate(train) if len(s) >= 300]
    train, scaled = _scaled([train[i] for i in kept], [test[i] for i in kept])
    return Task(train, scaled, 52, (2, 4, 8, 13, 20, 26, 39, 52, 65, 78, 104))


def tourism(folder: Path) -> Task:
    sides = [pd.read_csv(folder / f"monthly_{part}.csv") for part in ("in", "oos")]
    train, test = [], []
    for name in sides[0].columns:
        columns = [side[name].to_numpy(dtype=float) for side in sides]
        # the first three rows are the length, the year and the month of the first value
        a, b = (c[3:][: int(c[0])] for c in columns)
        if len(a) >= 120 and len(b) == 24:
            train.append(a)
            test.append(b)
    train, scaled = _scaled(train, test)
    return Task(train, scaled, 12, (2, 4, 6, 12, 18, 24, 30, 36, 48))


def m3_monthly(folder: Path) -> Task:
    frame = pd.read_excel(folder / "M3C.xls", sheet_name="M3Month")
    train, test = [], []
    for _, row in frame.iterrows():
        values = row.iloc[6 : 6 + int(row["N"])].to_numpy(dtype=float)
        if len(values) >= 126:
            train.append(values[:-18])
            test.append(values[-18:])
    train, scaled = _scaled(train, test)
    return Task(train, scaled, 12, (2, 4, 6, 12, 18, 24, 30, 36, 48))


TASKS: dict[str, Callable[[Path], Task]] = {
    "m4-hourly": m4_hourly,
    "m4-weekly": m4_weekly,
    "tourism-monthly": tourism,
    "m3-monthly": m3_monthly,
}


def errors(train: Series, test: np.ndarray, window: int, seed: int, steps: int) -> np.ndarray:
    """Return each series' mean absolute error, in its standard deviations."""
    horizon = test.shape[1]
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(window, 64), torch.nn.ReLU(), torch.nn.Linear(64, horizon)
    )
    # beside it a straight path, so that the network need not learn to copy
    straight = torch.nn.Linear(window, horizon)
    both = [*model.parameters(), *straight.parameters()]
    optimizer = torch.optim.Adam(both, lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    usable = [s for s in train if len(s) >= window + horizon]
    flat = np.concatenate(usable)
    begins = np.concatenate(([0], np.cumsum([len(s) for s in usable])[:-1]))
    starts = np.concatenate(
        [
            np.arange(b, b + len(s) - window - horizon + 1)
            for b, s in zip(begins, usable, strict=True)
        ]
    )
    columns = np.arange(window + horizon)
    for _ in range(steps):
        chosen = rng.choice(starts, 256)
        rows = torch.from_numpy(flat[chosen[:, None] + columns].astype(np.float32))
        level = rows[:, window - 1 : window]
        x, y = rows[:, :window] - level, rows[:, window:] - level
        loss = (model(x) + straight(x) - y).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    last = torch.from_numpy(np.stack([s[-window:] for s in train]).astype(np.float32))
    with torch.no_grad():
        level = last[:, -1:]
        forecast = (model(last - level) + straight(last - level) + level).numpy()
    return np.asarray(np.abs(forecast - test).mean(axis=1))


def partial_autocorrelation(train: Series, most: int) -> int:
    """Return the median over series of the last lag whose partial autocorrelation counts."""
    last = []
    for s in train:
        m = min(most, len(s) // 3)
        r = np.array([s[: len(s) - d] @ s[d:] for d in range(m + 1)]) / (s @ s)
        phi, found = np.zeros(m + 1), 1
        error = 1.0
        for k in range(1, m + 1):
            kappa = (r[k] - phi[1:k] @ r[k - 1 : 0 : -1]) / max(error, 1e-12)
            phi[1:k] -= kappa * phi[k - 1 : 0 : -1]
            phi[k] = kappa
            error *= 1 - kappa**2
            if abs(kappa) > 1.96 / np.sqrt(len(s)):
                found = k
        last.append(found)
    return int(np.median(last))


def dominant_period(train: Series) -> int:
    """Return the median over series of the period at the highest peak of the spectrum."""
    periods = []
    for s in train:
        detrended = s - np.polyval(np.polyfit(np.arange(len(s)), s, 1), np.arange(len(s)))
        power = np.abs(np.fft.rfft(detrended)) ** 2
        periods.append(len(s) / (1 + int(power[1:].argmax())))
    return max(1, round(float(np.median(periods))))


def panel(train: Series) -> pd.DataFrame:
    lengths = [len(s) for s in train]
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(train)), lengths),
            "ds": np.concatenate([np.arange(n) for n in lengths]),
            "y": np.concatenate(train),
        }
    )


def choices(task: Task, seeds: int, steps: int) -> dict[str, tuple[int, float]]:
    """Return the window that each way chooses, and its CPU seconds."""
    horizon = task.horizon

    def ours() -> int:
        return recommend_window(
            panel(task.train), horizon=horizon, max_context=task.ladder[-1], n_threads=1
        ).length

    def validated() -> int:
        earlier = [s[:-horizon] for s in task.train]
        kept = [i for i, s in enumerate(earlier) if len(s) >= task.ladder[-1] + horizon]
        earlier = [earlier[i] for i in kept]
        ahead = np.stack([task.train[i][-horizon:] for i in kept])
        mean = [
            np.mean([errors(earlier, ahead, w, 100 + s, steps).mean() for s in range(seeds)])
            for w in task.ladder
        ]
        return task.ladder[int(np.argmin(mean))]

    ways: dict[str, Callable[[], int]] = {
        "recommend_window": ours,
        "hold-out of every window": validated,
        "partial autocorrelation": lambda: partial_autocorrelation(task.train, task.ladder[-1]),
        "period by FFT": lambda: dominant_period(task.train),
        "season": lambda: task.period,
        "horizon": lambda: horizon,
        "2 horizons": lambda: 2 * horizon,
        "3 horizons": lambda: 3 * horizon,
    }
    out = {}
    for name, way in ways.items():
        start = time.process_time()
        window = way()
        out[name] = (window, time.process_time() - start)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recommend_window(np.random.default_rng(0).normal(size=2_000))
    for name in arguments.data:
        task = TASKS[name](arguments.folder)
        table = np.stack(
            [
                np.mean(
                    [
                        errors(task.train, task.test, w, s, arguments.steps)
                        for s in range(arguments.seeds)
                    ],
                    axis=0,
                )
                for w in task.ladder
            ]
        )
        mean = table.mean(axis=1)
        best = int(mean.argmin())
        print(f"\n{name}: {len(task.train)} series, horizon {task.horizon}")
        print(
            "error by window: "
            + ", ".join(f"{w}: {m:.4f}" for w, m in zip(task.ladder, mean, strict=True))
        )
        print("| way | window | on the ladder | regret (95 %) | CPU seconds |")
        print("|---|---|---|---|---|")
        draws = np.random.default_rng(0).integers(0, len(task.train), (2_000, len(task.train)))
        for way, (window, seconds) in choices(task, arguments.seeds, arguments.steps).items():
            i = int(np.abs(np.log(np.array(task.ladder) / window)).argmin())
            regret = table[i] - table[best]
            low, high = np.quantile(regret[draws].mean(axis=1), [0.025, 0.975])
            print(
                f"| {way} | {window} | {task.ladder[i]} | {regret.mean():.4f} "
                f"({low:.4f} to {high:.4f}) | {seconds:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
