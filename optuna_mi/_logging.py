"""Logging through Optuna's own root logger, so that ``optuna.logging`` governs it."""

from __future__ import annotations

import logging

import optuna


def get_logger(name: str) -> logging.Logger:
    """Return a logger below Optuna's.

    ``optuna.logging.set_verbosity`` and Optuna's handlers apply to it, as to Optuna's own modules.

    Args:
        name: A module's ``__name__``.
    """
    return optuna.logging.get_logger(name.replace("optuna_mi", "optuna.mi", 1))
