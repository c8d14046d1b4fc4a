from __future__ import annotations

import dataclasses
import functools
import json
import sys
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.distributions import IntDistribution

from benchmarks.pruners.pareto import few_then_best, quantile, rules, start_fewer, studies
from benchmarks.pruners.recorded import Curves, load
from benchmarks.races import hub
from benchmarks.races.__main__ import main
from benchmarks.races.data import TRAININGS, _highest, _outer, _outlines, _voices
from benchmarks.races.longer import BUDGETS as LONG_BUDGETS
from benchmarks.races.longer import compare, of_depth, wanted_of
from benchmarks.races.longer import text as longer_text
from benchmarks.races.pairs import meets
from benchmarks.races.pibo import PiBOGPSampler, PiBOTPESampler, position
from benchmarks.races.play import BASE, CONFIRMING, frame_of, play, recommended_beats, spread
from benchmarks.races.record import Recorded, Recordings, train
from benchmarks.races.rules import RULES, by_lags, by_shares, effective
from benchmarks.races.samplers import WAYS, PriorSampler, tpe
from benchmarks.races.spaces import SPACES, TableSpace, all_lists, recommended_lists, table_space
from benchmarks.races.text import confirmation, text
from benchmarks.races.worlds import Table, mean_and_error, score


def recorded(replicates: int = 2) -> list[Recorded]:
    """Made-up trainings of every list of the chorales: the more layers the better."""
    rng = np.random.default_rng(0)
    return [
        Recorded(
            "chorales",
            x,
            r,
            tuple(4.0 - 0.1 * len(x) - 0.1 * np.arange(4) + 0.01 * rng.normal(size=4)),
            tuple(4.0 - 0.1 * len(x) - 0.1 * np.arange(4)),
            1.0,
            100,
        )
        for x in all_lists("chorales")
        for r in range(replicates)
    ]


@pytest.mark.parametrize("kind", SPACES)
def test_a_search_gets_the_nearest_trained_list(kind: str) -> None:
    space = table_space("chorales", kind)
    for setting, dilations in space.lists.items():
        assert space.nearest(setting) in {dilations, *space.lists.values()}
    assert space.nearest(space.recommended) in recommended_lists("chorales")
    for name, value, wrong in zip(space.distributions, space.recommended, space.wrong, strict=True):
        d = space.distributions[name]
        assert isinstance(d, IntDistribution)
        assert wrong in (d.low, d.high)
        assert abs(wrong - value) >= min(value - d.low, d.high - value)


@pytest.mark.parametrize("way", WAYS)
def test_the_prior_begins_at_its_centre(way: str) -> None:
    space = TableSpace({"n": IntDistribution(1, 9)}, {(i,): (i,) for i in range(1, 10)}, (7,))
    sampler = PriorSampler(space.distributions, (7,), tpe(0), 0, way)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    found = []
    for _ in range(12):
        trial = study.ask()
        found.append(space.suggest(trial)[0])
        study.tell(trial, -abs(found[-1] - 2))
    assert found[0] == 7
    assert way == "moving" or np.mean(found[1:5]) > 4  # around the centre at first
    assert min(found) <= 3  # and away from it where it was wrong


@pytest.mark.parametrize("sampler", [PiBOTPESampler, PiBOGPSampler])
def test_a_prior_in_the_acquisition(sampler: type[PiBOTPESampler | PiBOGPSampler]) -> None:
    """Weight 0 is Optuna's own sampler; a weight without end stays at the prior's centre."""
    ranges = {"n": IntDistribution(1, 9), "m": IntDistribution(8, 200, log=True)}

    def draws(sampler: optuna.samplers.BaseSampler) -> list[tuple[int, int]]:
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for _ in range(8):
            trial = study.ask(dict(ranges))
            study.tell(trial, -abs(trial.params["n"] - 2) - abs(np.log(trial.params["m"] / 20)))
        return [(t.params["n"], t.params["m"]) for t in study.trials[5:]]

    own = {"seed": 0, "n_startup_trials": 5}
    base = sampler.__mro__[1](**own)
    centre = {"n": 8, "m": 150}
    assert draws(sampler(centre, 0.0, **own)) == draws(base)
    kept = draws(sampler(centre, 1e6, **own))
    if sampler is PiBOGPSampler:
        # Where nothing can improve, its expected improvement is without end as small, too.
        assert kept[0] == (8, 150)
        assert all(7 <= n <= 9 and 130 <= m <= 170 for n, m in kept)
    else:  # it chooses among the candidates that TPE draws
        assert np.mean([n for n, _ in kept]) > np.mean([n for n, _ in draws(base)]) + 1


def test_a_prior_at_its_centre_in_gp_coordinates() -> None:
    from optuna._gp.search_space import SearchSpace

    for distribution in (IntDistribution(1, 9), IntDistribution(8, 200, log=True)):
        values = list(range(distribution.low, distribution.high + 1, 7))
        theirs = SearchSpace({"x": distribution}).get_normalized_params(
            [optuna.trial.create_trial(value=0.0)] * len(values), [{"x": v} for v in values]
        )
        assert position(distribution, values) == pytest.approx(theirs[:, 0])


def test_a_missing_sampler_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optunahub", None)
    with pytest.raises(ImportError, match=r"pip install optunahub.*or name, with --races"):
        hub.hebo("chorales", 0)


def test_trainings_are_read_back(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path / "table.csv")
    row = recorded(1)[0]
    recordings._append(row)
    again = Recordings(tmp_path / "table.csv").rows[row.key]
    assert again.dilations == row.dilations
    assert again.valid == pytest.approx(row.valid, rel=1e-4)
    assert score(row, "small")[0] == -row.valid[0]
    assert score(row, "large")[0] == -min(row.valid)


def test_a_list_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    short = dataclasses.replace(TRAININGS["pdigits"], epochs=2, steps=2)
    monkeypatch.setitem(TRAININGS, "pdigits", short)
    first, second = train("pdigits", (1, 4), 0), train("pdigits", (1, 4), 0)
    assert first.valid == second.valid
    assert len(first.valid) == len(first.test) == 2


def test_the_error_is_that_of_the_recorded_trainings() -> None:
    """Searches of one world share their trainings: many of them make no estimate surer."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 1)) + 0.1 * rng.normal(size=(30, 50))
    assert mean_and_error(values)[1] == pytest.approx(1.0, abs=0.2)
    alike = rng.normal(size=(30, 50))
    assert mean_and_error(alike)[1] < 0.08


def test_races_end_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.races.play.SEARCHES", {"fast": (2, 2)})
    rows = recorded()
    labels = (BASE, "MISampler, paper", "MISampler, context", "wrong prior moving, uninformed")
    found = frame_of({("chorales", "large"): play(rows, "chorales", "large", labels)})
    assert (found.set_index("race").loc[BASE, ["final gain", "test gain"]] == 0).all()
    beats = {k: recommended_beats(rows, "chorales", "large", k) for k in SPACES}
    assert all(0 <= low <= share <= high <= 1 for share, low, high in beats.values())
    lists = {"dataset": "chorales", "budget": "large"} | spread(rows, "chorales", "large")
    for kind, (share, low, high) in beats.items():
        lists |= {kind: share, f"{kind} low": low, f"{kind} high": high}

    said = text(found, pd.DataFrame([lists]))
    assert "MISampler, paper: reaches the uninformed TPE's final best" in said
    with pytest.raises(ValueError, match="record more replicates"):
        Table.of(recorded(1), "chorales", "large")


def test_races_are_played_once_and_compared_on_the_same_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.races.play.SEARCHES", {"fast": (2, 1)})
    shares = (0.5, 0.4, 0.6)
    monkeypatch.setattr("benchmarks.races.__main__.recommended_beats", lambda *_: shares)
    recordings = Recordings(tmp_path / "table.csv")
    for row in recorded():
        recordings._append(row)
    arguments = ["", "--table", str(tmp_path / "table.csv"), "--out", str(tmp_path)]
    arguments += ["--data", "chorales", "--budgets", "large", "--races"]
    for label in ("TPE + enqueued, uninformed", "piBO TPE, uninformed", "piBO TPE, uninformed"):
        monkeypatch.setattr(sys, "argv", [*arguments, label])
        main()
    played = pd.read_csv(tmp_path / "races.csv")["race"].tolist()
    assert played == [BASE, "TPE + enqueued, uninformed", "piBO TPE, uninformed"]
    pairs = pd.read_csv(tmp_path / "races-pairs.csv")
    assert pairs["race"].unique().tolist() == ["piBO TPE, uninformed"]
    first = pairs.set_index("rival").loc["TPE + enqueued, uninformed", "first gain"]
    assert first == 0  # both begin with the recommendation
    said = capsys.readouterr().out
    assert "| piBO TPE, uninformed | MISampler, context |" in said
    assert "nan" not in said  # no known data was played


@pytest.mark.parametrize(
    ("gains", "met"),
    [
        ({"final": (0.5, 0.5), "test": (0.0, -0.1)}, True),
        ({"final": (0.5, 0.1), "test": (0.0, 0.0)}, False),  # surely ahead of one rival only
        ({"final": (0.5, 0.5), "test": (0.0, -0.9)}, False),  # and behind one on test
    ],
)
def test_when_a_prior_in_the_acquisition_pays(
    gains: dict[str, tuple[float, float]], met: bool
) -> None:
    races = pd.DataFrame(
        [
            {"rival": rival}
            | {f"{w} gain": g[i] for w, g in gains.items()}
            | {f"{w} error": 0.2 for w in gains}
            for i, rival in enumerate(("TPE + enqueued, uninformed", "MISampler, paper"))
            for _ in range(2)
        ]
    )
    assert meets(races) is met


def test_plain_rules_of_stopping() -> None:
    values = np.array([[0.1, 0.9], [0.5, 0.6], [0.4, 0.8], [0.3, 0.7]])
    curves = Curves(values, values, np.ones(4))
    assert few_then_best(curves, first=1, kept=2) == (4 + 2, 0.8)
    assert start_fewer(curves, 0.5) == (4, 0.9)
    rng = np.random.default_rng(0)
    drawn = studies(curves, 3, {"all": functools.partial(start_fewer, share=1.0)}, rng, 2)
    assert drawn.tolist() == [[[1.0, 0.0]], [[1.0, 0.0]]]
    assert quantile(80, 20) == pytest.approx(2.776, abs=1e-3)


def test_every_rule_judges_recorded_trials() -> None:
    curves = load("ptb-char").taken(np.arange(6))
    known = rules(curves.values.shape[1])
    for label, rule in known.items():
        spent, found = rule(curves)
        assert 0 < spent <= curves.values.size, label
        assert found <= curves.best.max()
    record = json.loads((Path("benchmarks/pruners/recorded-digits.json")).read_text())
    assert record["direction"] == "maximize"


@pytest.mark.parametrize(("wide", "met"), [(0.0, True), (-0.1, False), (-2.0, False)])
def test_the_confirmation_says_whether_its_criterion_is_met(wide: float, met: bool) -> None:
    gains = dict(zip(CONFIRMING, (0.0, -0.05, 0.2, wide), strict=True))
    whats = ("first", "fifth", "final", "test")
    races = pd.DataFrame(
        [
            {"dataset": "musedata", "budget": "large", "race": label}
            | {f"{what} gain": gain for what in whats}
            | {f"{what} error": 0.5 for what in whats}
            for label, gain in gains.items()
        ]
    )
    lists = {"dataset": "musedata", "budget": "large", "lists": 2.0, "noise": 1.0}
    shares = {f"{k}{x}": 0.5 for k in ("paper", "context") for x in ("", " low", " high")}
    found = confirmation(races, pd.DataFrame([lists | shares]))
    assert ("README.md is met" in found) == met
    assert f"on test wide {wide / 2:+.3f}, the paper's -0.025" in found
    assert f"worse in {int(wide == -2.0)} races, the paper's in 0" in found


def test_voices_of_a_piece_and_outlines_of_leaves(tmp_path: Path) -> None:
    piece = np.zeros((3, 88), dtype=np.uint8)
    piece[0, [10, 20, 30, 40, 50]] = 1
    piece[1, 60] = 1  # and a rest
    assert _highest(piece).tolist() == [50, 60, 0]
    assert _outer(piece).tolist() == [10, 50, 60, 60, 0, 0]
    assert _voices(piece)[:8].tolist() == [10, 20, 40, 50, 60, 60, 60, 60]
    path = tmp_path / "leaves.ts"
    path.write_text("#a\n@data\n1,2,3,4,5,6,7,8,9:2\n4,4,4,4,0,0,0,0,9:1\n")
    values, classes = _outlines(path)
    assert values.tolist() == [[2.5, 6.5], [4, 0]]
    assert classes.tolist() == [1, 0]


def test_layers_stand_where_something_can_be_learnt() -> None:
    told = np.array([0.0, 1.0, 1.5, 1.75, 1.75, 2.0, 2.0])
    assert effective(np.diff(told[:3])) == 2
    assert by_shares(told, 5, window=64, most=6) == (1, 2, 3, 5)
    assert by_lags((1, 24, 3), 2, window=64, most=6) == (1, 2, 7, 23)
    assert by_lags((1, 24, 3), 30, window=64, most=4) == (1, 5, 23, 30)
    assert by_lags((90, 1), 3, window=64, most=6) == (1, 3)


def test_rules_are_compared_at_every_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        Recorded(name, x, r, *2 * (tuple(4 - 0.1 * len(x) - 0.01 * np.arange(16)),), 1.0, 9)
        for name, x, r in wanted_of(["chorales"], RULES)
    ]
    found = pd.DataFrame([r for b in LONG_BUDGETS for r in compare(rows, "chorales", b)])
    assert set(found["rule"]) == set(RULES)
    of = found[found["rule"] == "on lags"].set_index("budget")
    assert of.loc["four times", "beats"] >= of.loc["four times", "low"]
    assert "on lags" in longer_text(found)
    assert of_depth(rows, ["chorales"])[0]["four times"] == "+1.00 (12)"  # as the scores were made
