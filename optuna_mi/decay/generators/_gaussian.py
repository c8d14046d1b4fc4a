"""Symbols cut from Gaussian sequences of a given autocorrelation: any law of decay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, xlogy

from optuna_mi._checks import random_generator, real, reals, whole

Floats = npt.NDArray[np.float64]


def power_correlation(lags: npt.ArrayLike, *, exponent: float, first: float = 0.8) -> Floats:
    """Return correlations whose squares, and so MI, fall like lag**-exponent.

    Correlation 1 at lag 0, ``first`` at lag 1, first * lag**(-exponent / 2) from there on.

    Args:
        lags: Distances, 0 included.
        exponent: Exponent of MI's decay, positive.
        first: Correlation at lag 1, in (0, 1); at most 2 / (3 - 2**(-exponent / 2)) keeps the
            sequence convex and so a valid autocorrelation.
    """
    d = reals("lags", lags, least=0)
    exponent, first = real("exponent", exponent, above=0), real("first", first, above=0, below=1)
    return np.where(d < 1, 1.0, first * np.maximum(d, 1.0) ** (-exponent / 2.0))


def broken_power_correlation(
    lags: npt.ArrayLike, *, exponents: tuple[float, float], knot: float, first: float = 0.5
) -> Floats:
    """Return correlations for MI that falls like lag**-exponents[0], and after knot like [1].

    Convex, hence a valid autocorrelation, when the first exponent is the larger one.
    """
    distances = reals("lags", lags, least=0)
    d = np.maximum(distances, 1.0)
    given = reals("exponents", exponents, least=0)
    if given.shape != (2,):
        raise ValueError(f"exponents must be two numbers, got shape {given.shape}")
    steep, shallow = given
    knot, first = real("knot", knot, least=1), real("first", first, above=0, below=1)
    value = (
        first
        * np.minimum(d, knot) ** (-steep / 2.0)
        * np.maximum(d / knot, 1.0) ** (-shallow / 2.0)
    )
    return np.where(distances < 1, 1.0, value)


def exponential_correlation(lags: npt.ArrayLike, *, length: float) -> Floats:
    """Return correlations for MI that falls by e every ``length`` steps."""
    length = real("length", length, above=0)
    return np.asarray(np.exp(-reals("lags", lags, least=0) / (2.0 * length)))


def periodic_correlation(lags: npt.ArrayLike, *, period: float, share: float = 1.0) -> Floats:
    """Return 1 - share + share * cos(2 pi lag / period), to be multiplied with a decay.

    A product of autocorrelations is one: a short period that rides on a long decay.
    """
    d = reals("lags", lags, least=0)
    period, share = real("period", period, above=0), real("share", share, least=0, most=1)
    return np.asarray(1.0 - share + share * np.cos(2.0 * np.pi * d / period))


def gaussian_symbols(
    n_steps: int,
    correlation: npt.ArrayLike,
    *,
    n_symbols: int = 2,
    seed: int | np.random.Generator = 0,
) -> npt.NDArray[np.int64]:
    """Generate a stationary Gaussian sequence and cut it into equally likely symbols.

    Exact by circulant embedding (Davies and Harte); eigenvalues that come out negative, as those
    of a correlation that is cut off, are set to 0.

    Args:
        n_steps: Length.
        correlation: Autocorrelation at lags 0..n_steps-1; zeros are put behind a shorter one.
        n_symbols: Number of symbols.
        seed: Seed or generator.

    Returns:
        Symbols 0..n_symbols-1, int64, shape (n_steps,).

    Raises:
        ValueError: If the correlation does not start with 1, or is none: more than a hundredth of
            its spectrum is negative.
    """
    rho = np.zeros(whole("n_steps", n_steps, 1))
    n_symbols = whole("n_symbols", n_symbols, 2)
    given = reals("correlation", correlation)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"correlation must be 1-D and not empty, got shape {given.shape}")
    given = given[:n_steps]
    rho[: given.size] = given
    if not np.isclose(rho[0], 1.0):
        raise ValueError(f"correlation must be 1 at lag 0, got {rho[0]}")
    spectrum = np.fft.rfft(np.concatenate((rho, rho[-2:0:-1]))).real
    negative = float(-spectrum[spectrum < 0].sum())
    if negative > 0.01 * float(np.abs(spectrum).sum()):
        raise ValueError(
            "correlation must be an autocorrelation, but its spectrum is negative in places; "
            "convex decreasing ones are, and products of them with cosines"
        )
    rng = random_generator("seed", seed)
    m = 2 * (spectrum.size - 1)
    noise = np.fft.rfft(rng.normal(size=m))
    series = np.fft.irfft(noise * np.sqrt(np.maximum(spectrum, 0.0)), m)[:n_steps]
    edges = ndtri(np.arange(1, n_symbols) / n_symbols)
    symbols: npt.NDArray[np.int64] = np.searchsorted(edges, series).astype(np.int64)
    return symbols


def binary_mutual_information(correlation: npt.ArrayLike) -> Floats:
    """Return the true MI in nats of the signs of two Gaussian variables of this correlation.

    They agree with probability 1/2 + arcsin(rho) / pi.

    Example:
        >>> binary_mutual_information([0.0]).tolist()
        [0.0]
    """
    agree = 0.5 + np.arcsin(reals("correlation", correlation, least=-1, most=1)) / np.pi
    return np.asarray(np.log(2.0) + xlogy(agree, agree) + xlogy(1.0 - agree, 1.0 - agree))
