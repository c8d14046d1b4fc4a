"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; its absence skips a test, except in CI, where it is an error."""
    value = os.environ.get("OPTUNA_MI_DATA")
    if not value:
        if os.environ.get("CI"):
            pytest.fail("CI must set OPTUNA_MI_DATA: real-data tests may not be skipped there")
        pytest.skip(
            "real data: set OPTUNA_MI_DATA to a folder with mnist/, ptb/, reference_curves/"
        )
    return Path(value).resolve()


@pytest.fixture
def make_study() -> Callable[..., optuna.Study]:
    """Studies as DilatedRNNObjective leaves them, with numbers that a test can compute by hand.

    Trial i, if complete, has the value 0.5 + i / 100; it has i + 2 layers of doubling dilations,
    and at epoch e the intermediate value (e + 1) / 10, the rate 0.001 * (e + 1) and IHYLL
    0.2 * (e + 1) + i / 100.
    """
    from optuna_mi.pruners import flush_ihyll, report_ihyll

    def make(
        states: Sequence[TrialState] = (TrialState.COMPLETE,) * 5,
        *,
        epochs: int = 4,
        direction: str = "maximize",
        name: str | None = None,
        storage: str | optuna.storages.BaseStorage | None = None,
    ) -> optuna.Study:
        study = optuna.create_study(direction=direction, study_name=name, storage=storage)
        for i, state in enumerate(states):
            trial = study.ask({"n_layers_0": IntDistribution(i + 2, i + 2)})
            trial.set_user_attr("dilations", ",".join(str(2**k) for k in range(i + 2)))
            trial.set_user_attr("ihyll_reference", 2.0)
            for e in range(epochs):
                report_ihyll(trial, e, 0.2 * (e + 1) + i / 100)
                trial.report((e + 1) / 10, e)
            flush_ihyll(trial)
            trial.set_user_attr("mi:lr", [0.001 * (e + 1) for e in range(epochs)])
            trial.set_user_attr("ihyll_final", 0.2 * epochs + i / 100)
            trial.set_user_attr("epochs", epochs)
            if state == TrialState.COMPLETE:
                study.tell(trial, 0.5 + i / 100)
            elif state != TrialState.RUNNING:
                study.tell(trial, state=state)
        return study

    return make


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], tuple[str, list[str]]]:
    """Open a page in headless Chromium; return its DOM after scripts ran, and its console."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a headless browser: chromium on PATH")

    def open_page(url: str) -> tuple[str, list[str]]:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=10000",
            "--enable-logging=stderr",
            "--dump-dom",
        ]
        run = subprocess.run(
            [chromium, *flags, f"--user-data-dir={tmp_path / 'browser'}", url],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]

    return open_page


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL server that lives as long as the session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        pgserver = pytest.importorskip("pgserver")
        pytest.importorskip("psycopg2")
    # Not below pytest's own folder: the server runs as another user when this is root.
    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(Path(folder) / "data")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
        finally:
            server.cleanup()


@pytest.fixture
def empty_postgresql(postgresql: str) -> str:
    """The URL of a database of its own, without tables."""
    import sqlalchemy

    name = f"studies_{uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    url = sqlalchemy.make_url(postgresql).set(database=name)
    return url.render_as_string(hide_password=False)
