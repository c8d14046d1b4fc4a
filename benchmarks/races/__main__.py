"""Replay the races on the recorded table; what stands in the results is not replayed again.

    python -m benchmarks.races [--data chorales ...] [--budgets large small] [--summary]

Writes races.csv (a row a race, data set and budget) and races-lists.csv (what the recommended lists
beat) after each data set and budget; ``--summary`` prints their tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.races.data import CONFIRMATION, HELD_OUT, KNOWN
from benchmarks.races.play import CONFIRMING, frame_of, play, recommended_beats, spread
from benchmarks.races.record import TABLE, Recordings
from benchmarks.races.replay import RACES
from benchmarks.races.spaces import SPACES
from benchmarks.races.text import text
from benchmarks.races.worlds import BUDGETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="*", default=[*HELD_OUT, *KNOWN, *CONFIRMATION])
    parser.add_argument("--budgets", nargs="*", default=list(reversed(BUDGETS)), choices=BUDGETS)
    parser.add_argument("--table", type=Path, nargs="+", default=[TABLE], help="one or several")
    parser.add_argument("--out", type=Path, default=TABLE.parent)
    parser.add_argument("--summary", action="store_true")
    arguments = parser.parse_args()
    races, lists = arguments.out / "races.csv", arguments.out / "races-lists.csv"
    rows = [row for table in arguments.table for row in Recordings(table).rows.values()]
    recorded = {row.dataset for row in rows}
    for budget in arguments.budgets:
        for name in arguments.data:
            if arguments.summary or name not in recorded or _has(races, name, budget):
                continue
            found = {"dataset": name, "budget": budget} | spread(rows, name, budget)
            for kind in SPACES:
                share, low, high = recommended_beats(rows, name, budget, kind)
                found |= {kind: share, f"{kind} low": low, f"{kind} high": high}
            _append(lists, pd.DataFrame([found]))
            labels = CONFIRMING if name in CONFIRMATION else RACES
            _append(races, frame_of({(name, budget): play(rows, name, budget, labels)}))
            print(name, budget, flush=True)
    print(text(pd.read_csv(races), pd.read_csv(lists)))


def _has(path: Path, name: str, budget: str) -> bool:
    if not path.exists():
        return False
    known = pd.read_csv(path)
    return bool(((known["dataset"] == name) & (known["budget"] == budget)).any())


def _append(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
