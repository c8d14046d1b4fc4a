#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.10.14"]
# ///
"""Sessions over several Python versions: ``nox -s tests-3.13``; ``make test`` is the short way."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"


def _install(session: nox.Session, extras: str, *more: str) -> None:
    # First torch: what depends on it would bring another build.
    session.install("torch")
    session.install("-e", f".[{extras}]", *more)


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Check style and types."""
    _install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Run the tests and show what they cover."""
    _install(session, "dev", "pytest-cov")
    session.run("pytest", "--cov=optuna_mi", *session.posargs)


@nox.session(python="3.11", default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    _install(session, "docs")
    session.run("sphinx-build", "-W", "-b", "html", "docs", "docs/_build")


@nox.session(python="3.11", default=False)
def wheel(session: nox.Session) -> None:
    """Install the wheel without the checkout and search with it."""
    session.run("pip", "wheel", ".", "--no-deps", "-w", session.create_tmp(), external=True)
    session.install("torch")
    session.install("optuna-mi[datasets]", "--find-links", session.create_tmp())
    session.chdir(session.create_tmp())
    session.run("optuna-mi", "search", "digits", "--trials", "1", "--epochs", "1")


if __name__ == "__main__":
    nox.main()
