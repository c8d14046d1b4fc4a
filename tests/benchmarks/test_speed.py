import re

import pandas as pd
import pytest

from benchmarks import speed
from benchmarks._experiment import Request

RESULTS = "benchmarks/results/speed-small.csv"


def test_only_peers_at_hand_are_measured():
    cells = speed.cells(Request(seeds=1))
    assert {"numpy.bincount", "TPESampler alone", "GridSampler"} <= {c["peer"] for c in cells}
    assert "pytorch-dilated-rnn" not in {c["peer"] for c in cells}
    with_path = speed.cells(Request(seeds=1, peers={"drnn": "somewhere"}))
    assert "pytorch-dilated-rnn" in {c["peer"] for c in with_path}


def test_both_grid_samplers_are_asked():
    ours, theirs, units, unit = speed._ask_grid(n_cells=100, n_finished=10)
    ours(), theirs()
    assert (units, unit) == (1, "ask and tell")


def test_summary_shows_median_and_range():
    rows = [
        {"work": "w", "peer": "p", "seed": i, "value": v, "ours_s": 1e-3, "peer_s": 2e-2}
        for i, v in enumerate([10.0, 20.0, 40.0])
    ]
    text = speed.summarize(pd.DataFrame(rows).assign(unit="call"), Request()).text
    assert "| w | 1 ms per call | p | 20 ms per call | 20 | 10 to 40 |" in text
    assert "Left out, for want of their path: drnn" in text


def test_readme_says_what_was_measured(request):
    root = request.config.rootpath
    frame = pd.read_csv(root / RESULTS)
    measured = frame.groupby(["work", "peer"])["value"].median()
    section = (root / "README.md").read_text().partition("## How fast")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| `?([^|`]+)`? \| ([\d.,]+) \|", section, flags=re.M)
    assert len(rows) >= 8
    for work, peer, ratio in rows:
        assert float(ratio) == pytest.approx(measured[work, peer], rel=0.05), (work, peer)
