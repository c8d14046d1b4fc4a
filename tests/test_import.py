from __future__ import annotations

import subprocess
import sys

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
