import numpy as np
import optuna
import pytest

from benchmarks._experiment import Request, as_frame
from benchmarks.papers import _figure3_data, figure3
from optuna_mi.decay import DecayCurve
from optuna_mi.decay.generators import markov_chain, sticky_transition


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Every data set of the figure as a small one of the same shape, and a text8."""
    rng = np.random.default_rng(0)
    chain = markov_chain(20_000, sticky_transition(5, 0.7), seed=0)
    (tmp_path / "text8").write_text("".join("abcde"[i] for i in chain))
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    ink = rng.random((400, 1)) < 0.5  # one bit an image: all its pixels know of each other
    pixels = np.where(rng.random((400, 64)) < 0.8, ink, ~ink).astype(np.uint8)
    arrays = {"ptb-letters": chain, "ptb-words": chain[:6000]}
    load = figure3.load
    monkeypatch.setattr(
        figure3, "load", lambda name: load(name) if name == "text8" else arrays.get(name, pixels)
    )


def run_all(request):
    study = optuna.create_study()
    for cell in figure3.cells(request):
        trial = study.ask()
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", "")
        study.tell(trial, figure3.run(trial, cell, request))
    return as_frame(study.get_trials())


@pytest.mark.slow
def test_every_data_set_in_every_convention(small):
    request = Request(seeds=2)
    frame = run_all(request)
    assert set(frame["data"]) == {*_figure3_data.LONGEST, "digits", "text8"}
    text = figure3.summarize(frame, request).text
    assert "| text8 | corrected | exponential |" in text
    assert "text8 is absent" not in text
    assert "enwik8 is absent: put it at enwik8/enwik8" in text
    assert "wikitext-103 is absent" in text
    curves = {
        (row.data, row.convention): DecayCurve.from_json(row.curve) for row in frame.itertuples()
    }
    # a pair across images knows nothing: what is published falls with the share of such pairs
    published, pooled = curves["digits", "published"], curves["digits", "pooled"]
    assert published.mi[0] > 3 * published.mi[47]
    assert pooled.mi[47] == pytest.approx(pooled.mi[0], rel=0.3)
    assert len(figure3.summarize(frame, request).figures) == 3 * 2 + 3 * 3


def test_part_of_the_cells_is_summed_up(small):
    request = Request(seeds=1)
    frame = run_all(request)
    part = frame[frame["data"] == "ptb-letters"]
    text = figure3.summarize(part, request).text
    assert "ptb-letters, eye against fit" in text
    assert "mnist" not in text


def test_paper_budget_measures_all_distances():
    assert len(_figure3_data.lags_of("ptb-words", "published", False, 10**6)) == 10_000
    thinned = _figure3_data.lags_of("pmnist", "pooled", True, 783)
    assert {1, 128, 300, 600, 700, 780, 783} <= set(thinned.tolist())
    assert thinned[-1] == 783
    assert len(thinned) < 250


def test_absent_texts_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTUNA_MI_DATA", str(tmp_path))
    assert len(_figure3_data.absent()) == 4
    assert not [cell for cell in figure3.cells(Request()) if cell["data"] in _figure3_data.FILES]
