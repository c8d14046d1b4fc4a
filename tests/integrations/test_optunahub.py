"""The registry entries: front matter, names, pictures, and the examples against the package."""

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
import optuna_mi.pruners

REGISTRY = Path(__file__).parents[2] / "optunahub"
ENTRIES = {"samplers/mi_dilations": "sampler", "pruners/ihyll": "pruner"}

every_entry = pytest.mark.parametrize("entry", ENTRIES)


def load(package: str) -> Any:
    """Load the folder as the registry's loader does: as a package of a name of its own."""
    name = f"optunahub_registry_{Path(package).name}"
    spec = importlib.util.spec_from_file_location(name, REGISTRY / package / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_example(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = types.ModuleType("optunahub")
    registry.load_module = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "optunahub", registry)
    runpy.run_path(str(REGISTRY / package / "example.py"), run_name="__main__")


def test_no_entry_is_forgotten() -> None:
    folders = {str(p.parent.relative_to(REGISTRY)) for p in REGISTRY.glob("*/*/__init__.py")}
    assert folders == set(ENTRIES)


@every_entry
def test_the_folder_holds_what_the_registry_asks_for(entry: str) -> None:
    folder = REGISTRY / entry
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    meta = yaml.safe_load(head)
    assert set(meta) == {"author", "title", "description", "tags", "optuna_versions", "license"}
    assert all(meta.values())
    assert ENTRIES[entry] in meta["tags"]  # what a package of that kind must carry
    assert meta["license"] == "MIT License"
    prose = re.sub(r"```.*?```|`[^`]*`", "", body, flags=re.DOTALL)
    assert "<" not in prose, "the registry strips HTML"
    for section in ("## Abstract", "## APIs", "## Installation", "## Example"):
        assert section in body
    license_text = (folder / "LICENSE").read_text()
    assert license_text.startswith("MIT License")
    assert "<COPYRIGHT" not in license_text
    assert (folder / "requirements.txt").read_text().startswith("optuna-mi")
    assert list((folder / "tests").glob("test_*.py"))
    pictures = re.findall(r"!\[.+?\]\((images/.+?)\)", body)
    assert pictures
    for picture in pictures:
        assert (folder / picture).stat().st_size > 10_000


@every_entry
def test_its_names_are_the_packages_own(entry: str) -> None:
    module = load(entry)
    for name in module.__all__:
        source = optuna_mi if hasattr(optuna_mi, name) else optuna_mi.pruners
        assert getattr(module, name) is getattr(source, name)
        assert name in (REGISTRY / entry / "README.md").read_text()


@every_entry
def test_the_registrys_loader_takes_it(entry: str) -> None:
    # A module of it: the checkout's own folder of that name passes for an empty namespace.
    pytest.importorskip("optunahub.hub", reason="the registry's loader: pip install optunahub")
    optunahub = importlib.import_module("optunahub")
    module = optunahub.load_local_module(package=entry, registry_root=str(REGISTRY))
    for name in module.__all__:
        assert getattr(module, name).__module__.startswith("optuna_mi.")


def test_the_samplers_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_example("samplers/mi_dilations", monkeypatch)
    said = capsys.readouterr().out
    assert re.search(r"period +24 ", said)
    assert "1,2,4,8,16,24 is what the data recommend" in said


def test_the_pruners_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn", reason="the digits: pip install optuna-mi[datasets]")
    run_example("pruners/ihyll", monkeypatch)
    found = re.search(r"best accuracy (\S+) .*\npruned: trials \[(.*?)\]", capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > 0.9
    assert len(found[2].split(",")) > 1
