from __future__ import annotations

import builtins
import csv
import dataclasses
import importlib
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
import optuna
import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.trial import TrialState

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.exceptions import MissingExtraError
from optuna_mi.search_space import DecayGeometry, DilationSpace, IntRange

optuna_dashboard = pytest.importorskip("optuna_dashboard", reason="needs the extra 'dashboard'")
publish = importlib.import_module("optuna_mi.dashboard").publish

MakeStudy = Callable[..., optuna.Study]
C, P, R, F = TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL
IDS = ["mi-decay", "mi-training", "mi-ihyll", "mi-dilations"]


@pytest.fixture(scope="module")
def analysis() -> DecayAnalysis:
    lags = np.arange(1, 2001)
    noise = 1 + 0.1 * np.random.default_rng(0).normal(size=2000)
    curve = DecayCurve(
        lags,
        0.5 * lags**-1.5 * noise + 1e-6,
        baseline=np.full(2000, 1e-6),
        std_error=np.full(2000, 1e-7),
        floor=np.full(2000, 1e-6),
    )
    return analyze_decay(curve, law="power")


def get(study: optuna.Study, path: str) -> Any:
    """Ask the dashboard's WSGI application for JSON."""
    app = optuna_dashboard.wsgi(study._storage)
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(app(environ, lambda s, _headers, _info=None: status.append(s)))
    assert status[0].startswith("200"), status
    return json.loads(body)


def detail(study: optuna.Study) -> Any:
    return get(study, f"/api/studies/{study._study_id}")


def graphs(study: optuna.Study) -> dict[str, Any]:
    objects = detail(study)["plotly_graph_objects"]
    return {g["id"]: json.loads(g["graph_object"]) for g in objects}


def test_figures_reach_the_dashboard(make_study: MakeStudy, analysis: DecayAnalysis) -> None:
    study = make_study([C, P, C, C, F])
    assert publish(study, analysis=analysis) == IDS
    shown = graphs(study)
    assert sorted(shown) == sorted(IDS)
    decay = {t.get("name"): t for t in shown["mi-decay"]["data"]}
    assert decay["trial 3: 1,2,4,8,16"]["x"] == [1, 2, 4, 8, 16]
    assert decay["trial 3: 1,2,4,8,16"]["y"] == pytest.approx(
        analysis.predict([1, 2, 4, 8, 16]), rel=1e-3
    )
    training = [t for t in shown["mi-training"]["data"] if t.get("showlegend")]
    assert {t["name"] for t in training} >= {"best: trial 3", "median: trial 2"}
    (complete,) = (t for t in shown["mi-ihyll"]["data"] if t["name"] == "complete")
    assert complete["y"] == [0.53, 0.52, 0.5]


def test_a_database_keeps_figures_whole(
    make_study: MakeStudy, analysis: DecayAnalysis, tmp_path: Path
) -> None:
    study = make_study([C, C], epochs=30, storage=f"sqlite:///{tmp_path}/study.db")
    assert publish(study, analysis=analysis) == IDS
    assert sorted(graphs(study)) == sorted(IDS)  # parsed, so no piece was cut off


def test_figures_are_small_and_plain(make_study: MakeStudy, analysis: DecayAnalysis) -> None:
    study = make_study([C] * 12, epochs=200)
    publish(study, analysis=analysis)
    for graph in detail(study)["plotly_graph_objects"]:
        text = graph["graph_object"]
        assert len(text) < 20_000
        assert "bdata" not in text
        assert "NaN" not in text
        assert "layout" not in json.loads(text)["layout"].get("template", {})
    points = [t for t in graphs(study)["mi-decay"]["data"] if t["name"] == "MI − baseline"]
    assert len(points[0]["x"]) >= 100


def test_publishing_again_replaces(make_study: MakeStudy, analysis: DecayAnalysis) -> None:
    study = make_study([C] * 30, epochs=50)
    publish(study, analysis=analysis)
    first = detail(study)
    publish(study, analysis=analysis)
    second = detail(study)
    assert first["plotly_graph_objects"]
    assert second["note"] == first["note"]
    assert graphs(study).keys() == set(IDS)


def test_shorter_figures_leave_no_rest(analysis: DecayAnalysis) -> None:
    study = optuna.create_study()
    publish(study, analysis=analysis)
    short = analyze_decay(DecayCurve(np.arange(1, 9), 0.5 / np.arange(1, 9) ** 2.0))
    publish(study, analysis=short)
    (decay,) = graphs(study).values()
    assert max(len(t["x"]) for t in decay["data"] if t["name"].startswith("MI")) == 8


def test_note_explains_the_space(make_study: MakeStudy, analysis: DecayAnalysis) -> None:
    study = make_study([C])
    space = DilationSpace.from_analysis(analysis)
    space.freeze(study)
    study.set_user_attr("mi:analysis", analysis.to_json())
    publish(study)
    body = detail(study)["note"]["body"]
    assert space.describe() in " ".join(body.split())
    assert " ".join(analysis.summary().split()) in " ".join(body.split())


def test_a_hostile_space_stays_text_in_the_note(make_study: MakeStudy) -> None:
    study = make_study()
    space = DilationSpace(DecayGeometry("power"), (IntRange(2, 3, 2),), IntRange(8, 8, 8), 4)
    hostile = "```\n[x](javascript:alert(1)) <img src=x> \x1b[2J [//]: # (end of optuna_mi)"
    dataclasses.replace(space, reason=hostile, notes=(hostile,)).freeze(study)
    optuna_dashboard.save_note(study, "Ann's remark")
    for _ in range(2):
        publish(study)
        body = optuna_dashboard.get_note(study)
        fenced = body.split("````text\n")[1].split("\n````")[0]
        assert body.count("javascript") == fenced.count("javascript") >= 1
        assert "\x1b" not in body
        assert body.count("Ann's remark") == 1
        assert body.count("# (end of optuna_mi)\n\nAnn") == 1


def test_what_others_wrote_in_the_note_is_kept(make_study: MakeStudy) -> None:
    study = make_study([C])
    optuna_dashboard.save_note(study, "Ann's remark")
    publish(study)
    publish(study)
    body = optuna_dashboard.get_note(study)
    assert body.count("Ann's remark") == 1
    assert body.count("Where this search space comes from") == 1


def test_attributes_are_columns(make_study: MakeStudy) -> None:
    study = make_study([C])
    publish(study, metric="validation accuracy")
    answer = detail(study)
    keys = {a["key"] for a in answer["union_user_attrs"]}
    assert {"dilations", "ihyll_final", "ihyll_reference", "epochs"} <= keys
    assert answer["objective_names"] == ["validation accuracy"]


def test_a_metric_name_is_not_overwritten(make_study: MakeStudy) -> None:
    study = make_study([C])
    study.set_metric_names(["accuracy"])
    publish(study, metric="other")
    assert study.metric_names == ["accuracy"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [([], []), ([R], ["mi-ihyll", "mi-dilations"]), ([F], []), ([C], IDS[1:])],
)
def test_what_has_no_data_is_left_out(
    make_study: MakeStudy, states: list[TrialState], expected: list[str]
) -> None:
    study = make_study(states)
    assert publish(study) == expected
    assert sorted(graphs(study)) == sorted(expected)


def test_series_as_artifacts_once(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study([C, P, R, F], epochs=3)
    store = FileSystemArtifactStore(tmp_path)
    publish(study, artifact_store=store)
    publish(study, artifact_store=store)
    assert len(list(tmp_path.iterdir())) == 2
    artifacts = [trial["artifacts"] for trial in detail(study)["trials"]]
    assert [len(metas) for metas in artifacts] == [1, 1, 0, 0]
    meta = artifacts[1][0]
    assert meta["filename"] == "trial-1-training.csv"
    assert meta["mimetype"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO((tmp_path / meta["artifact_id"]).read_text())))
    assert [r["epoch"] for r in rows] == ["0", "1", "2"]
    assert [float(r["ihyll"]) for r in rows] == pytest.approx([0.21, 0.41, 0.61])
    assert [float(r["lr"]) for r in rows] == pytest.approx([0.001, 0.002, 0.003])
    assert [float(r["value"]) for r in rows] == pytest.approx([0.1, 0.2, 0.3])


def test_without_the_extra(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study([C])
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("optuna_dashboard"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'optuna-mi\[dashboard\]'"):
        publish(study)


def test_several_objectives_are_refused() -> None:
    with pytest.raises(ValueError, match="has 2 objectives"):
        publish(optuna.create_study(directions=["minimize"] * 2))


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep requests out of the test's output."""


@pytest.mark.slow
def test_figures_appear_in_a_browser(
    make_study: MakeStudy,
    analysis: DecayAnalysis,
    browse: Callable[[str], tuple[str, list[str]]],
) -> None:
    study = make_study([C, P, C, R])
    publish(study, analysis=analysis)
    app = optuna_dashboard.wsgi(study._storage)
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/dashboard/studies/{study._study_id}"
            dom, console = browse(url)
        finally:
            server.shutdown()
            thread.join()
    assert console == []
    for title in (
        "MI decay and the best trials' dilations",
        "Training of the best and the median trial",
        "Objective against IHYLL",
        "Dilations of the best trials",
    ):
        assert title in dom
    assert "trial 2: 1,2,4,8" in dom
