"""Generated sequences, and the laws recovered from them."""

from __future__ import annotations

import numpy as np
import pytest

from optuna_mi.decay import analyze_decay, decay_curve
from optuna_mi.decay import generators as make

N = 200_000
D = np.arange(N)


def power(seed):
    return make.gaussian_symbols(N, make.power_correlation(D, exponent=1.0), n_symbols=4, seed=seed)


def broken(seed):
    rho = make.broken_power_correlation(D, exponents=(2.5, 0.5), knot=10.0, first=0.7)
    return make.gaussian_symbols(N, rho, n_symbols=4, seed=seed)


def modulated(seed):
    rho = make.power_correlation(D, exponent=0.8) * make.periodic_correlation(
        D, period=24, share=0.5
    )
    return make.gaussian_symbols(N, rho, n_symbols=4, seed=seed)


KINDS = {
    "independent": ("none", lambda s: make.independent(N, 10, seed=s)),
    "sticky": (
        "exponential",
        lambda s: make.markov_chain(N, make.sticky_transition(4, 0.9), seed=s),
    ),
    "power": ("power", power),
    "broken": ("broken_power", broken),
    "modulated": ("periodic_power", modulated),
    "periodic": ("periodic_power", lambda s: make.periodic(N, 48, 4, noise=0.3, seed=s)),
    "themed": ("flat", lambda s: make.themed(2000, 200, 4, seed=s)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_laws_are_recovered(kind):
    law, generate = KINDS[kind]
    x = generate(1000)
    analysis = analyze_decay(decay_curve(x, max_lag=min(1000, x.shape[-1] - 1)))
    assert analysis.law == law
    if kind == "periodic":
        assert (analysis.period, analysis.period_kind) == (48, "dominant")
    if kind == "modulated":
        assert (analysis.period, analysis.period_kind) == (24, "modulating")
    if kind == "broken":
        assert analysis.breakpoints[0] == pytest.approx(10, rel=0.3)
    if kind == "sticky":
        assert analysis.fit.rate == pytest.approx(-2 * np.log(0.9), rel=0.1)


def test_strictly_piecewise_languages_never_say_the_forbidden_word():
    x = make.strictly_piecewise(300, 40, (0, 2, 1), 4, seed=0)
    for string in x:
        progress = 0
        for symbol in string:
            progress += progress < 3 and symbol == (0, 2, 1)[progress]
        assert progress < 3
    assert set(np.unique(x)) == {0, 1, 2, 3}
    curve = decay_curve(x, positions="pooled", max_lag=20)
    assert curve.mi_corrected[0] > curve.floor[0]


def test_markov_chains():
    transition = make.sticky_transition(3, 0.5)
    x = make.markov_chain(100_000, transition, seed=0)
    seen = np.histogram2d(x[:-1], x[1:], bins=3)[0]
    np.testing.assert_allclose(seen / seen.sum(1, keepdims=True), transition, atol=0.01)
    mi = make.markov_mutual_information(transition, [1, 2, 3])
    assert mi[2] / mi[1] == pytest.approx(0.25, rel=0.1)


def test_seeds():
    for kind in ("independent", "sticky", "power", "periodic", "themed"):
        generate = KINDS[kind][1]
        np.testing.assert_array_equal(generate(3), generate(3))
        assert (generate(3) != generate(4)).any()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: make.sticky_transition(1, 0.5), "at least 2"),
        (lambda: make.sticky_transition(3, 1.0), ">= 0 and < 1"),
        (lambda: make.markov_chain(5, [[0.5, 0.4], [0.5, 0.5]]), "distribution"),
        (lambda: make.markov_chain(5, [[0.5, 0.5]]), "square"),
        (lambda: make.gaussian_symbols(5, [0.5, 0.1]), "lag 0"),
        (lambda: make.gaussian_symbols(500, [1.0, -0.9, -0.9]), "autocorrelation"),
        (lambda: make.strictly_piecewise(2, 5, (0, 7), 4), "0 to 3"),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()
