from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest
import torch

from optuna_mi.exceptions import MissingExtraError
from optuna_mi.samplers import MIGridSampler
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange
from optuna_mi.training import InformationProbe


@pytest.fixture
def probe() -> InformationProbe:
    y = torch.arange(60) % 3
    return InformationProbe(torch.nn.Identity(), torch.nn.functional.one_hot(y).float(), y, size=30)


def without(monkeypatch: pytest.MonkeyPatch, module: str, *libraries: str) -> Any:
    """Import a module afresh as if the libraries were not installed."""
    for name in [n for n in sys.modules if n.split(".")[0] in libraries]:
        monkeypatch.delitem(sys.modules, name)
    for name in libraries:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    return importlib.import_module(module)


def test_lightning_is_named(monkeypatch: pytest.MonkeyPatch, probe: InformationProbe) -> None:
    module = without(
        monkeypatch, "optuna_mi.integrations.lightning", "lightning", "pytorch_lightning"
    )
    with pytest.raises(MissingExtraError, match=r"optuna-mi\[lightning\]"):
        module.IHYLLCallback(probe)


def test_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = without(monkeypatch, "optuna_mi.integrations.ray", "ray")
    space = DilationSpace(DecayGeometry("power"), (IntRange(3, 5, 4),), IntRange(8, 32, 16), 7)
    with pytest.raises(MissingExtraError, match=r"optuna-mi\[engines\]"):
        module.GridOptunaSearch(dict, MIGridSampler(space), metric="score", mode="max")


def test_transformers_is_named(monkeypatch: pytest.MonkeyPatch, probe: InformationProbe) -> None:
    module = without(monkeypatch, "optuna_mi.integrations.transformers", "transformers")
    with pytest.raises(MissingExtraError, match=r"optuna-mi\[transformers\]"):
        module.IHYLLCallback(None, probe)
