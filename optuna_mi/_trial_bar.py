"""One progress bar for a search: trials, and the epochs within them.

Workers show none: their parent looks into the storage for all of them.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator

import optuna
from optuna.trial import TrialState
from tqdm.auto import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from optuna_mi._progress import Place

# Threads alone share a bar here. tqdm's own lock is a semaphore of the system, and a signal to all
# processes of a terminal ends the one that looks after those, with a traceback.
tqdm.set_lock(threading.RLock())

# a terminal is written to so often, and the storage of other workers is asked so often, in seconds
_TERMINAL_SECONDS, _STORAGE_SECONDS = 0.2, 1.0
# more trials than this are told by their number
_FEW = 4


class TrialBar:
    """A progress bar over trials that tells the epoch within them too.

    Args:
        n_trials: Trials of the whole study.
        n_ended: Those that have ended.
        shown: Whether to show it.
    """

    def __init__(self, n_trials: int, n_ended: int, *, shown: bool) -> None:
        self._bar = tqdm(total=n_trials, initial=n_ended, unit="trial", disable=not shown)
        # a file gets a line per trial, not one per epoch
        self._live = shown and sys.stderr.isatty()
        self._written = self._asked = 0.0

    def ended(self, n_ended: int) -> None:
        """Move to so many ended trials."""
        self._bar.update(n_ended - self._bar.n)

    def at(self, place: Place) -> None:
        """Show where the trial at hand is."""
        batch = f", batch {place.batch}" if place.batch else ""
        self._show(f"trial {place.trial}: epoch {place.epoch + 1}/{place.epochs}{batch}")

    def look(self, study: optuna.Study, epochs: int) -> None:
        """Show where the trials of all workers are, as far as the storage knows."""
        if not self._live or time.monotonic() - self._asked < _STORAGE_SECONDS:
            return
        self._asked = time.monotonic()
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        if len(running) > _FEW:
            self._show(f"{len(running)} trials run")
            return
        done = {t.number: max(t.intermediate_values, default=-1) + 1 for t in running}
        self._show(
            ", ".join(f"trial {n}: epoch {min(e + 1, epochs)}/{epochs}" for n, e in done.items())
        )

    def _show(self, text: str) -> None:
        if self._live and time.monotonic() - self._written > _TERMINAL_SECONDS:
            self._written = time.monotonic()
            self._bar.set_postfix_str(text)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.set_postfix_str("", refresh=False)
        self._bar.close()


@contextlib.contextmanager
def trial_bar(n_trials: int, n_ended: int, *, shown: bool) -> Iterator[TrialBar]:
    """Show a bar while trials run; log messages go above it."""
    bar = TrialBar(n_trials, n_ended, shown=shown)
    try:
        with logging_redirect_tqdm([logging.getLogger("optuna")]):
            yield bar
    finally:
        bar.close()
