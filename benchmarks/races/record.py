"""Train lists of dilations once, and keep the score of every epoch on both held-out splits.

    python -m benchmarks.races.record [--replicates 2] [--seconds 3600] [--data chorales ...]

What the file holds is not trained again. All data sets take about 25 CPU minutes a replicate.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.races.data import TRAININGS, VALID_SYMBOLS, load
from benchmarks.races.spaces import SPACES, all_lists, recommended_lists
from benchmarks.worth._lists import OneList
from optuna_mi import DilatedRNNObjective
from optuna_mi.datasets import LanguageModeling
from optuna_mi.search_space import format_dilations, parse_dilations

TABLE = Path(__file__).parents[1] / "results" / "races-table.csv"
_CLIP = 1.0


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What one training gave.

    Attributes:
        dataset: Its data set.
        dilations: The list.
        replicate: Seed of the training.
        valid: Validation score after each epoch.
        test: Test score after each epoch.
        seconds: CPU seconds.
        parameters: Of the network.
    """

    dataset: str
    dilations: tuple[int, ...]
    replicate: int
    valid: tuple[float, ...]
    test: tuple[float, ...]
    seconds: float
    parameters: int

    @property
    def key(self) -> tuple[str, tuple[int, ...], int]:
        """What decides the training."""
        return self.dataset, self.dilations, self.replicate


def train(name: str, dilations: tuple[int, ...], replicate: int, times: int = 1) -> Recorded:
    """Train one list at a constant rate: its first quarter is the training of the small budget.

    Args:
        name: The data set.
        dilations: The list.
        replicate: Seed of the training.
        times: How many times the epochs.
    """
    training, dataset = TRAININGS[name], load(name)
    settings = {"window": training.window, "valid_symbols": VALID_SYMBOLS}
    task = DilatedRNNObjective(
        dataset,
        OneList(dilations),  # type: ignore[arg-type]
        batch_size=training.batch_size,
        steps=training.steps,
        **(settings if isinstance(dataset, LanguageModeling) else {}),
    ).task
    started = time.process_time()
    torch.manual_seed(replicate)
    model = task.build(
        dilations, training.hidden_size, cell=training.cell, residual=True, init="deep"
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=training.lr)
    valid, test = [], []
    for epoch in range(times * training.epochs):
        model.train()
        stream = np.random.default_rng([replicate, epoch])
        for loss_of in task.losses(model, [stream], [epoch]):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of()
            if not torch.isfinite(loss):
                raise RuntimeError(f"{name}, {format_dilations(dilations)}: the loss is {loss}")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
            optimizer.step()
        model.eval()
        for split, scores in (("valid", valid), ("test", test)):
            scores.append(task.score(model, split))
            if not math.isfinite(scores[-1]):
                raise RuntimeError(f"{name}, {format_dilations(dilations)}: no finite score")
    return Recorded(
        name,
        dilations,
        replicate,
        tuple(valid),
        tuple(test),
        time.process_time() - started,
        sum(p.numel() for p in model.parameters()),
    )


class Recordings:
    """A file of trainings, to which a run adds what it lacks.

    Args:
        path: CSV, a row a training.
        times: How many times the epochs its trainings have.
    """

    def __init__(self, path: Path, times: int = 1) -> None:
        self._path, self._times = path, times
        self.rows: dict[tuple[str, tuple[int, ...], int], Recorded] = {}
        if path.exists():
            with path.open() as file:
                for row in csv.DictReader(file):
                    recorded = _read(row)
                    self.rows[recorded.key] = recorded

    def add(self, wanted: Iterable[tuple[str, tuple[int, ...], int]], seconds: float) -> bool:
        """Train what is missing, in this order; return whether nothing is missing any more.

        Args:
            wanted: Data sets, lists and replicates.
            seconds: Seconds after which nothing new is begun.
        """
        until = time.monotonic() + seconds
        for key in wanted:
            if key in self.rows:
                continue
            if time.monotonic() > until:
                return False
            self.rows[key] = train(*key, self._times)
            self._append(self.rows[key])
        return True

    def _append(self, recorded: Recorded) -> None:
        new = not self._path.exists()
        row = dataclasses.asdict(recorded) | {
            "dilations": format_dilations(recorded.dilations),
            "valid": " ".join(f"{v:.5g}" for v in recorded.valid),
            "test": " ".join(f"{v:.5g}" for v in recorded.test),
            "seconds": f"{recorded.seconds:.2f}",
        }
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)


def _read(row: dict[str, str]) -> Recorded:
    return Recorded(
        row["dataset"],
        parse_dilations(row["dilations"]),
        int(row["replicate"]),
        tuple(map(float, row["valid"].split())),
        tuple(map(float, row["test"].split())),
        float(row["seconds"]),
        int(row["parameters"]),
    )


def in_order(
    names: Sequence[str],
    replicates: int,
    *,
    few: bool = False,
    kinds: Sequence[str] = (*SPACES, "wide"),
) -> list[tuple[str, tuple[int, ...], int]]:
    """Return what is to be trained, so that a run that is cut short serves as well as it can.

    Every list once; then the recommended ones, on which most depends, and every fifth list, which
    tells the noise of a training; then all others, unless few will do.
    """
    lists = {name: all_lists(name, kinds) for name in names}
    wanted = [(name, x, 0) for name in names for x in lists[name]]
    for replicate in range(1, replicates):
        wanted += [(name, x, replicate) for name in names for x in recommended_lists(name)]
    for replicate in range(1, replicates):
        wanted += [(name, x, replicate) for name in names for x in lists[name][::5]]
        if not few:
            wanted += [(name, x, replicate) for name in names for x in lists[name]]
    return list(dict.fromkeys(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="*", default=list(TRAININGS), choices=list(TRAININGS))
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--few", action="store_true", help="repeat only every fifth list")
    parser.add_argument("--spaces", nargs="*", default=[*SPACES, "wide"], help="whose lists")
    parser.add_argument("--times", type=int, default=1, help="how many times the epochs")
    parser.add_argument("--seconds", type=float, default=math.inf, help="begin nothing after it")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--beside", type=Path, help="a table whose trainings are not repeated")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wanted = in_order(
        arguments.data, arguments.replicates, few=arguments.few, kinds=arguments.spaces
    )
    if arguments.beside is not None:
        known = Recordings(arguments.beside).rows
        wanted = [key for key in wanted if key not in known]
    recordings = Recordings(arguments.table, arguments.times)
    done = recordings.add(wanted, arguments.seconds)
    left = sum(key not in recordings.rows for key in wanted)
    print("complete" if done else f"{left} of {len(wanted)} trainings are left: run it again")


if __name__ == "__main__":
    main()
