"""Models and targets as users have them: what a probe takes, and what it says of the rest."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from optuna_mi.training import InformationProbe

torch.manual_seed(0)
X = torch.randn(200, 6)
Y = X[:, :3].argmax(dim=1)
NET = nn.Linear(6, 3)


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.net, self.make = NET, make

    def forward(self, x):
        return self.make(self.net(x))


def ihyll(model, x=X, y=Y, **options):
    return InformationProbe(model, x, y, size=100, **options).measure().ihyll.value


@pytest.mark.parametrize(
    "make",
    [
        lambda h: (h, h.mean()),
        lambda h: {"scores": h},
        lambda h: {"loss": h.mean(), "logits": h},
        lambda h: [{"logits": h}],
    ],
)
def test_outputs_in_containers(make):
    assert ihyll(Returns(make)) == ihyll(NET)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda h: h.mean(), "a loss, pass forward="), (lambda h: None, "NoneType: pass forward=")],
)
def test_outputs_that_are_none(make, words):
    with pytest.raises(ValueError, match=words):
        ihyll(Returns(make))


def test_a_column_of_classes():
    assert ihyll(NET, y=Y[:, None]) == ihyll(NET)
    steps = nn.Embedding(5, 4)  # one step per sequence stays a step
    ids = torch.randint(0, 5, (200, 1))
    assert math.isfinite(ihyll(steps, ids, (ids + 1) % 5))


@pytest.mark.parametrize(
    ("targets", "remedy"),
    [
        (X[:, :1] > 0, "targets[..., 0].long()"),
        (nn.functional.one_hot(Y, 3), "targets.argmax(dim=-1)"),
        (X[:, :3] > 0, "torch.unique(targets, dim=0, return_inverse=True)[1]"),
    ],
)
def test_classes_as_reals_are_refused_and_the_remedy_works(targets, remedy):
    targets = targets.float()
    with pytest.raises(TypeError) as error:
        ihyll(NET, y=targets)
    assert remedy in str(error.value)
    made = eval(remedy, {"torch": torch, "targets": targets})
    probe = InformationProbe(NET, X, made)
    assert probe.target_entropy < math.log(2**3)


def test_grades_and_shares_are_numbers():
    grades = (2 * X[:, :1]).round()
    for y in (grades, torch.sigmoid(X[:, :2])):
        assert InformationProbe(NET, X, y).measure().ihyll.estimator == "ksg1"


def test_the_remedy_for_several_inputs_works():
    two = nn.Bilinear(6, 6, 3)
    for given in ((X, X), {"a": X, "b": X}, [X, X]):
        with pytest.raises(TypeError, match=r"torch.arange\(n\), and forward=lambda model, rows"):
            ihyll(two, given)
    found = ihyll(two, torch.arange(200), forward=lambda model, rows: model(X[rows], X[rows]))
    assert math.isfinite(found)


def test_the_remedies_for_maps_and_late_steps_work():
    images = torch.randn(200, 1, 4, 4)
    maps, net = (images[:, 0] > 0).long(), nn.Conv2d(1, 2, 1)
    with pytest.raises(ValueError, match=r"targets\[:, i, j\] with forward"):
        ihyll(net, images, maps)
    assert ihyll(net, images, maps[:, 1, 2], forward=lambda m, x: m(x)[..., 1, 2]) > 0.4
    rows, net = images[..., 0], nn.Conv1d(1, 2, 1)
    with pytest.raises(ValueError, match=r"targets\[:, i\] with forward"):
        ihyll(net, rows, maps[..., 0])
    assert ihyll(net, rows, maps[:, 1, 0], forward=lambda m, x: m(x)[..., 1]) > 0.4


def test_names_of_classes_can_be_numbered():
    names = np.array(["a", "b", "c"])[Y.numpy()]
    with pytest.raises(TypeError, match=r"numpy.unique\(values, return_inverse=True\)\[1\]"):
        ihyll(NET, y=names)
    assert ihyll(NET, y=np.unique(names, return_inverse=True)[1]) == ihyll(NET)


def test_several_labels_of_an_example_can_be_numbered():
    labels = (X[:, :4] > 0).long()
    with pytest.raises(ValueError, match=r"torch.unique\(targets, dim=0"):
        ihyll(NET, y=labels)


def test_too_few_examples_for_the_neighbours():
    for y in (Y[:3], X[:3, 0]):
        with pytest.raises(ValueError, match=r"holds 3 examples, and k=3 .* at least 4: give more"):
            InformationProbe(NET, X[:3], y)
