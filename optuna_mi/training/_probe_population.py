"""IHYLL of many networks from one pass over the probe's examples."""

from __future__ import annotations

import torch

from optuna_mi.information import MutualInformation
from optuna_mi.nn import DilatedRNNPopulation
from optuna_mi.training._probe import InformationProbe
from optuna_mi.training._probe_features import output_features
from optuna_mi.training._probe_forward import call_forward, first_tensor, undisturbed
from optuna_mi.training._probe_model import as_parameters
from optuna_mi.training._task import examples_at_once


def measure_population(
    probe: InformationProbe, population: DilatedRNNPopulation
) -> list[MutualInformation]:
    """Return the IHYLL of each network on the probe's examples, in nats.

    Args:
        probe: That of any network of the population, without further layers.
        population: The networks.
    """
    sample = probe._sample
    size = examples_at_once(probe._batch_size or sample.n_examples, population)
    with undisturbed(population, population.weights.device):
        chunks = [
            first_tensor(call_forward(population, probe._forward, as_parameters(x, population)))
            for x in torch.split(sample.inputs, size, dim=sample.batch_dim)
        ]
    outputs = torch.cat(chunks, dim=1 + sample.batch_dim)
    return [probe._estimate(output_features(o, sample), last=True) for o in outputs]
