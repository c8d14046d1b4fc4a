"""The kernels under several Python threads, as Optuna's n_jobs runs them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from optuna_mi.information import mutual_info_ksg, mutual_info_mixed


def both(seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, 300)
    x = rng.normal(size=(300, 60 if seed % 2 else 6)) + y[:, None]
    return mutual_info_mixed(x, y).value, mutual_info_ksg(x, rng.normal(size=300)).value


def test_four_threads_give_the_serial_results():
    serial = [both(seed) for seed in range(16)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(both, range(16))) == serial


FIRST_CALL = """
from concurrent.futures import ThreadPoolExecutor
import threading, numpy as np
from optuna_mi.information import mutual_info_ksg, mutual_info_mixed
gate = threading.Barrier(4)
def call(seed):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 6)), rng.integers(0, 3, 200)
    gate.wait()
    return mutual_info_mixed(x, y).value, mutual_info_ksg(x, x[:, :2] + 1).value
with ThreadPoolExecutor(4) as pool:
    print(len(set(pool.map(call, range(4)))))
"""


@pytest.mark.slow
def test_the_first_call_may_come_from_four_threads_at_once():
    # in a process of its own: numba's threading layers abort, they do not raise
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
