from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import optuna_mi


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import optuna_mi",
        "import optuna_mi.information, optuna_mi.decay, optuna_mi.search_space",
        "import optuna_mi; optuna_mi.decay_curve; optuna_mi.MISampler; optuna_mi.IHYLLPruner",
    ],
)
def test_torch_and_plotly_load_only_when_used(statement: str) -> None:
    assert not {"torch", "plotly", "optuna_dashboard"} & _modules_after(statement)


def test_every_public_name_is_there() -> None:
    for name in optuna_mi.__all__:
        assert getattr(optuna_mi, name) is not None
    assert set(dir(optuna_mi)) == set(optuna_mi.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        optuna_mi.nonsense  # noqa: B018


_RANKS = {"information": 0, "decay": 1, "context": 2, "search_space": 3, "samplers": 4}
_MEASURING = {"reading": 0, "counting": 1, "noise": 2}


def _imports() -> list[tuple[list[str], list[str]]]:
    """Return every module of the package with each module of the package that it imports."""
    root = Path(optuna_mi.__file__).parent
    return [
        ([*path.relative_to(root).with_suffix("").parts], (node.module or "").split(".")[1:])
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optuna_mi.")
    ]


def test_imports_go_one_way() -> None:
    for module, imported in _imports():
        text = f"{'.'.join(module)} imports {'.'.join(imported)}"
        own, other = module[0], imported[0]
        if own in _RANKS and other in _RANKS:
            assert _RANKS[other] <= _RANKS[own], text
        if own in ("nn", "pruners"):
            assert other == own or other.startswith("_") or other == "exceptions", text
        if own == other == "decay" and len(imported) > 2:
            assert {module[1], imported[1]} != {"measure", "analysis"}, text
            if module[1] == imported[1] == "measure" and module[2] in _MEASURING:
                ranks = _MEASURING | {"_settings": 0}  # what all of measuring may read
                assert ranks.get(imported[2], 9) <= _MEASURING[module[2]], text
