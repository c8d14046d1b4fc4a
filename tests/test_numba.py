"""Compiled code where it cannot be kept, and where a kernel's callee has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_NOWHERE = """
import warnings
import numba.core.caching as caching
(getattr(caching, "CacheImpl", None) or caching._CacheImpl)._locator_classes = []
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from optuna_mi.information import mutual_info_mixed
    print(round(mutual_info_mixed([1.0, 2.0, 3.0, 4.0, 1.5], [0, 1, 1, 0, 0], k=1).value, 6))
    print(sum("NUMBA_CACHE_DIR" in str(w.message) for w in caught))
"""

_DAMAGED = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from caller import twice
    print(twice(1.0), sum("NUMBA_CACHE_DIR" in str(w.message) for w in caught))
"""

_CALLEE = "from optuna_mi._numba import njit\n@njit(cache=True)\ndef one(x):\n    return x + {}\n"
_CALLER = (
    "from optuna_mi._numba import njit\nfrom callee import one\n"
    "@njit(cache=True)\ndef twice(x):\n    return one(one(x))\n"
)


def _python(code: str, folder: Path, **environment: str) -> list[str]:
    path = os.pathsep.join([str(folder), str(Path(__file__).parents[1])])
    environment = os.environ | {"PYTHONPATH": path} | environment
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,  # what lies there comes first
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_where_nothing_can_be_kept_all_runs_with_one_warning(tmp_path: Path) -> None:
    assert _python(_NOWHERE, tmp_path) == ["-0.216667", "1"]


def test_a_changed_callee_and_a_damaged_cache(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(_CALLER)
    (tmp_path / "callee.py").write_text(_CALLEE.format("1.0"))
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert _python(_DAMAGED, tmp_path, **cache) == ["3.0", "0"]
    (tmp_path / "callee.py").write_text(_CALLEE.format("10.0"))
    assert _python(_DAMAGED, tmp_path, **cache) == ["21.0", "0"]
    for file in (tmp_path / "cache").rglob("*.nbc"):
        file.write_bytes(b"")
    assert _python(_DAMAGED, tmp_path, **cache) == ["21.0", "1"]


def test_a_changed_constant_and_a_callee_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text(
        "from optuna_mi._numba import njit\nfrom elsewhere.callee import one\n"
        "from elsewhere.constants import FACTOR\n"
        "@njit(cache=True)\ndef twice(x):\n    return FACTOR * one(one(x))\n"
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "callee.py").write_text(_CALLEE.format("1.0"))
    (tmp_path / "elsewhere" / "constants.py").write_text("FACTOR = 1.0\n")
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert _python(_DAMAGED, tmp_path, **cache) == ["3.0", "0"]
    (tmp_path / "elsewhere" / "callee.py").write_text(_CALLEE.format("10.0"))
    assert _python(_DAMAGED, tmp_path, **cache) == ["21.0", "0"]
    (tmp_path / "elsewhere" / "constants.py").write_text("FACTOR = 2.0\n")
    assert _python(_DAMAGED, tmp_path, **cache) == ["42.0", "0"]


_TANH = """
import numpy as np
from optuna_mi.nn._blocks_cells import rnn_forward
y = np.full(4, 0.5, dtype=np.float32)
rnn_forward(y, 0, 1, 4)
print(round(float(y[0]), 3), sum(rnn_forward.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_a_changed_tanh_reaches_the_kernels(tmp_path: Path) -> None:
    # Two calls away, and in another file.
    source = Path(__file__).parents[1] / "optuna_mi"
    shutil.copytree(source, tmp_path / "optuna_mi", ignore=shutil.ignore_patterns("__pycache__"))
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for hits in ("0", "1"):
        assert _python(_TANH, tmp_path, **cache) == ["0.462", hits]
    simd = tmp_path / "optuna_mi" / "nn" / "_simd.py"
    text = simd.read_text()
    changed = text.replace("    return p / q\n", "    return q / p\n")
    assert changed != text
    simd.write_text(changed)
    assert _python(_TANH, tmp_path, **cache) == ["2.164", "0"]
