"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; its absence skips a test, except in CI, where it is an error."""
    value = os.environ.get("OPTUNA_MI_DATA")
    if not value:
        if os.environ.get("CI"):
            pytest.fail("CI must set OPTUNA_MI_DATA: real-data tests may not be skipped there")
        pytest.skip("real data: set OPTUNA_MI_DATA to a folder with mnist/, ptb/, reference_curves/")
    return Path(value).resolve()
