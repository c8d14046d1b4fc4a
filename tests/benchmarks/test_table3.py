"""Table 3: exact sizes on the real text, tiny networks on a made-up one."""

import doctest
import math

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
from torch.nn import functional

from benchmarks._experiment import Request, as_frame
from benchmarks.papers import _language, _language_training, table3
from benchmarks.papers._table3_summary import MODELS
from optuna_mi.datasets import load_dataset

CPU = torch.device("cpu")


@pytest.fixture
def tiny_text(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    letters = np.repeat(rng.integers(97, 105, 150_000), 2).astype(np.uint8)
    path = tmp_path / "twice"
    path.write_bytes(letters.tobytes())
    data = load_dataset(path, unit="byte")
    _language.characters.cache_clear()
    monkeypatch.setattr(_language, "load_dataset", lambda name: data)
    # 300,000 letters are too few for a dependence up to 240
    monkeypatch.setattr(table3, "ours", lambda: (1, 2, 3))
    yield data
    _language.characters.cache_clear()


@pytest.mark.usefixtures("data_dir")
def test_parameters_at_the_papers_size():
    assert load_dataset("ptb-char").n_symbols == 49
    cells = table3.cells(Request("paper", seeds=1))
    found = {c["model"]: sum(p.numel() for p in _language.build(c).parameters()) for c in cells}
    assert found == {
        1: 2_660_949,
        2: 3_055_701,
        3: 4_634_709,
        4: 2_660_949,
        5: 3_055_701,
        6: 4_634_709,
        7: 4_634_709,
    }
    assert all(found[number] == model.parameters for number, model in MODELS.items())
    ours = table3.ours()
    assert len(ours) == 12
    assert ours[-1] == 240


@pytest.mark.usefixtures("tiny_text")
def test_cells_through_training_to_the_summary():
    cells = [
        {**c, "hidden": 8, "embedding": 8, "steps": 2, "dilations": f"1,{c['model'] + 1}"}
        for c in table3.cells(Request(seeds=3))
    ]
    assert len(cells) == 7 * 2 * 3
    study = optuna.create_study()
    for cell in cells:
        trial = study.ask()
        trial.set_user_attr("cell", dict(cell))
        trial.set_user_attr("key", "")
        study.tell(trial, table3.EXPERIMENT.run(trial, cell, Request()))
    frame = as_frame(study.get_trials())
    assert frame["value"].between(1.5, 3.5).all()  # 2 bits a character are in the text
    summary = table3.EXPERIMENT.summarize(frame, Request())
    assert "2 steps" in summary.text
    assert "Not complete" not in summary.text
    assert "| 7 (ours) |" in summary.text
    assert len(summary.figures) == 4


@pytest.mark.usefixtures("tiny_text")
def test_training_learns_and_the_paper_way_runs():
    size = {"model": 1, "stack": "plain", "layers": 2, "dilations": "1,2", "seed": 0}
    size |= {"hidden": 16, "embedding": 16, "dropout": 0.1}
    short = {**size, "init": "deep", "optimizer": "adam", "rate": 8e-3, "clip": 1.0, "steps": 60}
    study = optuna.create_study()
    trial = study.ask()
    # every letter stands twice: 1.5 bits on average
    assert _language_training.train(trial, short, Request()) < 2.2
    paper = {**size, "init": "torch", "optimizer": "sgd", "rate": 4.0, "clip": 0.15, "epochs": 2}
    trial = study.ask()
    assert _language_training.train(trial, paper, Request()) < 3.2
    assert len(study.get_trials()[1].intermediate_values) == 2


def test_windows_score_every_character_once_after_the_first_history():
    tokens = torch.arange(2000)[:, None]
    seen = []

    def model(window):
        seen.append(window[_language.HISTORY :, 0] + 1)
        return functional.one_hot(window + 1, 2001).float() * 100, None

    losses = [_language.loss_at(model, tokens, i, CPU) for i in _language.starts(tokens)]
    assert max(losses) < 1e-6  # the next character: nothing is off by one
    scored = torch.cat(seen).tolist()
    assert scored == list(range(_language.HISTORY + 1, _language.HISTORY + 1 + len(scored)))
    assert 2000 - scored[-1] <= _language.SCORED


def test_bits_of_a_network_that_knows_nothing():
    class Uniform(torch.nn.Module):
        def forward(self, window):
            return torch.zeros(*window.shape, 8), None

    symbols = np.random.default_rng(0).integers(0, 8, 32 * 1000)
    assert _language.bits(Uniform(), symbols, CPU) == pytest.approx(math.log2(8))


@pytest.mark.parametrize(("shift", "said"), [(-0.1, "better"), (0.1, "worse")])
def test_the_sentences_follow_from_the_numbers(shift, said):
    rows = []
    for stack in ("plain", "residual"):
        for model in range(1, 8):
            bits = MODELS[model].bits if model in MODELS else MODELS[6].bits + shift
            for seed in range(3):
                cell = {"model": model, "stack": stack, "layers": 7, "dilations": "1", "seed": seed}
                rows.append({**cell, "value": bits + 0.01 * seed, "parameters": 9})
    frame = pd.DataFrame(rows).assign(
        hidden=256, embedding=100, optimizer="sgd", rate=4.0, clip=0.15, epochs=100, init="torch"
    )
    frame = frame.assign(valid_steps=[[1]] * len(frame), valid_bits=[[1.0]] * len(frame))
    text = table3.EXPERIMENT.summarize(frame, Request("paper")).text
    assert "3 hold here: 4 < 1, 5 < 2, 6 < 3" in text
    assert "Best of the paper's six models: 6 (paper: 6)" in text
    assert f"Our list against model 6: {said}." in text
    assert "Training as in the paper" in text
    turned = frame.assign(value=-frame["value"])
    text = table3.EXPERIMENT.summarize(turned, Request("paper")).text
    assert "0 hold here." in text
    assert text.count("the opposite holds") == 6
    some = frame[frame["model"].isin((1, 4))]
    text = table3.EXPERIMENT.summarize(some, Request("paper")).text
    assert "**Not complete**: 12 of this budget's 21 cells" in text
    assert "**Plain layers.** 0 seeds of all seven models" in text
    assert "| 4 better than 1 | +0.030 | 0.030 ± 0.000 | 3 | holds |" in text


def test_rate_falls_when_validation_does():
    assert doctest.testmod(_language_training).failed == 0
