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
from torch import Tensor

from optuna_mi.pruners import ihyll_series
from optuna_mi.training import IHYLLChangePolicy, InformationProbe, layer_parameter_groups

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    reason = "needs the extra: pip install 'optuna-mi[transformers]'"
    transformers = pytest.importorskip("transformers", reason=reason)
    pytest.importorskip("accelerate", reason=reason)
    from optuna_mi.integrations.transformers import IHYLLCallback, PolicyScheduler

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

Change = functools.partial(
    IHYLLChangePolicy, lr_min=0.002, lr_max=0.02, gamma1=0.01, gamma2=0.1, noise=0
)


class Sentences(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Eight tokens whose class is the most frequent of three of them."""

    def __init__(self, n: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.labels = torch.arange(n) % 3
        noise = torch.randint(3, 12, (n, 8), generator=generator)
        keep = torch.rand(n, 8, generator=generator) < 0.3
        self.ids = torch.where(keep, self.labels[:, None], noise)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"input_ids": self.ids[i], "labels": self.labels[i]}


def make_model() -> Any:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=12,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=3,
    )
    return transformers.BertForSequenceClassification(config)


def make_probe(model: Any, data: Sentences, **kwargs: Any) -> InformationProbe:
    return InformationProbe(model, data.ids, data.labels, size=90, **kwargs)


def make_trainer(
    model: Any,
    folder: Path,
    data: Sentences,
    optimizers: Any = (None, None),
    model_init: Any = None,
    **options: Any,
) -> Any:
    arguments = {
        "num_train_epochs": 3,
        "per_device_train_batch_size": 32,
        "logging_strategy": "epoch",
        "save_strategy": "no",
        "eval_strategy": "epoch",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 0,
    }
    args = transformers.TrainingArguments(str(folder), **(arguments | options))
    return transformers.Trainer(
        model,
        args,
        train_dataset=data,
        eval_dataset=data,
        optimizers=optimizers,
        model_init=model_init,
    )


def steered(model: Any, folder: Path, data: Sentences, **options: Any) -> Any:
    """A Trainer that holds a policy and has the callback; the callback is returned beside it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    scheduler = PolicyScheduler(Change(optimizer))
    trainer = make_trainer(model, folder, data, (optimizer, scheduler), **options)
    callback = IHYLLCallback(trainer, make_probe(model, data))
    trainer.add_callback(callback)
    return trainer, callback


def test_the_policy_alone_sets_the_rate(tmp_path: Path) -> None:
    data = Sentences(120)
    trainer, callback = steered(make_model(), tmp_path, data)
    trainer.train()
    assert sorted(callback.ihyll) == [0, 1, 2]
    # The policy's own arithmetic on the series that was measured.
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    policy, rates = Change(optimizer), []
    for value in callback.ihyll.values():
        rates.append(policy.get_last_lr()[0])
        policy.step(value)
    assert list(callback.lr.values()) == pytest.approx(rates, rel=1e-9)
    assert len(set(rates)) > 1
    # The Trainer's own log of the loss is there too, with the policy's rate.
    own = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(own) == 3
    logged = [entry["ihyll"] for entry in trainer.state.log_history if "ihyll" in entry]
    assert logged == list(callback.ihyll.values())


def test_goes_on_from_a_checkpoint_as_if_never_stopped(tmp_path: Path) -> None:
    data = Sentences(120)
    trainer, whole = steered(make_model(), tmp_path / "whole", data)
    trainer.train()

    trainer, _ = steered(make_model(), tmp_path / "parts", data, save_strategy="epoch")
    trainer.args.num_train_epochs = 2
    trainer.train()
    trainer, second = steered(make_model(), tmp_path / "parts", data)
    trainer.train(resume_from_checkpoint=True)
    assert second.ihyll == pytest.approx(whole.ihyll, abs=1e-9)
    assert second.lr == pytest.approx(whole.lr, abs=1e-12)
    assert second.policy.state_dict() == whole.policy.state_dict()


def test_a_trial_gets_what_the_objective_gives_it(tmp_path: Path) -> None:
    data, model = Sentences(120), make_model()
    study = optuna.create_study(direction="minimize")
    trial = study.ask()
    trainer = make_trainer(model, tmp_path, data)
    probe = make_probe(model, data)
    callback = IHYLLCallback(trainer, probe, trial=trial, monitor="eval_loss")
    trainer.add_callback(callback)
    trainer.train()
    study.tell(trial, trainer.evaluate()["eval_loss"])
    frozen = study.trials[0]
    assert ihyll_series(frozen) == pytest.approx(callback.ihyll, rel=1e-5)
    assert sorted(frozen.intermediate_values) == [0, 1, 2]
    assert frozen.value == pytest.approx(frozen.intermediate_values[2])
    assert frozen.user_attrs["mi:lr"] == list(callback.lr.values())
    assert frozen.user_attrs["ihyll_reference"] == pytest.approx(probe.target_entropy)
    # No policy: the Trainer's linear decay is left alone.
    assert callback.policy is None
    assert callback.lr[0] > callback.lr[1] > callback.lr[2]


def test_the_pruner_ends_training_and_the_series_is_kept(tmp_path: Path) -> None:
    data = Sentences(60)

    def objective(trial: optuna.Trial) -> float:
        model = make_model()
        trainer = make_trainer(model, tmp_path, data)
        probe = make_probe(model, data)
        trainer.add_callback(IHYLLCallback(trainer, probe, trial=trial, monitor="eval_loss"))
        trainer.train()
        return float(trainer.evaluate()["eval_loss"])

    study = optuna.create_study(pruner=ThresholdPruner(upper=0.0, n_warmup_steps=1))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.PRUNED
    assert sorted(ihyll_series(study.trials[0])) == [0, 1]
    assert len(study.trials[0].user_attrs["mi:lr"]) == 2


def test_every_layer_gets_its_own_rate(tmp_path: Path) -> None:
    data, model = Sentences(120), make_model()
    layers = ["bert", "classifier"]
    optimizer = torch.optim.Adam(layer_parameter_groups(model, layers))
    scheduler = PolicyScheduler(Change(optimizer))
    trainer = make_trainer(model, tmp_path, data, (optimizer, scheduler))
    callback = IHYLLCallback(trainer, make_probe(model, data, layers=layers), layer_wise=True)
    trainer.add_callback(callback)
    trainer.train()
    logged = [entry for entry in trainer.state.log_history if "ihyll" in entry]
    assert all(entry["ihy/classifier"] == entry["ihyll"] for entry in logged)
    assert any(entry["ihy/bert"] != entry["ihyll"] for entry in logged)
    first, last = callback.policy.get_last_lr()
    assert first != last


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    data, model = Sentences(60), make_model()
    trainer = make_trainer(model, tmp_path, data, eval_strategy="no")
    probe = make_probe(model, data)
    trial = optuna.create_study().ask()
    with pytest.raises(TypeError, match="InformationProbe"):
        IHYLLCallback(trainer, model)
    with pytest.raises(ValueError, match="pass trial="):
        IHYLLCallback(trainer, probe, monitor="eval_loss")
    with pytest.raises(ValueError, match="eval_strategy='epoch'"):
        IHYLLCallback(trainer, probe, trial=trial, monitor="eval_loss")
    trainer = make_trainer(model, tmp_path, data)
    trainer.add_callback(IHYLLCallback(trainer, probe, trial=trial, monitor="eval_f1"))
    with pytest.raises(KeyError, match="eval_loss"):
        trainer.train()
    with pytest.raises(TypeError, match="policy must be"):
        PolicyScheduler(torch.optim.SGD(model.parameters(), lr=0.1))


def test_a_model_that_the_trainer_builds_anew_is_followed(tmp_path: Path) -> None:
    class Steered(transformers.Trainer):
        """Makes the policy where the Trainer makes the optimizer: anew for every training."""

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            self.lr_scheduler = PolicyScheduler(Change(self.optimizer))
            return self.lr_scheduler

    data, model = Sentences(120), make_model()
    callbacks = []
    for model_init in (None, make_model):
        trainer = make_trainer(
            None if model_init else model,
            tmp_path,
            data,
            model_init=model_init,
            num_train_epochs=2,
            eval_strategy="no",
        )
        trainer.__class__ = Steered
        callbacks.append(IHYLLCallback(trainer, make_probe(trainer.model, data)))
        trainer.add_callback(callbacks[-1])
        trainer.train()
    expected, found = callbacks
    assert found.ihyll == pytest.approx(expected.ihyll, abs=1e-9)
    assert found.lr == pytest.approx(expected.lr, abs=1e-12)
    assert len(set(found.ihyll.values())) == 2
    # So does every trial of the Trainer's own search.
    trainer.hyperparameter_search(
        lambda trial: {"seed": trial.suggest_int("seed", 0, 0)},
        compute_objective=lambda metrics: 0.0,
        n_trials=1,
        backend="optuna",
    )
    assert found.ihyll == pytest.approx(expected.ihyll, abs=1e-9)


def test_what_another_model_left_is_refused(tmp_path: Path) -> None:
    data, model = Sentences(60), make_model()
    trainer = make_trainer(model, tmp_path, data)
    with pytest.raises(ValueError, match=r"another model.*a copy, perhaps"):
        IHYLLCallback(trainer, make_probe(copy.deepcopy(model), data))
    optimizer = torch.optim.SGD(copy.deepcopy(model).parameters(), lr=0.1)
    trainer.add_callback(IHYLLCallback(trainer, make_probe(model, data)))
    trainer.lr_scheduler = PolicyScheduler(Change(optimizer))
    with pytest.raises(ValueError, match=r"overriding create_scheduler"):
        trainer.train()
