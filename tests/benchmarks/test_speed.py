import re

import pandas as pd
import pytest

from benchmarks import speed
from benchmarks._experiment import Request

RESULTS = "benchmarks/results/speed-small.csv"
SECONDS = {"s": 1.0, "ms": 1e-3}


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


@pytest.fixture
def measured(request):
    return pd.read_csv(request.config.rootpath / RESULTS).groupby(["work", "peer"])


def test_the_speed_page_says_what_was_measured(request, measured):
    text = (request.config.rootpath / "docs/findings/speed.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| `?([^|`]+)`? \| ([\d.,]+) \|", text, flags=re.M)
    assert len(rows) >= 8
    for work, peer, ratio in rows:
        assert float(ratio) == pytest.approx(measured["value"].median()[work, peer], rel=0.05)


@pytest.mark.parametrize(("page", "count"), [("information", 8), ("dilated_rnn", 9)])
def test_guide_quotes_what_was_measured(request, measured, page, count):
    text = (request.config.rootpath / f"docs/explanation/{page}.md").read_text()
    section = text.partition("\n## Speed")[2].partition("\n##")[0]
    time = r"([\d.]+) (m?s)"
    row = rf"^\| ([^|(]+?)(?: \([^|]*\))? \| {time} \| ([^|]+) \| {time} \| ([\d.]+) \|"
    rows = re.findall(row, section, flags=re.M)
    assert len(rows) == count
    medians = measured[["ours_s", "peer_s", "value"]].median()
    for work, ours, unit, peer, takes, their_unit, ratio in rows:
        found = [float(ours) * SECONDS[unit], float(takes) * SECONDS[their_unit], float(ratio)]
        assert found == pytest.approx(medians.loc[(work, peer)].to_list(), rel=0.006)
