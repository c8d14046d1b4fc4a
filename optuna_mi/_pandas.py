"""Whether an object is one of pandas'.

Nobody has such an object who has not loaded pandas, which takes a quarter of a second and 60 MB: so
it is not loaded for the question.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    import pandas as pd


def is_frame(x: object) -> TypeGuard[pd.DataFrame]:
    """Return whether it is a DataFrame."""
    if "pandas" not in sys.modules:
        return False
    import pandas as pd

    return isinstance(x, pd.DataFrame)


def is_column(x: object) -> TypeGuard[pd.Series[Any] | pd.Index[Any]]:
    """Return whether it is a Series or an Index."""
    if "pandas" not in sys.modules:
        return False
    import pandas as pd

    return isinstance(x, pd.Series | pd.Index)
