from __future__ import annotations

import datetime
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

from optuna_mi._attributes import CELL_ATTR, FAILED_ATTR
from optuna_mi.samplers._cells import Cells
from optuna_mi.samplers._claims import (
    NO_CELL,
    UNDECIDED,
    ClaimReader,
    free_cell,
    open_cells,
    own_cell,
)
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

SPACE = DilationSpace(DecayGeometry("power"), (IntRange(3, 7, 5),), IntRange(8, 32, 16), 7)
CELLS = Cells(SPACE, SPACE.grid(2)[:6], {})
NOW = datetime.datetime(2030, 1, 1, 12)


def _trial(
    number: int, state: TrialState, ended: float | None = None, **attrs: object
) -> FrozenTrial:
    finished = state.is_finished()
    return FrozenTrial(
        number=number,
        state=state,
        value=1.0 if state == TrialState.COMPLETE else None,
        datetime_start=NOW,
        datetime_complete=NOW - datetime.timedelta(seconds=ended or 0) if finished else None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs=dict(attrs),
        intermediate_values={},
        trial_id=number,
    )


def _holding(number: int, state: TrialState, cell: int, **rest: object) -> FrozenTrial:
    return _trial(number, state, **{CELL_ATTR: [CELLS.fingerprint, cell]}, **rest)  # type: ignore[arg-type]


def test_who_has_what() -> None:
    order = CELLS.order
    trials = [
        _holding(0, TrialState.COMPLETE, order[0]),
        _holding(1, TrialState.PRUNED, order[1]),
        _holding(2, TrialState.FAIL, order[2], **{FAILED_ATTR: True}),
        _trial(3, TrialState.RUNNING),  # its ticket says what it has
        _trial(4, TrialState.RUNNING, fixed_params=CELLS.params(order[5])),  # enqueued: a cell
        _trial(5, TrialState.RUNNING),  # the enqueued one has this ticket's cell
        _holding(6, TrialState.RUNNING, UNDECIDED),
        _holding(7, TrialState.PRUNED, NO_CELL),
    ]
    claims = ClaimReader(CELLS, 10.0).read(trials, NOW)
    assert claims.finished == {order[0], order[1]}
    assert claims.holder == {order[0]: 0, order[1]: 1, order[3]: 3, order[5]: 4}
    assert claims.failures == {order[2]: 1}
    assert claims.undecided == [3, 5, 6]
    assert claims.contested == {order[5]}
    assert own_cell(3, claims, CELLS) == order[3]
    assert own_cell(5, claims, CELLS) is None
    assert own_cell(6, claims, CELLS) is None
    assert free_cell(CELLS.order[:6], claims, 2) == order[2]
    # Given up after one failure; then the cell of the ticket that the enqueued trial drew.
    assert free_cell(CELLS.order[:6], claims, 1) == order[4]
    assert open_cells(claims, CELLS, 2) == {order[2], order[3], order[4], order[5]}
    assert open_cells(claims, CELLS, 1) == {order[3], order[4], order[5]}


def test_a_cell_about_to_be_enqueued_again_is_not_free() -> None:
    cell = CELLS.order[0]
    reader = ClaimReader(CELLS, 10.0)
    stale = _holding(0, TrialState.FAIL, cell, ended=3.0)
    filler = [_holding(n, TrialState.COMPLETE, CELLS.order[n]) for n in range(1, 6)]
    claims = reader.read([stale, *filler], NOW)
    assert claims.pending == {cell}
    assert free_cell(CELLS.order[:6], claims, 3) is None
    later = NOW + datetime.timedelta(seconds=8)
    assert free_cell(CELLS.order[:6], reader.read([stale, *filler], later), 3) == cell
    # A trial that failed by itself, or one of a machine in another time zone: free at once.
    own = _holding(0, TrialState.FAIL, cell, ended=3.0, **{FAILED_ATTR: True})
    abroad = _holding(0, TrialState.FAIL, cell, ended=-3600.0)
    for trial in (own, abroad):
        claims = ClaimReader(CELLS, 10.0).read([trial, *filler], NOW)
        assert free_cell(CELLS.order[:6], claims, 3) == cell


def test_a_study_made_again_is_read_again() -> None:
    reader = ClaimReader(CELLS, 10.0)
    reader.read([_holding(n, TrialState.COMPLETE, CELLS.order[n]) for n in range(4)], NOW)
    claims = reader.read([_trial(0, TrialState.RUNNING)], NOW)
    assert claims.finished == set()
    assert claims.holder == {CELLS.order[0]: 0}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_reading_on_is_reading_anew(seed: int) -> None:
    rng = random.Random(seed)
    trials: list[FrozenTrial] = []
    reader = ClaimReader(CELLS, 5.0)
    for minute in range(12):
        now = NOW + datetime.timedelta(seconds=minute)
        for trial in trials:
            if not trial.state.is_finished() and rng.random() < 0.4:
                cell = rng.choice([*CELLS.order, NO_CELL, UNDECIDED])
                if CELL_ATTR not in trial.system_attrs or rng.random() < 0.3:
                    trial.system_attrs[CELL_ATTR] = [CELLS.fingerprint, cell]
                else:
                    trial.state = rng.choice(
                        [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED]
                    )
                    trial.datetime_complete = now
                    if trial.state == TrialState.FAIL and rng.random() < 0.5:
                        trial.system_attrs[FAILED_ATTR] = True
        for _ in range(rng.randrange(3)):
            state = rng.choice([TrialState.RUNNING, TrialState.WAITING])
            fixed = {"fixed_params": CELLS.params(rng.choice(CELLS.order))}
            attrs = fixed if rng.random() < 0.2 else {}
            trials.append(_trial(len(trials), state, **attrs))  # type: ignore[arg-type]
        on = reader.read(trials, now)
        anew = ClaimReader(CELLS, 5.0).read(trials, now)
        assert sorted(on.undecided) == sorted(anew.undecided)
        on.undecided = anew.undecided
        assert on == anew


@pytest.mark.parametrize("n", [1, 2, 6])
def test_the_order_is_a_permutation_that_starts_with_the_recommendation(n: int) -> None:
    cells = Cells(SPACE, SPACE.grid(3)[:n], {"hidden": [1, 2]})
    assert sorted(cells.order) == list(range(2 * n))
    assert cells.params(cells.order[0]) == {**SPACE.recommended, "hidden": 1}
    again = Cells(SPACE, SPACE.grid(3)[:n], {"hidden": [1, 2]})
    assert (again.order, again.fingerprint) == (cells.order, cells.fingerprint)
    other = Cells(SPACE, SPACE.grid(3)[:n], {"hidden": [1, 3]})
    assert other.fingerprint != cells.fingerprint
