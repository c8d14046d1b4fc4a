"""The benchmark of training steps on a GPU, to its end, on the CPU and small."""

import optuna
import pytest
import torch

from benchmarks._experiment import Request, as_frame
from benchmarks.nn import device_speed
from benchmarks.nn.device_works import Work
from benchmarks.nn.step_time import PTB_12

WORKS = {
    "gru": Work("gru", 4, (1, 2, 4), 12, 3),
    "lm": Work("gru", 4, (1, 3), 8, 3, language=True),
    "2 of gru": Work("gru", 4, (1, 2), 8, 3, models=2),
}


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=[
                pytest.mark.gpu,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
            ],
        ),
    ],
)
def test_to_its_end(monkeypatch, device):
    monkeypatch.setattr(device_speed, "WORKS", WORKS)
    monkeypatch.setattr(device_speed, "SECONDS", 0.01)
    if device == "cpu":  # where Triton's kernels and graphs are not
        monkeypatch.setattr(device_speed, "WAYS", ("views", "cudnn"))
    request = Request(seeds=1, device=device)
    study = optuna.create_study()
    for cell in device_speed.cells(request):
        trial = study.ask()
        trial.set_user_attr("cell", dict(cell))
        trial.set_user_attr("key", str(cell))
        study.tell(trial, device_speed.run(trial, cell, request))
    text = device_speed.summarize(as_frame(study.trials), request).text
    assert "| gru |" in text
    assert all(trial.value > 0 for trial in study.trials)
    if device == "cpu":
        assert not any("fault" in trial.user_attrs for trial in study.trials)
        errors = [t.user_attrs["error"] for t in study.trials if "error" in t.user_attrs]
        assert len(errors) == 2
        assert max(errors) < 1e-5


def test_what_does_not_run_is_said(monkeypatch):
    monkeypatch.setattr(device_speed, "WORKS", WORKS)
    study = optuna.create_study()
    trial = study.ask()
    cell = {"work": "gru", "way": "triton", "seed": 0}
    trial.set_user_attr("cell", cell)
    trial.set_user_attr("key", "x")
    study.tell(trial, device_speed.run(trial, cell, Request(device="cpu")))
    assert study.trials[0].value == float("inf")
    text = device_speed.summarize(as_frame(study.trials), Request(seeds=1)).text
    assert 'gru, triton: ValueError: backend="triton" cannot run this' in text


def test_floors_count_what_is_computed():
    sequential, _ = device_speed.floors(device_speed.WORKS["gru-9x20"])
    assert sequential == 1568
    sequential, _ = device_speed.floors(device_speed.WORKS["lm-gru-12x256"])
    assert sequential == sum(-(-400 // d) for d in PTB_12)


def test_populations_and_reshaped_layers_compute_the_same_losses():
    work = WORKS["gru"]
    x, y = device_speed.batch_of(work, torch.device("cpu"))
    network = device_speed.model_of(work, "views", Request())
    plain = device_speed.model_of(work, "cudnn", Request())
    for ours, theirs in zip(network.rnn.layers, plain.layers, strict=True):
        theirs.load_state_dict(ours.cell.state_dict())
    plain.output.load_state_dict(network.output.state_dict())
    torch.testing.assert_close(device_speed.losses(network, x, y), device_speed.losses(plain, x, y))
    population = device_speed.model_of(work._replace(models=2), "views", Request())
    assert device_speed.losses(population, x, y).shape == (2,)
