"""Finding the probe's model again in a model that was built anew."""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from optuna_mi.training import InformationProbe
from optuna_mi.training._probe_model import unwrap


class Followed:
    """A probe, and where its model sits in the one that is trained.

    Args:
        probe: Made for the trained model or a part of it.
        trained: The model that is trained, maybe wrapped.

    Raises:
        ValueError: If the probe's model is no part of it.
    """

    def __init__(self, probe: InformationProbe, trained: nn.Module) -> None:
        self._probe = probe
        for name, module in unwrap(trained).named_modules():
            if unwrap(module) is probe.model:
                self._name = name
                return
        raise ValueError(
            "the probe was made for another model than the one that is trained (a copy, perhaps): "
            "pass InformationProbe the model that the trainer holds, or a module inside it"
        )

    def follow(self, trained: nn.Module) -> None:
        """Let the probe measure the same part of the model that is trained now.

        Raises:
            ValueError: If the model has no such part.
        """
        try:
            self._probe.follow(unwrap(trained).get_submodule(self._name))
        except AttributeError as error:
            raise ValueError(
                f"the probe's model was {self._name!r} of the trained one, which was built anew "
                "and has no such part: make probe and callback after the model is built"
            ) from error


def check_optimizer(optimizer: Optimizer, trained: nn.Module) -> None:
    """Raise unless an optimizer trains a parameter of the model.

    Raises:
        ValueError: If it holds those of another model.
    """
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if not any(id(p) in held for p in trained.parameters()):
        raise ValueError(
            "the policy holds an optimizer of another model: the trainer built model and optimizer "
            "anew. Make the policy where the optimizer is made: in Hugging Face's Trainer by "
            "overriding create_scheduler, in Lightning in configure_optimizers or through "
            "IHYLLCallback(probe, policy)"
        )
