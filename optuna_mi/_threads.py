"""How many threads, and how they share work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

from optuna_mi._checks import whole

Item = TypeVar("Item")
Result = TypeVar("Result")


def resolve_threads(n_threads: int | None) -> int:
    """Return the number of threads: those of the machine that this process may use, if ``None``.

    Raises:
        TypeError: If it is no integer.
        ValueError: If it is below 1.
    """
    if n_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return whole("n_threads", n_threads, 1)


def parallel(
    function: Callable[[Item], Result],
    items: list[Item],
    *,
    n_threads: int,
    progress: bool = False,
    label: str = "",
) -> list[Result]:
    """Return function of every item, in order."""
    results: Iterable[Result]
    if n_threads == 1:
        results = map(function, items)
        return list(tqdm(results, total=len(items), desc=label, disable=not progress))
    with ThreadPoolExecutor(n_threads) as pool:
        results = pool.map(function, items)
        return list(tqdm(results, total=len(items), desc=label, disable=not progress))
