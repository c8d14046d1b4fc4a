"""Errors that callers may want to tell apart from a plain ``ValueError``."""

from __future__ import annotations


class SpaceMismatchError(ValueError):
    """A study was made for another dilation space than the one at hand."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed.

    Args:
        package: The distribution that is missing.
        extra: The extra of optuna_mi that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed. Install it with: pip install 'optuna-mi[{extra}]'"
        )
