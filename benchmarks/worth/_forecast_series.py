"""The series of the forecasting benchmark, their parts and their yardstick."""

from __future__ import annotations

import numpy as np

# series: horizon, season of the naive forecast (1: none), how the design sees it, what it is
SERIES: dict[str, tuple[int, int, str, str]] = {
    "sunspots": (11, 1, "detrend", "sunspots a year, 1700 to 2008"),
    "elnino": (12, 12, "detrend", "sea surface temperature, monthly, 1950 to 2010"),
    "co2": (13, 52, "detrend", "CO2 at Mauna Loa, weekly, 1958 to 2001, gaps interpolated"),
    "unemp": (8, 1, "difference", "US unemployment, quarterly, 1959 to 2009"),
}
SMALL = ("sunspots", "elnino", "co2")
LISTS = ("default", "default, begun at defaults", "ours")
TEST, VALIDATION = 5, 2  # horizons at the end of every series
# the library's: (-1 stands for 3 in its code)
MULTIPLES = (-1, 4, 16, 64)


def load(series: str) -> np.ndarray:
    """Return one of statsmodels' series, float64, shape (N,)."""
    try:
        from statsmodels import datasets
    except ImportError as error:
        raise RuntimeError(
            "The series come with statsmodels, which is not installed: pip install statsmodels"
        ) from error
    if series == "sunspots":
        return datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(float)
    if series == "elnino":
        return datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy(float).ravel()
    if series == "co2":
        return datasets.co2.load_pandas().data["co2"].interpolate().to_numpy(float)
    return datasets.macrodata.load_pandas().data["unemp"].to_numpy(float)


def usable_multiples(length: int, h: int, longest: int) -> list[int]:
    """Return the library's windows, in horizons, that the training part can hold."""
    room = length - (TEST + VALIDATION) * h
    return [m for m in MULTIPLES if (w := (3 if m < 0 else m) * h) + h <= room and w <= longest]


def scale(y: np.ndarray, season: int) -> float:
    """Return the mean absolute error of the seasonal naive forecast, the unit of MASE."""
    return float(np.abs(y[season:] - y[:-season]).mean())


def naive_error(y: np.ndarray, h: int, season: int) -> float:
    """Return the seasonal naive forecast's error on the test windows, as the models are scored."""
    errors = []
    for cut in range(len(y) - TEST * h, len(y) - h + 1):
        ahead = np.arange(h) % season
        errors.append(np.abs(y[cut : cut + h] - y[cut - season + ahead]).mean())
    return float(np.mean(errors))
