from __future__ import annotations

import copy
import functools
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.pruners import ThresholdPruner
from optuna.trial import TrialState
from torch import Tensor, nn

from optuna_mi.pruners import ihyll_series
from optuna_mi.training import (
    IHYLLChangePolicy,
    IHYLLReferencePolicy,
    InformationProbe,
    layer_parameter_groups,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    lightning = pytest.importorskip(
        "lightning.pytorch", reason="needs the extra: pip install 'optuna-mi[lightning]'"
    )
    from optuna_mi.integrations.lightning import IHYLLCallback

pytestmark = [
    # Lightning's own advice on workers and on what its dependencies deprecate
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

Change = functools.partial(
    IHYLLChangePolicy, lr_min=0.01, lr_max=0.5, gamma1=0.2, gamma2=1.0, noise=0
)


def make_module(pl: Any = lightning, *, layers: bool = False, scheduler: Any = None) -> Any:
    class Module(pl.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

        def training_step(self, batch: Any, _index: int) -> Tensor:
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, _index: int) -> None:
            right = (self(batch[0]).argmax(1) == batch[1]).float().mean()
            self.log("val_acc", right)

        def configure_optimizers(self) -> Any:
            groups = layer_parameter_groups(self, ["net.0", "net.2"])
            optimizer = torch.optim.SGD(groups if layers else self.parameters(), lr=0.3)
            if scheduler is None:
                return optimizer
            return {"optimizer": optimizer, "lr_scheduler": scheduler(optimizer)}

    torch.manual_seed(0)
    return Module()


def fit(
    module: Any,
    callbacks: list[Any],
    blobs: tuple[Tensor, Tensor],
    *,
    epochs: int = 4,
    pl: Any = lightning,
    folder: Path | None = None,
    ckpt_path: Path | None = None,
    **options: Any,
) -> Any:
    data = torch.utils.data.TensorDataset(*blobs)
    loader = torch.utils.data.DataLoader(data, batch_size=60)
    trainer = pl.Trainer(
        max_epochs=epochs,
        callbacks=callbacks,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=folder is not None,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module, loader, loader, ckpt_path=ckpt_path)
    return trainer


def by_hand(
    blobs: tuple[Tensor, Tensor], size: int, epochs: int
) -> tuple[list[float], list[float]]:
    """The same training as a plain loop: IHYLL and learning rates."""
    module = make_module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.3)
    policy, probe = Change(optimizer), InformationProbe(module, *blobs, size=size)
    ihyll, rates = [], []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        module.train()
        for x, y in zip(blobs[0].split(60), blobs[1].split(60), strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), y).backward()
            optimizer.step()
        measured = probe.measure().ihyll
        ihyll.append(float(measured))
        policy.step(measured)
    return ihyll, rates


@pytest.mark.parametrize("name", ["lightning.pytorch", "pytorch_lightning"])
def test_trains_as_a_plain_loop_with_the_policy_does(
    name: str, blobs: tuple[Tensor, Tensor]
) -> None:
    pl = pytest.importorskip(name, reason=f"{name} is another name of the same library")
    module = make_module(pl)
    callback = IHYLLCallback(InformationProbe(module, *blobs, size=200), Change)
    trainer = fit(module, [callback], blobs, pl=pl)
    ihyll, rates = by_hand(blobs, 200, 4)
    assert list(callback.ihyll.values()) == pytest.approx(ihyll, abs=1e-9)
    assert list(callback.lr.values()) == pytest.approx(rates, abs=1e-12)
    assert len(set(rates)) > 1
    assert float(trainer.callback_metrics["ihyll"]) == pytest.approx(ihyll[-1], rel=1e-6)


def test_goes_on_from_a_checkpoint_as_if_never_stopped(
    blobs: tuple[Tensor, Tensor], tmp_path: Path
) -> None:
    module = make_module()
    whole = IHYLLCallback(InformationProbe(module, *blobs, size=200), Change)
    fit(module, [whole], blobs, epochs=5)

    module = make_module()
    saver = lightning.callbacks.ModelCheckpoint(tmp_path, save_last=True)
    first = IHYLLCallback(InformationProbe(module, *blobs, size=200), Change)
    fit(module, [first, saver], blobs, epochs=2, folder=tmp_path)

    module = make_module()
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    second = IHYLLCallback(
        InformationProbe(module, *blobs, size=200), Change, trial=trial, monitor="val_acc"
    )
    fit(module, [second], blobs, epochs=5, ckpt_path=tmp_path / "last.ckpt")
    assert second.ihyll == pytest.approx(whole.ihyll, abs=1e-9)
    assert second.lr == pytest.approx(whole.lr, abs=1e-12)
    assert second.policy is not None
    assert whole.policy is not None
    assert second.policy.state_dict() == whole.policy.state_dict()
    # A retried trial learns of the epochs before the checkpoint too.
    assert sorted(ihyll_series(trial)) == [0, 1, 2, 3, 4]


def test_a_trial_gets_what_the_objective_gives_it(blobs: tuple[Tensor, Tensor]) -> None:
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    module = make_module()
    probe = InformationProbe(module, *blobs, size=200)
    callback = IHYLLCallback(probe, Change, trial=trial, monitor="val_acc")
    trainer = fit(module, [callback], blobs)
    study.tell(trial, float(trainer.callback_metrics["val_acc"]))
    frozen = study.trials[0]
    assert ihyll_series(frozen) == pytest.approx(callback.ihyll, rel=1e-5)
    assert frozen.user_attrs["mi:lr"] == list(callback.lr.values())
    assert frozen.user_attrs["ihyll_final"] == callback.ihyll[3]
    assert frozen.user_attrs["ihyll_reference"] == pytest.approx(probe.target_entropy)
    assert frozen.user_attrs["epochs"] == 4
    assert sorted(frozen.intermediate_values) == [0, 1, 2, 3]
    assert frozen.value == pytest.approx(frozen.intermediate_values[3])


def test_the_pruner_ends_training_and_the_series_is_kept(blobs: tuple[Tensor, Tensor]) -> None:
    def objective(trial: optuna.Trial) -> float:
        module = make_module()
        probe = InformationProbe(module, *blobs, size=200)
        callback = IHYLLCallback(probe, trial=trial, monitor="val_acc")
        return float(fit(module, [callback], blobs).callback_metrics["val_acc"])

    pruner = ThresholdPruner(lower=2.0, n_warmup_steps=1)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(objective, n_trials=1)
    frozen = study.trials[0]
    assert frozen.state == TrialState.PRUNED
    assert sorted(ihyll_series(frozen)) == [0, 1]
    assert frozen.user_attrs["mi:lr"] == [0.3, 0.3]


def test_lightning_can_step_a_policy_itself(blobs: tuple[Tensor, Tensor]) -> None:
    def scheduler(optimizer: Any) -> dict[str, Any]:
        return {"scheduler": Change(optimizer), "monitor": "ihyll", "reduce_on_plateau": True}

    module = make_module(scheduler=scheduler)
    callback = IHYLLCallback(InformationProbe(module, *blobs, size=200))
    fit(module, [callback], blobs)
    assert list(callback.lr.values()) == pytest.approx(by_hand(blobs, 200, 4)[1], rel=1e-5)


def test_every_layer_gets_its_own_rate(blobs: tuple[Tensor, Tensor]) -> None:
    module = make_module(layers=True)
    probe = InformationProbe(module, *blobs, size=200, layers=["net.0", "net.2"])
    policy = functools.partial(
        IHYLLReferencePolicy, lr_min=0.01, lr_max=0.5, reference=1.2, noise=0
    )
    callback = IHYLLCallback(probe, policy, layer_wise=True)
    trainer = fit(module, [callback], blobs)
    metrics = trainer.callback_metrics
    assert float(metrics["ihy/net.2"]) == pytest.approx(float(metrics["ihyll"]), rel=1e-6)
    assert float(metrics["ihy/net.0"]) != pytest.approx(float(metrics["ihyll"]), rel=1e-3)
    assert callback.policy is not None
    first, last = callback.policy.get_last_lr()
    assert first != last


def test_a_metric_that_is_not_logged_is_named(blobs: tuple[Tensor, Tensor]) -> None:
    module = make_module()
    trial = optuna.create_study().ask()
    probe = InformationProbe(module, *blobs, size=200)
    callback = IHYLLCallback(probe, trial=trial, monitor="val_loss")
    with pytest.warns(UserWarning, match=r"'val_loss' was not logged.*val_acc"):
        fit(module, [callback], blobs, epochs=2)


def test_what_does_not_fit_is_refused(blobs: tuple[Tensor, Tensor]) -> None:
    module, other = make_module(), make_module()
    probe = InformationProbe(module, *blobs, size=200)
    with pytest.raises(TypeError, match="InformationProbe"):
        IHYLLCallback(module)
    with pytest.raises(ValueError, match="pass trial="):
        IHYLLCallback(probe, monitor="val_acc")
    with pytest.raises(ValueError, match="another model"):
        fit(other, [IHYLLCallback(probe)], blobs)
    step = functools.partial(torch.optim.lr_scheduler.StepLR, step_size=1)
    scheduled = make_module(scheduler=step)
    probe = InformationProbe(scheduled, *blobs, size=200)
    with pytest.raises(ValueError, match="own learning-rate scheduler"):
        fit(scheduled, [IHYLLCallback(probe, Change)], blobs)


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_measures_in_the_precision_of_the_training(
    precision: str, blobs: tuple[Tensor, Tensor]
) -> None:
    module = make_module()
    callback = IHYLLCallback(InformationProbe(module, *blobs, size=200), Change)
    fit(module, [callback], blobs, precision=precision)
    assert list(callback.ihyll.values()) == pytest.approx(by_hand(blobs, 200, 4)[0], abs=0.05)


def test_a_part_that_is_built_in_setup_is_followed(blobs: tuple[Tensor, Tensor]) -> None:
    module = make_module()
    first = module.net

    def setup(stage: str) -> None:
        module.net = copy.deepcopy(first)

    module.setup = setup
    callback = IHYLLCallback(InformationProbe(module.net, *blobs, size=200), Change)
    fit(module, [callback], blobs)
    assert module.net is not first
    assert list(callback.ihyll.values()) == pytest.approx(by_hand(blobs, 200, 4)[0], abs=1e-9)


def test_a_compiled_module_is_measured(blobs: tuple[Tensor, Tensor]) -> None:
    module = make_module()
    compiled = torch.compile(module, backend="eager")
    callback = IHYLLCallback(InformationProbe(compiled, *blobs, size=200, layers=["net.0"]), Change)
    fit(compiled, [callback], blobs)
    assert list(callback.ihyll.values()) == pytest.approx(by_hand(blobs, 200, 4)[0], abs=1e-6)


def test_a_backbone_that_is_unfrozen_later_gets_a_rate(blobs: tuple[Tensor, Tensor]) -> None:
    module = make_module()
    module.backbone = module.net[0]
    module.configure_optimizers = lambda: torch.optim.SGD(
        [p for p in module.parameters() if p.requires_grad], lr=0.3
    )
    unfreeze = lightning.callbacks.BackboneFinetuning(unfreeze_backbone_at_epoch=2)
    callback = IHYLLCallback(InformationProbe(module, *blobs, size=200), Change)
    trainer = fit(module, [unfreeze, callback], blobs)
    assert callback.policy is not None
    rates = callback.policy.get_last_lr()
    assert len(rates) == 2
    assert rates == [group["lr"] for group in trainer.optimizers[0].param_groups]
    assert all(0.01 <= rate <= 0.5 for rate in rates)


def test_a_policy_that_lightning_steps_without_information(blobs: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(TypeError, match="reduce_on_plateau"):
        fit(make_module(scheduler=Change), [], blobs)
