"""Numbers as people write them: thousands, currencies, percent, accountants' brackets."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_SPACES = "\u00a0\u202f\u2009 "
# between thousands, and before the fraction
_STYLES = ((",", "."), (".", ","), ("'’", "."), (_SPACES, ","), (_SPACES, "."), ("_", "."))
_SIGNS = "$€£¥"
_GLANCE = 50

# as _STYLES, for one field: whether it is a number at all
WRITTEN = re.compile(
    rf"\(?[-+\u2212]?\s*[{_SIGNS}]?\s*[-+\u2212]?"
    rf"(\d{{1,3}}([,.'’_{_SPACES}]\d{{3}})+([.,]\d+)?|\d*[.,]?\d+|\d+[.,])"
    rf"([eEdD][-+\u2212]?\d+)?\s*[%{_SIGNS}]?\)?"
)


def as_numbers(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of written numbers, such as 12,345.6 or $5 or (3.2), as numbers.

    What is no such column, or a missing value, is returned as it is.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values
    if isinstance(values.dtype, pd.CategoricalDtype) or _plain(values.head(_GLANCE)) is None:
        return values
    found = _plain(values)
    return values if found is None else found


def _plain(values: pd.Series[Any]) -> pd.Series[Any] | None:
    present = values.dropna()
    if present.empty or not all(isinstance(v, str) for v in present):
        return None
    texts = present.str.strip().str.replace("\u2212", "-")
    texts = texts.str.replace(r"^\((.*)\)$", r"-\1", regex=True)
    texts = texts.str.replace(rf"^([-+]?)\s*[{_SIGNS}]\s*|\s*[%{_SIGNS}]$", r"\1", regex=True)
    texts = texts.str.replace(r"^([-+]?[\d.,]+)[dD]([-+]?\d+)$", r"\1e\2", regex=True)
    units = texts.str.extract(r"\s([^\d\s]+)$", expand=False)
    if units.notna().all() and units.nunique() == 1:  # 3.2 kW
        texts = texts.str.replace(r"\s+[^\d\s]+$", "", regex=True)
    for between, decimal in _STYLES:
        t, d = f"[{re.escape(between)}]", re.escape(decimal)
        written = rf"[-+]?(\d{{1,3}}({t}\d{{3}})+|\d*)({d}\d*)?([eE][-+]?\d+)?"
        if texts.str.fullmatch(written).all():
            plain = texts.str.replace(t, "", regex=True).str.replace(decimal, ".")
            try:
                return pd.to_numeric(plain).reindex(values.index)
            except ValueError:  # a sign or a point alone
                return None
    return None
