"""The registry package: front matter, names, and the example against the package itself."""

from __future__ import annotations

import importlib
import importlib.util
import re
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

import optuna_mi

REGISTRY = Path(__file__).parents[2] / "optunahub"
PACKAGE = "samplers/mi_dilations"
FOLDER = REGISTRY / PACKAGE


def load() -> Any:
    """Load the folder as the registry's loader does: as a package of a name of its own."""
    name = "optunahub_registry_mi_dilations"
    spec = importlib.util.spec_from_file_location(name, FOLDER / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_holds_what_the_registry_asks_for() -> None:
    _, head, body = (FOLDER / "README.md").read_text().split("---\n", 2)
    meta = yaml.safe_load(head)
    assert set(meta) == {
        "author",
        "title",
        "description",
        "tags",
        "optuna_versions",
        "license",
    }
    assert all(meta.values())
    assert "sampler" in meta["tags"]  # what a package under samplers/ must carry
    assert meta["license"] == "MIT License"
    prose = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert "<" not in prose, "the registry strips HTML"
    for section in ("## Abstract", "## APIs", "## Installation", "## Example"):
        assert section in body
    license_text = (FOLDER / "LICENSE").read_text()
    assert license_text.startswith("MIT License")
    assert "<COPYRIGHT" not in license_text


def test_its_names_are_the_packages_own() -> None:
    module = load()
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is getattr(optuna_mi, name)
        assert name in (FOLDER / "README.md").read_text()


def test_the_registrys_loader_takes_it() -> None:
    # A module of it: the checkout's own folder of that name passes for an empty namespace.
    pytest.importorskip("optunahub.hub", reason="the registry's loader: pip install optunahub")
    optunahub = importlib.import_module("optunahub")
    module = optunahub.load_local_module(package=PACKAGE, registry_root=str(REGISTRY))
    assert module.MISampler is optuna_mi.MISampler


def test_the_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = types.ModuleType("optunahub")
    registry.load_module = lambda package: load()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "optunahub", registry)
    runpy.run_path(str(FOLDER / "example.py"))
    said = capsys.readouterr().out
    assert re.search(r"period +24 ", said)
    assert "1,2,4,8,12,24 is what the data recommend" in said
