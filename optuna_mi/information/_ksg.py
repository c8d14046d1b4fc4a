"""Mutual information between two real-valued variables: Kraskov, Stögbauer, Grassberger."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from optuna_mi._checks import flag, one_of, real, whole
from optuna_mi._warn import warn
from optuna_mi.information._check_samples import (
    as_samples,
    check_metric,
    check_neighbours,
)
from optuna_mi.information._ksg_kernels import ksg_counts
from optuna_mi.information._result import MutualInformation
from optuna_mi.information._scale import standardized

_NPEET_SHRINK = 1e-15
_NPEET_JITTER = 1e-10


def mutual_info_ksg(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    k: int = 3,
    variant: Literal[1, 2] = 1,
    metric: Literal["chebyshev", "euclidean"] = "chebyshev",
    standardize: bool | None = None,
    jitter: float | None = None,
    random_state: int | None = None,
    compat: Literal["npeet"] | None = None,
    tile: int = 1,
) -> MutualInformation:
    r"""Estimate I(X; Y) of two real-valued variables in nats.

    Variant 1, with n_x(i) and n_y(i) the samples strictly closer than the distance to the k-th
    neighbour in the joint space (the larger of the two marginal distances):

    .. math:: I = \psi(k) + \psi(N) - \langle \psi(n_x + 1) + \psi(n_y + 1) \rangle ,

    variant 2, with closed counts within the sides of the rectangle that holds the k neighbours:

    .. math:: I = \psi(k) - 1/k + \psi(N) - \langle \psi(n_x) + \psi(n_y) \rangle .

    Both assume continuous variables. Ties break that assumption: a sample with k duplicates adds
    a term near psi(N), whatever the dependence, so such data warn. For class labels use
    `mutual_info_mixed`.

    The joint distance compares x with y, so the two must have a common scale: x and y are each
    divided by their standard deviation first (one number for all axes of a vector), and the unit
    that they are measured in changes nothing.

    Args:
        x: Real samples, shape (N,) or (N, ...); trailing axes are flattened.
        y: Real samples, shape (N,) or (N, ...).
        k: Number of neighbours in the joint space, 1 <= k < N.
        variant: 1 or 2, as above.
        metric: Distance within x and within y; between the two it is always the maximum.
        standardize: Whether to divide x and y by their standard deviations; ``None`` means yes, and
            no with ``compat="npeet"``. Without it the value depends on both units.
        jitter: Amplitude of uniform noise on [0, jitter) added to x, then to y, against ties, after
            they were standardized. ``None`` means 0, and 1e-10 with ``compat="npeet"``.
        random_state: Seed of the jitter; ``None`` draws a fresh one.
        compat: ``"npeet"`` follows the NPEET package: x and y as they are, noise from the legacy
            generator seeded with ``random_state`` (equal to ``numpy.random.seed`` before its
            ``mi(x, y, base=e)``), counts within epsilon - 1e-15, the sample itself counted. Where
            epsilon exceeds about 8,
            that 1e-15 is lost to rounding and the k-th neighbour counts itself, which biases the
            value downwards: reproduced, with a warning. Chebyshev metric and variant 1 only.
        tile: Repeat the features of x and y so many times ([V] section 3). It changes nothing and
            costs nothing here; a value above 1 warns.

    Returns:
        The estimate; ``tie_fraction`` is the share of samples with k duplicates.

    Raises:
        TypeError: If x or y is not real, or k is no integer.
        ValueError: If shapes do not match, a value is NaN or infinite, N <= k, k < 1, or an option
            is unknown or does not go with another.

    Warns:
        UserWarning: If samples have duplicates, or the axes of a vector differ in their spread by a
            factor of a thousand, so that some hardly count.

    Note:
        Source: Kraskov, Stögbauer, Grassberger, Estimating mutual information, Phys. Rev. E 69,
        066138, 2004, eqs. 8 and 9.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, noise = rng.normal(size=(2, 2000))
        >>> y = 0.9 * x + np.sqrt(1 - 0.9**2) * noise   # true value -log(1 - 0.81) / 2 = 0.830
        >>> abs(float(mutual_info_ksg(x, y)) - 0.830) < 0.05
        True
    """
    a = as_samples(x, "x")
    b = as_samples(y, "y")
    n = a.shape[0]
    if b.shape[0] != n:
        raise ValueError(f"x has {n} samples but y has {b.shape[0]}: they must be pairs")
    k = check_neighbours(k, n)
    euclidean = check_metric(metric)
    whole("variant", variant, 1, 2)
    one_of("compat", compat, (None, "npeet"))
    if random_state is not None:
        whole("random_state", random_state)
    npeet = compat == "npeet"
    if npeet and (variant != 1 or euclidean):
        raise ValueError("compat='npeet' goes with variant=1 and metric='chebyshev' only")
    if whole("tile", tile, 1) > 1:
        warn(f"tile={tile} changes nothing: distances between tiled samples keep their order")
    amplitude = _NPEET_JITTER if npeet else 0.0
    if jitter is not None:
        amplitude = real("jitter", jitter, least=0)
    if standardize is None:
        standardize = not npeet
    elif flag("standardize", standardize) and npeet:
        raise ValueError(
            "compat='npeet' takes x and y as they are: leave standardize out, or standardize them "
            "yourself first"
        )
    if standardize:
        a, b = standardized(a, "x"), standardized(b, "y")
    if amplitude > 0:
        # NPEET draws from the legacy generator: the same seed must give the same noise
        if npeet:
            legacy = np.random.RandomState(random_state)
            a = a + amplitude * legacy.random_sample(a.shape)
            b = b + amplitude * legacy.random_sample(b.shape)
        else:
            rng = np.random.default_rng(random_state)
            a = a + amplitude * rng.random(a.shape)
            b = b + amplitude * rng.random(b.shape)

    nx, ny, radius = ksg_counts(a, b, k, variant, _NPEET_SHRINK if npeet else 0.0, euclidean)
    ties = float(np.mean(radius == 0))
    if ties > 0:
        warn(
            f"{ties:.1%} of the samples have {k} or more exact duplicates: KSG assumes continuous "
            "variables and is biased upwards. Add jitter=1e-10, or use mutual_info_mixed if one "
            "variable is a class"
        )
    if npeet and bool(np.any(radius - _NPEET_SHRINK == radius)):
        warn(
            "compat='npeet': distances are so large that NPEET's epsilon - 1e-15 rounds away and "
            "the k-th neighbour is counted, which lowers the value; rescale the data, or leave "
            "compat out"
        )
    psi = digamma(np.arange(n + 1, dtype=np.float64))
    if variant == 1:
        # nx + 1 is also NPEET's count, which includes the sample itself
        terms = psi[k] + psi[n] - psi[nx + 1] - psi[ny + 1]
    else:
        terms = psi[k] - 1.0 / k + psi[n] - psi[nx] - psi[ny]
    return MutualInformation(
        value=float(terms.mean()),
        standard_error=float(terms.std(ddof=1) / np.sqrt(n)),
        n=n,
        k=k,
        estimator="ksg-npeet" if npeet else f"ksg{variant}",
        tie_fraction=ties,
    )
