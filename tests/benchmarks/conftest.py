from collections.abc import Iterator

import optuna
import pytest


@pytest.fixture(autouse=True)
def verbosity() -> Iterator[None]:
    """The command quiets Optuna for its process, which here is that of the other tests too."""
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)
