"""Tests that need a GPU; ``make test-gpu`` runs them where there is one.

OPTUNA_MI_TEST_DEVICE=cpu runs them on the CPU, as far as they go there: that shows a slip in a test
to those who write it, and nothing else.
"""

from __future__ import annotations

import os

import pytest
import torch


@pytest.fixture(scope="session")
def device() -> torch.device:
    name = os.environ.get("OPTUNA_MI_TEST_DEVICE", "cuda")
    if name == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    return torch.device(name)
