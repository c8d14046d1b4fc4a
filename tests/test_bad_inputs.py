"""Every public function against bad inputs: each gets one clear error, at the door.

``python -m tests.test_bad_inputs`` counts what became of each, by function.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from collections import Counter

import numpy as np
import optuna
import pytest

import optuna_mi
from tests.bad_inputs import (
    of_context,
    of_decay,
    of_information,
    of_networks,
    of_output,
    of_shards,
    of_space,
    of_training,
)
from tests.bad_inputs.table import Case, judge

_MODULES = (
    of_information, of_decay, of_space, of_networks, of_training, of_output, of_context,
    of_shards,
)  # fmt: skip
_TABLES = [module.T for module in _MODULES]
# results that the package makes, types, and callbacks that need the library that they are for
_NOT_FOR_USERS = {
    "Budget", "Cycle", "Dataset", "Delay", "IHYLLCallback", "LagSelection", "LayerState",
    "MutualInformation", "ProbeMeasurement", "SampleSizeCurve", "State", "TCNShape",
}  # fmt: skip
_BAD = [case for table in _TABLES for case in table.bad]


def _by_argument(cases: list[Case]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(f"{case.where}({case.argument})", []).append(case)
    return groups


_GROUPS = _by_argument(_BAD)


@pytest.mark.parametrize("group", _GROUPS)
def test_bad_input_gets_one_clear_error(group: str) -> None:
    found = [(str(case), judge(case)) for case in _GROUPS[group]]
    assert [f"{case}: {v.kind}: {v.message}" for case, v in found if v.kind != "clear"] == []


def test_every_public_name_has_its_bad_inputs() -> None:
    tried = {case.where.split()[0].split(".")[0] for case in _BAD}
    names = set()
    for info in pkgutil.walk_packages(optuna_mi.__path__, "optuna_mi."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            module = importlib.import_module(info.name)
            public = getattr(module, "__all__", ())
            names |= {name for name in public if callable(getattr(module, name))}
    assert names - tried - _NOT_FOR_USERS == set()


@pytest.mark.parametrize("case", [c for t in _TABLES for c in t.valid], ids=str)
def test_valid_input_stays_valid(case: Case) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        case.call()


def main() -> None:
    """Print the counts, and with ``-v`` every case that is not clear; other words choose."""
    chosen = [word for word in sys.argv[1:] if word != "-v"]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    total: Counter[str] = Counter()
    by_function: dict[str, Counter[str]] = {}
    for case in _BAD:
        if chosen and not any(word in case.where for word in chosen):
            continue
        verdict = judge(case)
        total[verdict.kind] += 1
        by_function.setdefault(case.where, Counter())[verdict.kind] += 1
        if "-v" in sys.argv and verdict.kind != "clear":
            print(f"{verdict.kind:9}{case}: {verdict.message[:200]}")
    for where, counts in by_function.items():
        print(f"{where:40}{dict(counts)}")
    print(f"{sum(total.values())} bad inputs: {dict(total)}")


if __name__ == "__main__":
    main()
