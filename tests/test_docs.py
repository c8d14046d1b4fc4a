"""Every ``python`` block of the README and the docs runs; every shipped manifest parses."""

from __future__ import annotations

import importlib.util
import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest

from optuna_mi.cli import _parser

_ROOT = Path(__file__).parents[1]
_PAGES = sorted([_ROOT / "README.md", *(_ROOT / "docs").rglob("*.md")])
# "<!-- requires: lightning -->" marks a page whose examples need an extra.
_REQUIRES = re.compile(r"<!-- requires: (.*?) -->")
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


@pytest.mark.parametrize("page", [p for p in _PAGES if _BLOCK.search(p.read_text())], ids=_name)
@pytest.mark.slow
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text()
    for package in _REQUIRES.findall(text):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{_name(page)} needs {package}, which is not installed")
        warnings.simplefilter("ignore")  # what other libraries deprecate is theirs
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    optimize = optuna.Study.optimize

    def few_trials(self: optuna.Study, func: Any, n_trials: int | None = None, **rest: Any) -> None:
        optimize(self, func, n_trials=min(n_trials or 2, 2), **rest)

    monkeypatch.setattr(optuna.Study, "optimize", few_trials)
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in _BLOCK.findall(text):
        exec(compile(block, _name(page), "exec"), namespace)


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_shown_commands_exist(page: Path) -> None:
    commands = re.findall(r"^(?: {4}|\$ )?optuna-mi (.*)$", page.read_text(), re.MULTILINE)
    for command in commands:
        arguments = shlex.split(command.split("  #")[0].rstrip("\\"))
        if arguments and arguments[0] != "…":
            _parser().parse_args(arguments)


def test_manifests_are_valid_yaml() -> None:
    import yaml

    compose = yaml.safe_load((_ROOT / "docs/deploy/compose.yaml").read_text())
    assert set(compose["services"]) == {"db", "worker", "dashboard"}
    jobs = list(yaml.safe_load_all((_ROOT / "docs/deploy/kubernetes.yaml").read_text()))
    commands = [job["spec"]["template"]["spec"]["containers"][0]["args"] for job in jobs]
    commands.append(compose["services"]["worker"]["command"])
    for command in commands:
        _parser().parse_args(command)


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    notebook = json.loads((_ROOT / "docs/notebooks/text_to_study.ipynb").read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(cells) >= 5
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "notebook"}
    for cell in cells:
        exec(compile(cell, "text_to_study.ipynb", "exec"), namespace)
    assert (tmp_path / "report.html").stat().st_size > 10_000
