"""Tables, intervals and the files that a benchmark leaves."""

from __future__ import annotations

import io
import json
import os
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import torch
from scipy import stats

from benchmarks._experiment import Experiment, Request, Summary


def interval(values: Sequence[float] | pd.Series, level: float = 0.95) -> tuple[float, float]:
    """Return mean and half width of its interval by Student's t; nan for fewer than two values.

    Example:
        >>> mean, half = interval([1.0, 2.0, 3.0])
        >>> round(mean, 3), round(half, 3)
        (2.0, 2.484)
    """
    array = np.asarray(values, dtype=float)
    if array.size < 2:
        return float(array.mean()) if array.size else float("nan"), float("nan")
    return float(array.mean()), float(
        stats.t.ppf(0.5 + level / 2, array.size - 1) * stats.sem(array)
    )


def plus_minus(values: Sequence[float] | pd.Series, digits: int = 3) -> str:
    """Return "mean ± half width of the 95 % interval".

    Example:
        >>> plus_minus([1.0, 2.0, 3.0], 1)
        '2.0 ± 2.5'
    """
    mean, half = interval(values)
    return f"{mean:.{digits}f}" if np.isnan(half) else f"{mean:.{digits}f} ± {half:.{digits}f}"


def markdown(rows: Sequence[dict[str, object]]) -> str:
    """Return rows as a Markdown table, columns in the order of the first row.

    Example:
        >>> print(markdown([{"model": 1, "bits": "1.9"}]))
        | model | bits |
        |---|---|
        | 1 | 1.9 |
    """
    names = list(rows[0])
    lines = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    table = ["| " + " | ".join(line) + " |" for line in lines]
    table.insert(1, "|" + "---|" * len(names))
    return "\n".join(table)


def machine() -> str:
    """Return one line about machine and libraries."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    return (
        f"{cpu}, {os.cpu_count()} cores; Python {platform.python_version()}, "
        f"torch {torch.__version__}, optuna {optuna.__version__}, numpy {np.__version__}"
    )


def command_of(experiment: Experiment, request: Request, only: Sequence[str] = ()) -> str:
    """Return the command that repeats this, without what depends on the machine."""
    parts = ["python", "-m", "benchmarks", experiment.name, "--budget", request.budget]
    parts += ["--seeds", str(request.seeds)]
    parts += ["--only", *only] if only else []
    parts += ["--peer", *(f"{name}=PATH" for name in request.peers)] if request.peers else []
    return shlex.join(parts)


def cells_in(table: Path | io.StringIO) -> set[tuple[str, ...]]:
    """Return the cells of a results table: what stands before the column ``value``.

    Example:
        >>> sorted(cells_in(io.StringIO("layers,seed,value,cpu_s\\n4,0,96.1,3\\n4,1,96.4,3\\n")))
        [('4', '0'), ('4', '1')]
    """
    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    settings = rows.iloc[:, : rows.columns.get_loc("value")]
    return set(settings.itertuples(index=False, name=None))


def write(
    experiment: Experiment,
    request: Request,
    frame: pd.DataFrame,
    summary: Summary,
    folder: Path,
    *,
    only: Sequence[str] = (),
) -> list[Path]:
    """Write NAME-BUDGET.md, .csv and, where there are figures, .html; return their paths.

    Raises:
        FileExistsError: The .csv that stands there holds cells that are not in the frame.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{experiment.name}-{request.budget}"
    paths = [stem.with_suffix(".md"), stem.with_suffix(".csv")]
    flat = frame.map(lambda v: json.dumps(v) if isinstance(v, list | dict) else v)
    table = flat.to_csv(index=False, float_format="%.6g")
    if paths[1].exists() and (lost := cells_in(paths[1]) - cells_in(io.StringIO(table))):
        raise FileExistsError(
            f"{paths[1]} holds {len(lost)} cells that are not among these {len(frame)} and was "
            "left as it is: name another folder with --out, or move the old table away first"
        )
    seeds = sorted(map(int, frame["seed"].unique())) if "seed" in frame else []
    cpu = f", {frame['cpu_s'].sum() / 60:.0f} CPU minutes" if "cpu_s" in frame else ""
    head = (
        f"# {experiment.title}\n\n"
        f"`{command_of(experiment, request, only)}`: {len(frame)} cells, seeds "
        f"{', '.join(map(str, seeds)) or 'none'}{cpu}.\n"
        f"Machine: {machine()}.\n\n"
    )
    paths[0].write_text(head + summary.text.rstrip() + "\n")
    paths[1].write_text(table)
    if summary.figures:
        page = [f"<meta charset='utf-8'><title>{experiment.title}</title>"]
        for number, (title, figure) in enumerate(summary.figures.items()):
            body = figure.to_html(full_html=False, include_plotlyjs=number == 0)
            page += [f"<h2>{title}</h2>", body]
        paths.append(stem.with_suffix(".html"))
        paths[2].write_text("\n".join(page))
    return paths
