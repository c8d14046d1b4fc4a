from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from optuna_mi.decay import DecayAnalysis, DecayCurve, analyze_decay
from optuna_mi.report import trial_table, write_report

MakeStudy = Callable[..., optuna.Study]
C, P, R, F = TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL
FIGURES = ["decay", "training", "history", "ihyll", "dilations"]


class Page(HTMLParser):
    """The text, tags, figures and table of a report."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.scripts = 0
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.scripts += tag == "script"
        if tag not in ("meta", "link", "br"):
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        if "script" not in self._open and "style" not in self._open:
            self.text += data

    @property
    def figures(self) -> list[str | None]:
        return [a["id"] for _, a in self.tags if a.get("class") == "plotly-graph-div"]


def figure_data(path: Path, name: str) -> list[dict[str, Any]]:
    """Return a figure's traces as the page gives them to plotly.js."""
    text = path.read_text(encoding="utf-8")
    start = re.search(rf'Plotly\.newPlot\(\s*"{name}",\s*', text)
    assert start is not None
    traces: list[dict[str, Any]] = json.JSONDecoder().raw_decode(text, start.end())[0]
    return traces


@pytest.fixture
def analysis() -> DecayAnalysis:
    lags = np.arange(1, 101)
    return analyze_decay(DecayCurve(lags, 0.5 * lags**-2.0), threshold=1e-3)


def test_table(make_study: MakeStudy) -> None:
    table = trial_table(make_study([C, P, C, F, R], epochs=4))
    assert list(table.columns) == [
        "trial", "state", "value", "dilations", "ihyll", "reference", "ratio", "epochs",
    ]  # fmt: skip
    assert table["trial"].tolist() == [2, 0, 1, 4]
    assert table["state"].tolist() == ["complete", "complete", "pruned", "running"]
    assert table["value"].tolist() == pytest.approx([0.52, 0.50, 0.4, 0.4])
    assert table["dilations"].tolist()[:2] == ["1,2,4,8", "1,2"]
    assert table["ihyll"].tolist() == pytest.approx([0.82, 0.80, 0.81, 0.84])
    assert table["ratio"].tolist() == pytest.approx([0.41, 0.40, 0.405, 0.42])
    assert table["epochs"].tolist() == [4, 4, 4, 4]


def test_table_of_a_minimised_objective(make_study: MakeStudy) -> None:
    assert trial_table(make_study(direction="minimize"), n=2)["trial"].tolist() == [0, 1]


def test_table_of_an_empty_study_has_its_columns() -> None:
    table = trial_table(optuna.create_study())
    assert len(table) == 0
    assert table["trial"].dtype == "int64"
    assert table["value"].dtype == "float64"


def test_table_of_a_study_made_elsewhere() -> None:
    study = optuna.create_study()
    trial = study.ask()
    trial.set_user_attr("dilations", "fast, slow")
    trial.set_user_attr("ihyll_reference", float("nan"))
    trial.set_user_attr("ihyll_final", "high")
    study.tell(trial, 1.5)
    (row,) = trial_table(study).to_dict("records")
    assert row["dilations"] == ""
    assert all(math.isnan(row[name]) for name in ("ihyll", "reference", "ratio"))


def test_whole_report(make_study: MakeStudy, analysis: DecayAnalysis, tmp_path: Path) -> None:
    study = make_study([C, P, C, F])
    study.set_metric_names(["validation accuracy"])
    path = write_report(study, tmp_path / "report.html", analysis=analysis)
    assert path == tmp_path / "report.html"
    page = Page(path)
    assert page.figures == FIGURES
    assert page.rows[0][0] == "trial"
    assert [row[0] for row in page.rows[1:]] == ["2", "0", "1"]
    assert page.rows[1][:4] == ["2", "complete", "0.52", "1,2,4,8"]
    assert "2 complete, 1 fail, 1 pruned" in page.text
    assert analysis.summary().splitlines()[0] in page.text
    assert "Best validation accuracy (maximize)" in page.text
    decay = {t.get("name"): t for t in figure_data(path, "decay")}
    assert decay["trial 2: 1,2,4,8"]["x"] == [1, 2, 4, 8]
    assert list(tmp_path.iterdir()) == [path]  # no temporary file is left


def test_no_network(make_study: MakeStudy, analysis: DecayAnalysis, tmp_path: Path) -> None:
    path = write_report(make_study(), tmp_path / "r.html", analysis=analysis)
    assert path.stat().st_size < 6_000_000  # plotly.js once
    page = Page(path)
    assert not [t for t, a in page.tags if "src" in a or "href" in a]
    assert not [t for t, _ in page.tags if t in ("link", "iframe", "img", "object")]
    (policy,) = (a["content"] for t, a in page.tags if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_studys_own_analysis_is_found(
    make_study: MakeStudy, analysis: DecayAnalysis, tmp_path: Path
) -> None:
    study = make_study()
    study.set_user_attr("mi:analysis", analysis.to_json())
    page = Page(write_report(study, tmp_path / "r.html"))
    assert page.figures == FIGURES


def test_the_best_trials_settings_and_weights(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study()
    text = write_report(study, tmp_path / "r.html").read_text()
    assert "load_best" not in text
    assert "n_layers_0 = 6" in text
    study.add_trial(
        optuna.trial.create_trial(
            value=0.9,
            user_attrs={"mi:checkpoint_file": "/secret/place/s-7.pt", "test": 0.7, "best_epoch": 2},
        )
    )
    text = write_report(study, tmp_path / "r.html").read_text()
    assert "load_best(study)" in text
    assert "s-7.pt" in text
    assert "secret" not in text
    assert "with the weights of epoch 2" in text


def test_without_an_analysis(make_study: MakeStudy, tmp_path: Path) -> None:
    page = Page(write_report(make_study(), tmp_path / "r.html"))
    assert page.figures == FIGURES[1:]
    assert "holds no decay analysis" in page.text


def test_without_a_complete_trial(
    make_study: MakeStudy, analysis: DecayAnalysis, tmp_path: Path
) -> None:
    page = Page(write_report(make_study([P, R]), tmp_path / "r.html", analysis=analysis))
    assert page.figures == ["decay", "training", "dilations"]
    assert "No trial is complete yet" in page.text
    assert "Still running: 1 of 2 trials" in page.text


def test_without_any_trial(tmp_path: Path, analysis: DecayAnalysis) -> None:
    path = write_report(optuna.create_study(), tmp_path / "r.html", analysis=analysis)
    page = Page(path)
    assert page.figures == ["decay"]
    assert "none yet" in page.text


def test_a_curve_without_dependence(make_study: MakeStudy, tmp_path: Path) -> None:
    curve = DecayCurve([1, 2, 3, 4], [-1e-6, -2e-6, -1e-6, -3e-6])
    analysis = analyze_decay(curve)
    page = Page(write_report(make_study(), tmp_path / "r.html", analysis=analysis))
    assert page.figures == FIGURES[1:]
    assert "above zero" in page.text


def test_strings_are_escaped(make_study: MakeStudy, tmp_path: Path) -> None:
    name = "<script>alert('x')</script><img src=x onerror=alert(1)>"
    study = make_study(name=name)
    study.set_metric_names(["</script><b>acc</b>"])
    plain = Page(write_report(make_study(name="plain"), tmp_path / "plain.html"))
    page = Page(write_report(study, tmp_path / "r.html"))
    assert name in page.text
    assert page.scripts == plain.scripts
    assert [t for t, _ in page.tags] == [t for t, _ in plain.tags]


def test_the_storage_is_not_mentioned(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study(storage=f"sqlite:///{tmp_path}/s3cret.db")
    path = write_report(study, tmp_path / "r.html")
    text = path.read_text(encoding="utf-8")
    assert "s3cret" not in text
    assert "sqlite" not in text


def test_a_running_studys_report_is_replaced_whole(
    make_study: MakeStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.html"
    write_report(make_study([C]), path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(make_study([C, C]), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_bad_input(make_study: MakeStudy, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere; make it first"):
        write_report(make_study([]), tmp_path / "nowhere" / "r.html")
    with pytest.raises(IsADirectoryError, match=r"path must name a file"):
        write_report(make_study([]), tmp_path)
    with pytest.raises(ValueError, match="has 2 objectives"):
        write_report(optuna.create_study(directions=["minimize"] * 2), tmp_path / "r.html")
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got 0"):
        trial_table(make_study([]), n=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_figures_appear_in_a_browser(
    make_study: MakeStudy,
    analysis: DecayAnalysis,
    tmp_path: Path,
    browse: Callable[[str], tuple[str, list[str]]],
) -> None:
    path = write_report(make_study([C, P, C, R]), tmp_path / "r.html", analysis=analysis)
    dom, console = browse(path.as_uri())
    assert console == []
    for name in FIGURES:
        assert re.search(rf'id="{name}" class="plotly-graph-div[^"]*js-plotly-plot', dom)
    assert 'data-title="Zoom' in dom
    assert 'data-title="Share' not in dom  # nothing leaves the page
    # the theme's colours reached the figures
    assert "fill: rgb(32, 38, 45)" in dom
