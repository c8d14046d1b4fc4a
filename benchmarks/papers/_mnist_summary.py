"""What Tables 1 and 2 gave, beside the paper's figures."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from benchmarks._experiment import Request, Summary
from benchmarks._output import interval, markdown, plus_minus
from benchmarks.papers._mnist import HIDDEN, Table, cells
from benchmarks.papers._orders import MIN_SEEDS, paired, rank_correlations, verdict
from optuna_mi.search_space import format_dilations
from optuna_mi.visualization._style import GREY, SERIES

NOTHING_LEARNT = 20.0  # per cent; chance is 10


def summarize(table: Table, frame: pd.DataFrame, request: Request) -> Summary:
    n_cells, n_run = len(cells(table, request)), len(frame)
    is_longer = frame["iterations"] == table.longer
    longer, frame = frame[is_longer], frame[~is_longer]
    parts, figures = [_training(table, frame), _accuracies(table, frame)], {}
    if n_run < n_cells:
        parts.insert(1, f"**Not complete**: {n_run} of this budget's {n_cells} cells were run.")
    for size in HIDDEN:
        part = frame[frame["hidden"] == size]
        wide = part.pivot(index="seed", columns="dilations", values="value")
        if len(wide.reindex(columns=_names(table)).dropna()) < MIN_SEEDS:
            parts.append(f"Hidden size {size}: fewer than {MIN_SEEDS} seeds of every row are here.")
            continue
        parts.append(_order(table, part, size))
        figures[f"Test accuracy against layers, hidden size {size}"] = _figure(table, part, size)
        figures[f"Validation accuracy while training, hidden size {size}"] = _curves(table, part)
    if len(longer):
        parts.append(_longer(table, frame, longer))
    return Summary("\n\n".join(parts), figures)


def _names(table: Table) -> list[str]:
    return [format_dilations(row) for row in table.rows]


def _paper(table: Table, size: int) -> pd.Series:
    return pd.Series(
        {format_dilations(row): paper[HIDDEN.index(size)] for row, paper in table.rows.items()}
    )


def _training(table: Table, frame: pd.DataFrame) -> str:
    first = frame.iloc[0]
    rate = "at a constant rate" if first["schedule"] == "constant" else "in one cycle up to"
    same = first["iterations"] == 30_000 and first["schedule"] == "constant"
    reduced = (
        "as in the paper"
        if same
        else f"the paper's are 30,000 at a constant 1e-3, {30_000 / first['iterations']:.0f} times "
        "as many; the schedule and the rate of hidden 20 were chosen on the permuted images, one "
        "seed, nine layers, 600 iterations; that of hidden 50 was taken untried, after 0.01 had "
        "left 16 of 20 networks of Table 2 with next to nothing learnt"
    )
    rates = [f"{r:g} (hidden {h})" for h, r in frame.groupby("hidden")["rate"].first().items()]
    return (
        f"Training: {first['iterations']:,} iterations of 128 images {rate} "
        f"{' and '.join(rates)} "
        f'({reduced}); RMSProp with decay 0.9, `init="original"`, 55,000 training images with '
        "pixels in [0, 1]. Test accuracy in per cent at the last iteration, mean ± 95 % interval "
        f"over seeds; training loss: mean of the last 50 batches, nats. PyTorch's cell "
        f"({table.unit}) and RMSProp, not TensorFlow's: its GRU resets "
        "the state before the product, and its mean squares start at 1."
    )


def _accuracies(table: Table, frame: pd.DataFrame) -> str:
    rows = []
    for name in _names(table):
        row: dict[str, object] = {"layers": name.count(",") + 1, "dilations": name}
        for size in HIDDEN:
            chosen = frame[(frame["hidden"] == size) & (frame["dilations"] == name)]
            values = chosen["value"]
            row[f"hidden {size}: paper"] = _paper(table, size)[name]
            row[f"hidden {size}: here"] = plus_minus(values, 2) if len(values) >= MIN_SEEDS else "-"
            row[f"hidden {size}: training loss"] = (
                f"{chosen['train_loss'].mean():.3f}" if len(values) >= MIN_SEEDS else "-"
            )
            row[f"hidden {size}: seeds"] = len(values)
        rows.append(row)
    return markdown(rows)


def _order(table: Table, part: pd.DataFrame, size: int) -> str:
    paper, best = _paper(table, size), format_dilations(table.best)
    first, *others = _names(table)
    pairs = [(best, name) for name in (first, *others) if name != best]
    # Depth costs training: how far does reaching further pay before it does? In the paper's order.
    pairs += [
        (name, first) if paper[name] >= paper[first] else (first, name)
        for name in others
        if name != best
    ]
    rows, said = [], []
    for better, worse in pairs:
        differences = paired(part, {"dilations": better}, {"dilations": worse})
        said.append(verdict(differences))
        rows.append(
            {
                "layers": f"{better.count(',') + 1} against {worse.count(',') + 1}",
                "paper": f"{paper[better] - paper[worse]:+.2f}",
                "here, paired over seeds": plus_minus(differences, 2),
                "first is better": said[-1],
            }
        )
    said = said[: len(others)]
    wide = part.pivot(index="seed", columns="dilations", values="value")
    rho = rank_correlations(wide, paper)
    mean, half = interval(rho)
    seen = "go with" if mean > half else "go against" if mean < -half else "say nothing about"
    n_lost = int((part["value"] < NOTHING_LEARNT).sum())
    lost = f" {n_lost} of {len(part)} networks learnt next to nothing." if n_lost else ""
    winner = wide.mean().idxmax()
    return (
        f"**Hidden size {size}.** Claim: {table.claim}. Best mean here: {winner.count(',') + 1} "
        f"layers (paper: {len(table.best)}). Of {len(said)} comparisons with the paper's best row "
        f"{said.count('holds')} hold and {said.count('the opposite holds')} are reversed beyond "
        f"their 95 % interval. Rank correlation of a seed's rows with the paper's column: "
        f"{mean:.2f} ± {half:.2f}: at this budget the rows' ranks {seen} the paper's.{lost}\n\n"
        + markdown(rows)
    )


def _longer(table: Table, frame: pd.DataFrame, longer: pd.DataFrame) -> str:
    first, size = next(iter(table.rows)), HIDDEN[0]
    rows = []
    for part in (frame[frame["hidden"] == size], longer):
        differences = paired(
            part,
            {"dilations": format_dilations(table.best)},
            {"dilations": format_dilations(first)},
        )
        row: dict[str, object] = {"iterations": f"{part['iterations'].iloc[0]:,}"}
        for layers in (first, table.best):
            values = part[part["dilations"] == format_dilations(layers)]["value"]
            row[f"{len(layers)} layers"] = (
                plus_minus(values, 2) if len(values) >= MIN_SEEDS else "-"
            )
        row["difference, paired"] = plus_minus(differences, 2)
        row["seeds"], row["claim"] = len(differences), verdict(differences)
        rows.append(row)
    paper = [f"{table.rows[layers][0]:.2f}" for layers in (first, table.best)]
    return (
        f"**Is it the number of iterations?** Hidden size {size}, the first row and the paper's "
        f"best (paper: {' and '.join(paper)}), with more of them:\n\n" + markdown(rows)
    )


def _figure(table: Table, part: pd.DataFrame, size: int) -> go.Figure:
    names = _names(table)
    layers = [name.count(",") + 1 for name in names]
    here = [interval(part[part["dilations"] == name]["value"]) for name in names]
    figure = go.Figure()
    figure.add_scatter(
        x=layers, y=list(_paper(table, size)), name="paper", mode="lines+markers", line_color=GREY
    )
    figure.add_scatter(
        x=layers,
        y=[mean for mean, _ in here],
        error_y={"array": [half for _, half in here]},
        name="here, 95 % interval",
        mode="lines+markers",
        line_color=SERIES[0],
    )
    figure.update_layout(
        xaxis={"title": "layers", "tickvals": layers},
        yaxis_title="test accuracy (%)",
        hovermode="x unified",
        height=450,
    )
    return figure


def _curves(table: Table, part: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for name, colour in zip(_names(table), SERIES, strict=False):
        rows = part[part["dilations"] == name]
        figure.add_scatter(
            x=rows["valid_steps"].iloc[0],
            y=pd.DataFrame(rows["valid_accuracy"].tolist()).mean(),
            name=f"{name.count(',') + 1} layers",
            mode="lines+markers",
            line_color=colour,
        )
    figure.update_layout(
        xaxis_title="iteration", yaxis_title="validation accuracy (%), mean over seeds", height=450
    )
    return figure
