"""Ways to turn what can be learnt into a list of dilations: those that were raced."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.races.data import TRAININGS, load
from benchmarks.races.spaces import our_space
from optuna_mi import context_curve, select_lags
from optuna_mi.search_space import format_dilations, parse_dilations
from optuna_mi.search_space._geometry import MAX_RATIO
from optuna_mi.search_space._on_lags import connected
from optuna_mi.search_space._placement import bounded, to_increasing_integers

RULES_FILE = Path(__file__).parents[1] / "results" / "races-rules.json"
#: What `DilationSpace.from_analysis` did when the plan was written, and the new ways.
RULES = ("paper", "context", "shares", "on lags")
# Places that `select_lags` predicts: all of the smaller data sets, a part of the larger ones.
_PLACES = 300_000

Floats = npt.NDArray[np.float64]


@functools.cache
def lists_of(name: str) -> Mapping[str, tuple[int, ...]]:
    """Return the list of each rule for a data set; what was measured once is kept in a file."""
    known = json.loads(RULES_FILE.read_text()) if RULES_FILE.exists() else {}
    if name not in known:
        known[name] = {rule: format_dilations(x) for rule, x in _measured(name).items()}
        RULES_FILE.write_text(json.dumps(known, indent=1) + "\n")
    return {rule: parse_dilations(text) for rule, text in known[name].items()}


def _measured(name: str) -> dict[str, tuple[int, ...]]:
    training, sequences = TRAININGS[name], load(name).sequences
    window, most = training.window, training.doubling_layers
    spaces = {kind: our_space(name, kind) for kind in ("paper", "context")}
    curve = context_curve(sequences, budgets=False)
    chosen = select_lags(sequences, max_places=_PLACES).lags
    return {kind: space.dilations(space.recommended) for kind, space in spaces.items()} | {
        "shares": by_shares(curve.information, curve.context_length, window, most),
        "on lags": by_lags(chosen, curve.context_length, window, most),
    }


def effective(gains: Floats) -> int:
    """Return among how many steps the information is spread: e to the entropy of their shares."""
    shares = gains[gains > 0] / gains[gains > 0].sum()
    return math.ceil(math.exp(-float(shares @ np.log(shares))) - 1e-9)


def by_shares(information: Floats, length: int, window: int, most: int) -> tuple[int, ...]:
    """Place layers at equal shares of what the last k steps tell, as many as steps that matter.

    Args:
        information: What the last k steps tell, shape (K + 1,).
        length: The context length.
        window: Steps of a training sequence.
        most: Most layers.
    """
    length = min(max(1, length), window - 1)
    told = np.maximum.accumulate(information[: length + 1])
    reach = math.ceil(math.log(length, MAX_RATIO) - 1e-9) + 1
    n = min(max(effective(np.diff(told)), reach), most, length)
    if n == 1:
        return (length,)
    k = np.arange(1, length + 1)
    lines = np.linspace(told[1], told[-1], n)
    positions = np.exp(np.interp(lines, told[1:] + 1e-12 * k, np.log(k)))
    positions[[0, -1]] = 1, length
    return to_increasing_integers(bounded(positions, (n,), (length,), MAX_RATIO), length)


def by_lags(chosen: Sequence[int], length: int, window: int, most: int) -> tuple[int, ...]:
    """Connect the chosen lags and what can be learnt, and fill gaps that are too wide.

    The state at a step holds its own value, so the next one's lag of d lies d - 1 steps back.

    Args:
        chosen: Lags in the order of choice; the first are kept where there are too many.
        length: The context length.
        window: Steps of a training sequence.
        most: Most layers.
    """
    back = [d - 1 for d in chosen if 1 < d <= window - 1]
    return connected(back, max(1, min(length, window - 1)), most)
