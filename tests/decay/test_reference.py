"""Against the curves that the paper's first author published: 1e-12."""

from __future__ import annotations

import numpy as np
import pytest

from optuna_mi.decay import decay_curve


def check(symbols, published, chosen, estimator="grassberger"):
    lags, theirs = published
    lags, theirs = lags[chosen], theirs[chosen]
    curve = decay_curve(
        symbols, lags=lags, boundary="concatenate", estimator=estimator, baseline=None
    )
    ours = np.stack([curve.mi, curve.entropy_x, curve.entropy_y, curve.entropy_xy], axis=1)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


CHOSEN = np.r_[0:16, 99, 999, 2565, 7000, -1]


def test_ptb_letters(ptb_letters, published):
    check(ptb_letters, published("ptb_letters_grassberger"), CHOSEN)


@pytest.mark.parametrize("estimator", ["grassberger", "plugin"])
def test_ptb_words(ptb_words, published, estimator):
    check(ptb_words, published(f"ptb_words_{estimator}"), CHOSEN, estimator)


def test_mnist(mnist_pixels, published):
    check(mnist_pixels, published("mnist_grassberger"), np.r_[0, 1, 27, 783, -1])


def test_sequences_concatenated_are_one_sequence(ptb_letters):
    text = ptb_letters[:20_000]
    pieces = [text[:7000], text[7000:7001], text[7001:]]
    whole = decay_curve(text, lags=[1, 5, 900], baseline=None)
    joined = decay_curve(pieces, lags=[1, 5, 900], baseline=None, boundary="concatenate")
    np.testing.assert_array_equal(whole.mi, joined.mi)
    within = decay_curve(pieces, lags=[1, 5, 900], baseline=None)
    assert (within.n_pairs < whole.n_pairs).all()


@pytest.mark.slow
def test_every_lag_of_ptb_letters(ptb_letters, published):
    check(ptb_letters, published("ptb_letters_grassberger"), slice(None))
