"""SGD, Adam and RMSprop of K networks at once: a learning rate, a clip and moments for each row.

torch's optimizers have one rate for a tensor. Here the weights of all networks are one matrix, and
what differs from network to network is a column: the numbers are those of torch's optimizers, one
for each network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer, RMSprop

from optuna_mi.nn import DilatedRNNPopulation

# What an optimizer keeps of every number, by the names of torch's own states.
_MOMENTS: dict[str, tuple[str, ...]] = {
    "Adam": ("exp_avg", "exp_avg_sq"),
    "RMSprop": ("square_avg",),
    "SGD": (),
}


class PopulationOptimizer:
    """The optimizers of a population's networks, taken up from torch's own and given back to them.

    Args:
        population: What is trained.
        optimizers: Of each network: all of one class, with torch's default settings but the rate.
        clip: Largest norm of a network's gradient.
    """

    def __init__(
        self, population: DilatedRNNPopulation, optimizers: Sequence[Optimizer], clip: float
    ) -> None:
        self._weights = population.weights
        self._population = population
        self._optimizers = optimizers
        self._clip = clip
        self._defaults = optimizers[0].defaults
        self._is = type(optimizers[0])
        names = _MOMENTS[self._is.__name__]
        self._moments = {name: torch.zeros_like(self._weights) for name in names}
        steps = [0.0] * len(optimizers)
        for k, optimizer in enumerate(optimizers):
            for parameter, state in optimizer.state.items():
                steps[k] = float(state["step"])
                for name in names:
                    self._view(k, name)[id(parameter)].copy_(state[name])
        self._steps = self._column(steps)
        self._rates = self._column([0.0] * len(optimizers))

    def _column(self, values: Sequence[float]) -> Tensor:
        # float64, as Python's own numbers are, with which torch's optimizers reckon; Apple's GPUs
        # have none
        device = self._weights.device
        dtype = torch.float32 if device.type == "mps" else torch.float64
        return torch.tensor(values, dtype=dtype, device=device).unsqueeze(1)

    def _view(self, k: int, name: str) -> dict[int, Tensor]:
        return {id(p): view for p, view in self._population.views(k, self._moments[name])}

    def read_rates(self) -> None:
        """Take the rates that the networks' optimizers have now."""
        # In place: a CUDA graph of the step reads them where they are.
        self._rates.copy_(self._column([float(o.param_groups[0]["lr"]) for o in self._optimizers]))

    @torch.no_grad()
    def step(self) -> None:
        """Clip each network's gradient and change its weights."""
        gradient = self._weights.grad
        assert gradient is not None
        # As torch.nn.utils.clip_grad_norm_, for each row.
        norm = gradient.norm(dim=1, keepdim=True)
        gradient.mul_((self._clip / (norm + 1e-6)).clamp(max=1.0))
        self._steps += 1
        dtype = self._weights.dtype
        if self._is is Adam:
            first, second = self._moments["exp_avg"], self._moments["exp_avg_sq"]
            beta1, beta2 = self._defaults["betas"]
            first.lerp_(gradient, 1 - beta1)
            second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            size = (-self._rates / (1 - beta1**self._steps)).to(dtype)
            correction = (1 - beta2**self._steps).sqrt().to(dtype)
            denominator = (second.sqrt() / correction).add_(self._defaults["eps"])
            self._weights.addcmul_(size, first / denominator)
        elif self._is is RMSprop:
            square, alpha = self._moments["square_avg"], self._defaults["alpha"]
            square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
            denominator = square.sqrt().add_(self._defaults["eps"])
            self._weights.addcmul_(-self._rates.to(dtype), gradient / denominator)
        else:
            self._weights.addcmul_(-self._rates.to(dtype), gradient)

    def give_back(self) -> None:
        """Let the networks' optimizers have their states, as views of the rows here."""
        if not self._moments:
            return
        for k, (optimizer, step) in enumerate(
            zip(self._optimizers, self._steps.flatten().tolist(), strict=True)
        ):
            views = {name: self._view(k, name) for name in self._moments}
            for parameter in self._population.model(k).parameters():
                moments = {name: view[id(parameter)] for name, view in views.items()}
                optimizer.state[parameter] = {
                    "step": torch.tensor(step, dtype=torch.float32, device="cpu"),
                    **moments,
                }
