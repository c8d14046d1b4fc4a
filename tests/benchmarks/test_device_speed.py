"""The benchmark of training steps on a GPU, to its end, on the CPU and small."""

import optuna
import pytest
import torch

from benchmarks._experiment import Request, as_frame
from benchmarks.nn import device_speed, device_timing, device_works
from benchmarks.nn.device_peers import FlashRNN, Reshaped
from benchmarks.nn.device_works import Work
from benchmarks.nn.step_time import PTB_12

WORKS = {
    "gru": Work("gru", 4, (1, 2, 4), 12, 3),
    "lm": Work("gru", 4, (1, 3), 8, 3, language=True),
    "2 of gru": Work("gru", 4, (1, 2), 8, 3, models=2),
}


class Here:
    """No other process, which would not know the small works."""

    @staticmethod
    def call(*arguments, seconds):
        return device_timing.measure(*arguments)


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
    for module in (device_speed, device_timing):
        monkeypatch.setattr(module, "WORKS", WORKS)
    monkeypatch.setattr(device_timing, "SECONDS", 0.01)
    # In this process it would hold for all tests to come.
    monkeypatch.setattr(torch, "set_float32_matmul_precision", lambda _: None)
    monkeypatch.setattr(device_speed, "_apart", lambda device: Here)
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


def test_what_does_not_run_is_said_and_the_others_go_on(monkeypatch, capsys):
    for module in (device_speed, device_timing):
        monkeypatch.setattr(module, "WORKS", WORKS)
    monkeypatch.setattr(device_timing, "SECONDS", 0.01)
    study = optuna.create_study()

    class Unlike(Exception):
        """No RuntimeError, as a compiler's are."""

    def losses(model, x, y):
        if isinstance(model, Reshaped):
            raise Unlike("no such instruction")
        return device_works.losses(model, x, y)

    monkeypatch.setattr(device_timing, "losses", losses)
    for way in ("triton", "cudnn", "FlashRNN", "views"):
        trial, cell = study.ask(), {"work": "gru", "way": way, "seed": 0}
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("key", way)
        study.tell(trial, device_speed.run(trial, cell, Request(device="cpu")))
        assert f"gru, {way}: " in capsys.readouterr().out
    values = [trial.value for trial in study.trials]
    assert values[:3] == [float("inf")] * 3
    assert values[3] < 1e3
    text = device_speed.summarize(as_frame(study.trials), Request(seeds=1)).text
    assert "gru, cudnn: Unlike: no such instruction" in text
    assert "gru, FlashRNN: " in text
    assert "pytorch-dilated-rnn: left out" in text
    # Nothing ran at all: still a table.
    device_speed.summarize(as_frame(study.trials[:1]), Request(seeds=1))


def test_floors_count_what_is_computed():
    sequential, _ = device_speed.floors(device_speed.WORKS["gru-9x20"])
    assert sequential == 1568
    sequential, _ = device_speed.floors(device_speed.WORKS["lm-gru-12x256"])
    assert sequential == sum(-(-400 // d) for d in PTB_12)


def test_populations_and_reshaped_layers_compute_the_same_losses():
    work = WORKS["gru"]
    x, y = device_works.batch_of(work, torch.device("cpu"))
    network = device_works.model_of(work, "views", Request())
    plain = device_works.model_of(work, "cudnn", Request())
    for ours, theirs in zip(network.rnn.layers, plain.layers, strict=True):
        theirs.load_state_dict(ours.cell.state_dict())
    plain.output.load_state_dict(network.output.state_dict())
    torch.testing.assert_close(device_works.losses(network, x, y), device_works.losses(plain, x, y))
    population = device_works.model_of(work._replace(models=2), "views", Request())
    assert device_works.losses(population, x, y).shape == (2,)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("hidden", [5, 16])
def test_flashrnn_computes_the_same(cell, hidden):
    """By its own reference in PyTorch, which needs no card."""
    pytest.importorskip("flashrnn")
    torch.manual_seed(0)
    plain = Reshaped(cell, 3, hidden, (1, 3), 4)
    flash = FlashRNN(cell, 3, hidden, (1, 3), 4, backend="vanilla")
    flash.load_state_dict(plain.state_dict())
    x = torch.randn(7, 2, 3)
    found = []
    for model in (plain, flash):
        y = model(x)
        found.append([y, *torch.autograd.grad(y.square().sum(), list(model.parameters()))])
    torch.testing.assert_close(found[0], found[1])
