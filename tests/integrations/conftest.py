"""A task that a linear layer can learn, shared by the tests of the callbacks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor


@pytest.fixture
def blobs() -> tuple[Tensor, Tensor]:
    """Inputs of shape (240, 4) and three classes, noisy enough to take some epochs."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(240) % 3
    centres = torch.nn.functional.one_hot(targets, 4).float()
    return centres + 0.6 * torch.randn(240, 4, generator=generator), targets
