"""Replay the races on the recorded table; what stands in the results is not replayed again.

    python -m benchmarks.races [--data chorales ...] [--budgets large small] [--races "TPE, wide"]

Writes races.csv (a row a race, data set and budget), races-pairs.csv (priors in the acquisition
against their rivals on the same trainings) and races-lists.csv (what the recommended lists beat)
after each data set and budget; ``--summary`` prints their tables and replays nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from benchmarks.races.data import CONFIRMATION, HELD_OUT, KNOWN
from benchmarks.races.pairs import of_rivals
from benchmarks.races.play import (
    AFTERWARDS,
    BASE,
    CONFIRMING,
    PAIRS,
    frame_of,
    paired,
    play,
    recommended_beats,
    spread,
)
from benchmarks.races.record import TABLE, Recordings
from benchmarks.races.replay import RACES
from benchmarks.races.spaces import SPACES
from benchmarks.races.text import text
from benchmarks.races.worlds import BUDGETS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="*", default=[*HELD_OUT, *KNOWN, *CONFIRMATION])
    parser.add_argument("--budgets", nargs="*", default=list(reversed(BUDGETS)), choices=BUDGETS)
    parser.add_argument("--races", nargs="*", choices=RACES, help="all by default", metavar="RACE")
    parser.add_argument("--table", type=Path, nargs="+", default=[TABLE], help="one or several")
    parser.add_argument("--out", type=Path, default=TABLE.parent)
    parser.add_argument("--summary", action="store_true")
    arguments = parser.parse_args()
    races, pairs, lists = (
        arguments.out / f"{x}.csv" for x in ("races", "races-pairs", "races-lists")
    )
    rows = [row for table in arguments.table for row in Recordings(table).rows.values()]
    recorded = {row.dataset for row in rows}
    for budget in arguments.budgets:
        for name in arguments.data:
            if arguments.summary or name not in recorded:
                continue
            if not _known(lists, name, budget, "dataset"):
                found = {"dataset": name, "budget": budget} | spread(rows, name, budget)
                for kind in SPACES:
                    share, low, high = recommended_beats(rows, name, budget, kind)
                    found |= {kind: share, f"{kind} low": low, f"{kind} high": high}
                _append(lists, pd.DataFrame([found]))
            labels = (*CONFIRMING, *AFTERWARDS) if name in CONFIRMATION else tuple(RACES)
            known = _known(races, name, budget, "race")
            wanted = dict.fromkeys((BASE, *(arguments.races or labels)))
            new = [label for label in wanted if label not in known]
            if not new:
                continue
            # What is compared is played again, on the same trainings.
            beside = [BASE, *(rival for x in new for rival in PAIRS.get(x, ()))]
            played = {(name, budget): play(rows, name, budget, new, beside)}
            _append(pairs, paired(played, new))
            _append(races, frame_of(played, new))
            print(name, budget, flush=True)
    print(text(pd.read_csv(races), pd.read_csv(lists)))
    if pairs.exists():
        print(of_rivals(pd.read_csv(pairs), pd.read_csv(lists)))


def _known(path: Path, name: str, budget: str, column: str) -> set[str]:
    if not path.exists():
        return set()
    frame = pd.read_csv(path)
    return set(frame.loc[(frame["dataset"] == name) & (frame["budget"] == budget), column])


def _append(path: Path, frame: pd.DataFrame) -> None:
    if len(frame):
        frame.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.5g")


if __name__ == "__main__":
    main()
