"""The learning-rate policies against traces worked out by hand from [V]'s appendix."""

from __future__ import annotations

import copy
import io
import itertools
import math

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LRScheduler

from optuna_mi.information import MutualInformation
from optuna_mi.training import (
    IHYLLChangePolicy,
    IHYLLRangeTestPolicy,
    IHYLLReferencePolicy,
    IHYLLTrendPolicy,
    layer_parameter_groups,
)

BOUNDS = {"lr_min": 0.001, "lr_max": 0.1}


def sgd(n_groups: int = 1, lr: float = 0.5) -> torch.optim.SGD:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(n_groups)]
    return torch.optim.SGD(groups, lr=lr)


def trace(policy, values) -> list[float]:
    rates = [policy.get_last_lr()[0]]
    for value in values:
        policy.step(value)
        rates.append(policy.get_last_lr()[0])
    return rates


def change(optimizer, **options):
    return IHYLLChangePolicy(optimizer, **{**BOUNDS, "gamma1": 0.1, "gamma2": 1.0, **options})


def reference(optimizer, **options):
    return IHYLLReferencePolicy(optimizer, **{**BOUNDS, "reference": 2.0, **options})


def range_test(optimizer, **options):
    return IHYLLRangeTestPolicy(optimizer, **{**BOUNDS, "reference": 2.0, **options})


def test_policy_1_by_hand():
    #        delta: -, 1/2, 0.5/2.5 = 0.2, 0.01/2.51, 0.51/2 (a fall moves it too), 2/4, 0/4
    values = [1.0, 2.0, 2.5, 2.51, 2.0, 4.0, 4.0]
    expected = [
        0.001,
        0.001,  # one value: nothing to compare
        0.051,  # + 0.1 * 0.5
        0.071,  # + 0.1 * 0.2
        0.071 - 0.01 / 2.51,  # 0.00398 <= 0.01: - 1 * delta
        0.071 - 0.01 / 2.51 + 0.0255,  # + 0.1 * 0.255
        0.1,  # capped
        0.1,  # delta 0: minus nothing
    ]
    assert trace(change(sgd()), values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("lr_max", [0.1, 0.01])
def test_gammas_left_out_scale_with_the_rates(lr_max: float):
    values = [1.0, 2.0, 2.5, 2.51, 2.0]  # up, up, down, up
    bounds = {"lr_min": 0.01 * lr_max, "lr_max": lr_max}
    by_hand = change(sgd(), **bounds, gamma1=lr_max, gamma2=10 * lr_max)
    assert trace(IHYLLChangePolicy(sgd(), **bounds), values) == trace(by_hand, values)
    gammas = dict.fromkeys(("gamma1", "gamma2", "gamma3"), lr_max)
    for reference in (4.0, 1.5):  # never and soon exceeded
        left_out = IHYLLReferencePolicy(sgd(), reference=reference, **bounds)
        stated = IHYLLReferencePolicy(sgd(), reference=reference, **bounds, **gammas)
        assert trace(left_out, values) == trace(stated, values)


def test_policy_1_floor():
    # 0.005/1.005 = 0.004975 <= epsilon, times gamma2 = 100, is more than there is
    rates = trace(change(sgd(), gamma2=100.0), [0.5, 1.0, 1.005])
    assert rates == pytest.approx([0.001, 0.001, 0.051, 0.001], abs=1e-12)


def test_policy_1_exactly_epsilon_is_saturated():
    # delta = 0.25 = epsilon: "greater than" is false
    rates = trace(change(sgd(), epsilon=0.25, gamma2=0.001), [0.5, 2.0, 1.5999999999999999, 1.28])
    assert rates[2] == pytest.approx(0.001 + 0.1 * 0.75)
    policy = change(sgd(), epsilon=0.25, gamma2=0.001)
    assert trace(policy, [1.0, 4.0, 3.2])[-1] == pytest.approx(0.001 + 0.075 - 0.001 * 0.25)


def test_policy_2_by_hand():
    values = [1.0, 1.6, 1.608, 1.9, 2.5, 1.0]
    d2 = 0.008 / 1.608
    assert d2 <= 0.01
    expected = [
        0.001,
        0.001,
        0.001 + 0.1 * 0.2,  # d1 = 1 - 1.6/2, d2 = 0.375
        0.021 - 0.05 * 0.196,  # d1 = 1 - 1.608/2 = 0.196, saturated
        0.0112 + 0.1 * 0.05,  # d1 = 0.05, d2 = 0.292/1.9
        0.0162 - 0.02 * 0.25,  # d1 = -0.25 whatever d2
        0.0112 + 0.1 * 0.5,
    ]
    policy = reference(sgd(), gamma1=0.1, gamma2=0.05, gamma3=0.02)
    assert trace(policy, values) == pytest.approx(expected, abs=1e-12)


def test_policy_2_above_the_reference_and_saturated():
    policy = reference(sgd(), lr_min=0.01, gamma3=0.001)
    # d1 = 1 - 2.5/2 = -0.25 with d2 = 0 (fourth case) and d2 > epsilon (third case)
    assert trace(policy, [2.0, 2.5, 2.5]) == pytest.approx([0.01] * 4)
    policy = reference(sgd(), gamma1=0.1, gamma3=0.04)
    rates = trace(policy, [0.5, 1.0, 2.5, 2.5])
    assert rates[2] == pytest.approx(0.051)
    assert rates[3] == pytest.approx(0.051 - 0.04 * 0.25)
    assert rates[4] == pytest.approx(0.051 - 0.04 * 0.5)


def test_policy_2_caps():
    assert trace(reference(sgd(), gamma1=10.0), [0.5, 1.0])[-1] == 0.1
    assert trace(reference(sgd(), gamma2=10.0), [0.5, 1.0, 1.0])[-1] == 0.001


def test_value_only():
    policy = reference(sgd())
    trace(policy, [1.0, 1.0])
    policy.value_only(2)
    # saturated (d2 = 0), yet the rate grows by 0.1 * d1 = 0.05 for two steps, then falls
    assert trace(policy, [1.0, 1.0, 1.0]) == pytest.approx([0.001, 0.051, 0.1, 0.05])
    policy.value_only(1)
    assert trace(policy, [2.2]) == pytest.approx([0.05, 0.05 - 0.1 * 0.1])


def test_batch_size_change_is_noticed():
    policy = reference(sgd(), value_only_epochs=2)
    for _ in range(3):
        policy.step(1.0, batch_size=100)
    assert policy.get_last_lr() == [0.001]
    rates = []
    for _ in range(3):
        policy.step(1.0, batch_size=500)
        rates += policy.get_last_lr()
    assert rates == pytest.approx([0.051, 0.1, 0.05])


def test_a_first_value_counts_when_only_the_value_does():
    policy = reference(sgd())
    policy.value_only(1)
    assert trace(policy, [1.5]) == pytest.approx([0.001, 0.026])


@pytest.mark.parametrize(
    "make",
    [
        change,
        reference,
        lambda o: IHYLLTrendPolicy(o, **BOUNDS),
        range_test,
        lambda o: range_test(o, epochs=8),
    ],
)
@pytest.mark.parametrize("stop", [0, 1, 2, 5])
def test_resumed_traces_are_identical(make, stop):
    values = [0.3, 0.9, 1.4, 1.405, 2.2, 2.1, 2.1, 2.3]
    policy = make(sgd())
    expected = trace(policy, values)

    first_optimizer = sgd()
    first = make(first_optimizer)
    rates = trace(first, values[:stop])
    file = io.BytesIO()
    torch.save({"policy": first.state_dict(), "optimizer": first_optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    for policy_first in (True, False):
        optimizer = sgd()
        resumed = make(optimizer)
        if policy_first:
            resumed.load_state_dict(copy.deepcopy(saved["policy"]))
            optimizer.load_state_dict(copy.deepcopy(saved["optimizer"]))
        else:
            optimizer.load_state_dict(copy.deepcopy(saved["optimizer"]))
            resumed.load_state_dict(copy.deepcopy(saved["policy"]))
        assert rates[:-1] + trace(resumed, values[stop:]) == expected
        assert resumed.last_epoch == len(values)


def test_state_is_a_copy():
    policy = change(sgd())
    policy.step(1.0)
    state = policy.state_dict()
    policy.step(2.0)
    assert state["_history"] == [[1.0]]


def test_value_only_survives_a_resume():
    policy = reference(sgd())
    trace(policy, [1.0, 1.0])
    policy.value_only(2)
    policy.step(1.0)
    resumed = reference(sgd())
    resumed.load_state_dict(policy.state_dict())
    assert trace(resumed, [1.0, 1.0]) == trace(policy, [1.0, 1.0])


def test_state_of_other_groups_is_refused():
    state = change(sgd(2)).state_dict()
    with pytest.raises(ValueError, match="2 parameter groups but the optimizer has 1"):
        change(sgd(1)).load_state_dict(state)


def test_scheduler_manners():
    optimizer = sgd(lr=0.5)
    policy = change(optimizer)
    assert isinstance(policy, LRScheduler)
    assert policy.last_epoch == 0
    assert optimizer.param_groups[0]["lr"] == 0.001  # training begins at lr_min
    policy.step(1.0)
    policy.step(torch.tensor(2.0))
    assert policy.last_epoch == 2
    assert policy.get_last_lr() == [optimizer.param_groups[0]["lr"]] == [pytest.approx(0.051)]


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.AdamW])
def test_any_optimizer(make):
    optimizer = make([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    assert trace(change(optimizer), [1.0, 2.0])[-1] == pytest.approx(0.051)


def test_tensor_rates_are_changed_in_place():
    lr = torch.tensor(0.3)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    assert trace(change(optimizer), [1.0, 2.0])[-1] == pytest.approx(0.051)
    assert optimizer.param_groups[0]["lr"] is lr
    assert float(lr) == pytest.approx(0.051)


def test_layer_wise():
    policy = change(sgd(2))
    policy.step([1.0, 1.0])
    policy.step([2.0, 1.25])  # delta 0.5 and 0.2
    assert policy.get_last_lr() == pytest.approx([0.051, 0.021])
    policy.step([2.0, 2.5])  # saturated (delta 0), and 0.5
    assert policy.get_last_lr() == pytest.approx([0.051, 0.071])


def test_layer_wise_by_name_with_bounds_and_references_of_its_own():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 2))
    optimizer = torch.optim.SGD(layer_parameter_groups(model, ["0", "1"]), lr=1.0)
    policy = IHYLLReferencePolicy(
        optimizer, lr_min=[0.001, 0.01], lr_max=[0.02, 0.1], reference=[1.0, 2.0]
    )
    policy.step({"1": 1.0, "0": 0.25})
    policy.step({"0": 0.5, "1": 1.5, "unused": 7.0})
    # 0.001 + 0.02 * 0.5; 0.01 + 0.1 * 0.25: by default a group's gammas are its lr_max
    assert policy.get_last_lr() == pytest.approx([0.011, 0.035])
    with pytest.raises(ValueError, match=r"named \['1'\]"):
        policy.step({"0": 1.0})


def test_number_of_values_must_match():
    policy = change(sgd(2))
    with pytest.raises(ValueError, match="3 values for 2 parameter groups"):
        policy.step([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="must be a number"):
        policy.step("2.0")
    assert policy.last_epoch == 0


@pytest.mark.parametrize("make", [change, reference, lambda o: IHYLLTrendPolicy(o, **BOUNDS)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, 0.0, -0.4])
def test_unusable_values_hold_the_rate_and_warn_once(make, bad, recwarn):
    policy = make(sgd())
    trace(policy, [0.5, 1.0])
    held = policy.get_last_lr()
    with pytest.warns(UserWarning, match="stays as it is"):
        policy.step(bad)
    assert policy.get_last_lr() == held
    policy.step(bad)  # no second warning, which the test run would turn into an error
    assert policy.get_last_lr() == held
    assert policy.last_epoch == 4
    policy.step(1.0)
    assert math.isfinite(policy.get_last_lr()[0])


def test_a_value_that_is_not_finite_is_forgotten():
    with pytest.warns(UserWarning, match="nan"):
        rates = trace(change(sgd()), [1.0, math.nan, 2.0])
    assert rates[-1] == pytest.approx(0.051)  # compared with 1.0


def test_a_negative_value_is_remembered():
    with pytest.warns(UserWarning, match="-0.5 nats"):
        rates = trace(change(sgd()), [-0.5, 1.0])
    assert rates[-1] == pytest.approx(0.1)  # 0.001 + 0.1 * 1.5 / 1, capped


def test_noise_threshold_needs_a_standard_error():
    def measured(value: float) -> MutualInformation:
        return MutualInformation(value, standard_error=0.05)

    # a change of 0.08 in 2.08 is 3.8 %: above epsilon, below two standard errors (4.8 %)
    plain = trace(change(sgd(), noise=2.0), [1.0, 2.0, 2.08])
    aware = trace(change(sgd(), noise=2.0), [measured(v) for v in (1.0, 2.0, 2.08)])
    paper = trace(change(sgd(), noise=0.0), [measured(v) for v in (1.0, 2.0, 2.08)])
    assert plain == paper
    assert plain[-1] > plain[-2]
    assert aware[-1] == pytest.approx(0.051 - 0.01)  # as a change of epsilon would, no further


def test_trend_policy_by_hand():
    policy = IHYLLTrendPolicy(sgd(), **BOUNDS, up=4.0, down=2.0, epsilon=0.01)
    values = [1.0, 1.5, 2.0, 2.01, 1.5, 2.0, 2.2, 2.2]
    # up, up, within epsilon, a fall, up, up but capped, flat
    expected = [0.001, 0.001, 0.004, 0.016, 0.008, 0.004, 0.016, 0.064, 0.032]
    assert trace(policy, values) == pytest.approx(expected, rel=1e-12)


def test_trend_policy_bounds():
    policy = IHYLLTrendPolicy(sgd(), **BOUNDS, up=1000.0, down=10_000.0)
    assert trace(policy, [1.0, 2.0, 2.0])[2:] == [0.1, 0.001]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr_min": 0.0}, "0 < lr_min <= lr_max"),
        ({"lr_min": 0.2}, "0 < lr_min <= lr_max"),
        ({"lr_max": math.inf}, "lr_max must be finite"),
        ({"lr_min": [0.001, 0.001]}, "2 values for 1 parameter groups"),
        ({"gamma1": -1.0}, "gamma1"),
        ({"gamma2": math.nan}, "gamma2"),
        ({"epsilon": -0.1}, "epsilon"),
        ({"noise": -0.1}, "noise"),
    ],
)
@pytest.mark.parametrize("make", [change, reference])
def test_bad_options(make, options, message):
    optimizer = sgd(lr=0.5)
    with pytest.raises(ValueError, match=message):
        make(optimizer, **options)
    assert optimizer.param_groups[0]["lr"] == 0.5  # nothing half-done


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": 0.0}, "reference must be positive"),
        ({"reference": math.nan}, "reference must be a finite number"),
        ({"gamma3": -1.0}, "gamma3"),
        ({"value_only_epochs": -1}, "value_only_epochs"),
    ],
)
def test_bad_reference_options(options, message):
    with pytest.raises(ValueError, match=message):
        reference(sgd(), **options)


@pytest.mark.parametrize("options", [{"up": 0.9}, {"down": 0.0}, {"up": math.inf}])
def test_bad_trend_options(options):
    with pytest.raises(ValueError, match="must be a finite number >= 1"):
        IHYLLTrendPolicy(sgd(), **BOUNDS, **options)


def test_not_an_optimizer():
    with pytest.raises(TypeError, match="Optimizer"):
        change(torch.nn.Linear(2, 2))


def test_value_only_must_be_a_count():
    with pytest.raises(ValueError, match="epochs"):
        reference(sgd()).value_only(-1)


def test_layer_groups_hold_every_parameter_once():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    groups = layer_parameter_groups(model, ["2", "0"])
    assert [group["name"] for group in groups] == ["2", "0"]
    assert groups[0]["params"][0] is model[2].weight
    with pytest.raises(ValueError, match=r"no layer holds the parameters \['2.weight', '2.bias'\]"):
        layer_parameter_groups(model, ["0"])
    with pytest.raises(ValueError, match="no parameters"):
        layer_parameter_groups(model, ["0", "1", "2"])
    with pytest.raises(KeyError, match="nothing"):
        layer_parameter_groups(model, ["nothing"])
    with pytest.raises(ValueError, match="share a parameter"):
        layer_parameter_groups(torch.nn.Sequential(model), ["0", "0.2"])
    model[0].requires_grad_(False)
    assert len(layer_parameter_groups(model, ["2"])) == 1


@pytest.mark.parametrize("noise", [1.0, 3.0])
def test_noise_does_not_lower_the_rate_faster_than_saturation(noise):
    values = [MutualInformation(v, standard_error=0.05) for v in (1.0, 2.0, *[2.0, 2.1] * 3)]
    noisy = trace(change(sgd(), noise=noise), values)
    steps = [before - after for before, after in itertools.pairwise(noisy[2:])]
    assert max(steps) <= 0.01 + 1e-12  # gamma2 * epsilon


def test_a_rate_from_outside_is_brought_within_the_bounds():
    for make in (change, reference, lambda o: IHYLLTrendPolicy(o, **BOUNDS), range_test):
        for rate, values in ((5.0, [1.0, 1.0]), (1e-6, [1.0]), (5.0, [1.0, 1.5])):
            optimizer = sgd()
            policy = make(optimizer)
            for value in values[:-1]:
                policy.step(value)
            optimizer.param_groups[0]["lr"] = rate
            policy.step(values[-1])
            assert 0.001 <= policy.get_last_lr()[0] <= 0.1
    optimizer = sgd()
    policy = change(optimizer)
    optimizer.param_groups[0]["lr"] = 5.0
    with pytest.warns(UserWarning, match="nan"):
        policy.step(math.nan)
    assert policy.get_last_lr() == [0.1] == [optimizer.param_groups[0]["lr"]]


def test_a_tensor_rate_shared_by_two_groups():
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    optimizer = torch.optim.Adam(groups, lr=torch.tensor(0.3))
    policy = change(optimizer)
    policy.step([1.0, 1.0])
    policy.step([2.0, 1.25])
    expected = pytest.approx([0.051, 0.021])
    assert policy.get_last_lr() == expected
    assert [float(group["lr"]) for group in optimizer.param_groups] == expected


@pytest.mark.parametrize("make", [change, reference, lambda o: IHYLLTrendPolicy(o, **BOUNDS)])
def test_a_group_added_later(make):
    optimizer = sgd(2)
    policy = make(optimizer)
    policy.step(1.0)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.05})
    policy.step(1.5)
    first, second, new = policy.get_last_lr()
    assert (first, new) == (second, 0.05)  # one value of its own: nothing to compare
    policy.step([2.0, 2.0, 2.5])
    assert all(0.001 <= rate <= 0.1 for rate in policy.get_last_lr())
    resumed = make(optimizer)
    resumed.load_state_dict(policy.state_dict())
    assert resumed.get_last_lr() == policy.get_last_lr()
    late = make(short := sgd(2))
    short.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    late.load_state_dict(policy.state_dict())
    assert late.get_last_lr() == policy.get_last_lr()
    optimizer.param_groups.pop()
    with pytest.raises(ValueError, match="make the policy anew"):
        policy.step(1.0)


@pytest.mark.parametrize("as_bounds", [np.array, torch.tensor, tuple])
def test_bounds_and_information_in_arrays(as_bounds):
    policy = IHYLLChangePolicy(sgd(2), lr_min=as_bounds([0.001, 0.01]), lr_max=as_bounds([0.1, 1]))
    assert policy.get_last_lr() == pytest.approx([0.001, 0.01])
    assert IHYLLChangePolicy(sgd(), lr_min=as_bounds([0.01])[0], lr_max=1).get_last_lr()
    policy.step(np.array([1.0, 1.0]))
    policy.step(torch.tensor([1.0, 2.0]))
    assert policy.get_last_lr() == pytest.approx([0.001, 0.51])
    with pytest.raises(ValueError, match="3 values for 2 parameter groups"):
        policy.step(torch.ones(3))
    assert reference(sgd(2), reference=as_bounds([1.0, 2.0])).reference == [1.0, 2.0]


@pytest.mark.parametrize("bad", ["0.1", [[0.1]], [0.1, [0.2]], {"a": 1.0}, None, True])
def test_bounds_that_are_no_numbers(bad):
    with pytest.raises(TypeError, match=r"lr_min must be a number, or a list of one per"):
        IHYLLChangePolicy(sgd(), lr_min=bad, lr_max=0.1)


def test_stepped_as_any_other_scheduler():
    for policy in (change(sgd()), reference(sgd())):
        with pytest.raises(TypeError, match=r"reduce_on_plateau.*PolicyScheduler\(policy\)"):
            policy.step()


def test_the_state_of_another_scheduler():
    optimizer = sgd()
    foreign = torch.optim.lr_scheduler.StepLR(sgd(), 1).state_dict()
    for state in (foreign, reference(sgd()).state_dict(), {}):
        policy = change(optimizer)
        with pytest.raises(ValueError, match=r"not that of an IHYLLChangePolicy.*start the policy"):
            policy.load_state_dict(state)
        assert policy.get_last_lr() == [0.001]


def test_a_loaded_state_is_a_copy():
    policy = change(sgd())
    state = policy.state_dict()
    policy.load_state_dict(state)
    policy.lr_max[0] = 7.0
    assert state["lr_max"] == [0.1]
    assert change(sgd()).lr_max == [0.1]


def test_an_optimizer_that_was_built_anew_is_noticed():
    optimizer = sgd()
    policy = change(optimizer)

    def train(optimizer):
        optimizer.param_groups[0]["params"][0].grad = torch.ones(1)
        optimizer.step()

    for value in (1.0, 1.1):
        train(optimizer)
        policy.step(value)
    new = sgd()
    train(new)
    with pytest.warns(UserWarning, match=r"built anew.*policy\.optimizer = optimizer"):
        policy.step(1.2)
    policy.step(1.2)  # said once
    policy.optimizer = new
    for value in (1.3, 1.4):
        train(new)
        policy.step(value)
    assert new.param_groups[0]["lr"] == policy.get_last_lr()[0]


@pytest.mark.parametrize("options", [{}, {"fused": True}, {"foreach": True}])
def test_training_goes_unnoticed(options):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], **options)
    policy = change(optimizer)
    with torch.no_grad():
        parameter.fill_(1.0)  # as a loaded checkpoint does
    for value in (1.0, 1.1, 1.2, 1.3):  # a warning would be an error
        policy.step(value)
        parameter.grad = torch.ones(1)
        optimizer.step()


def test_range_test_goes_back_to_the_fastest_rate():
    # speeds: -, 0.4/1.9, 0.7/1.5 (the fastest, at 0.004), 0.1/0.8; then nothing moves it
    values = [0.1, 0.5, 1.2, 1.3, 1.8, 1.8]
    expected = [0.001, 0.002, 0.004, 0.008, 0.004, 0.004, 0.004]
    assert trace(range_test(sgd()), values) == pytest.approx(expected)


def test_range_test_lowers_the_rate_after_a_fall_at_any_time():
    values = [0.1, 0.5, 0.4, 0.9, 1.4, 1.0, 1.0]
    # 0.004 made it fall: 0.001 from there on, a later rise does not raise it again
    assert trace(range_test(sgd()), values)[3:] == pytest.approx([0.001] * 5)
    later = trace(range_test(sgd()), [0.1, 0.5, 1.2, 1.3, 1.8, 1.2])
    assert later[-2:] == pytest.approx([0.004, 0.001])


def test_range_test_is_not_moved_by_noise():
    def measured(*values: float) -> list[MutualInformation]:
        return [MutualInformation(value, standard_error=0.1) for value in values]

    found = [0.1, 0.5, 1.2, 1.3]  # as above: the rate is 0.004
    around = [1.35, 1.27, 1.33, 1.25]
    assert trace(range_test(sgd()), measured(*found, *around))[4:] == pytest.approx([0.004] * 5)
    assert trace(range_test(sgd(), noise=0.0), measured(*found, *around))[-1] < 0.004
    # a speed of 0.18 after one of 0.21 is no slower, within 0.1 nats
    search = trace(range_test(sgd()), measured(0.1, 0.5, 0.77))
    assert search == pytest.approx([0.001, 0.002, 0.004, 0.008])


def test_range_test_climbs_until_something_is_learned():
    # information of an untrained network that falls
    rates = trace(range_test(sgd()), [0.5, 0.5, 0.3, 0.2, 0.2])
    assert rates == pytest.approx([0.001 * 2**epoch for epoch in range(6)])
    # a loss that begins above H(Y): half as fast where it does not come down
    rates = trace(range_test(sgd()), [-1.0, -0.4, -0.1, -0.2, -0.1995])
    assert rates == pytest.approx([0.001 * 2**e for e in (0, 1, 2, 3, 3.5, 4)])
    assert trace(range_test(sgd(), lr_max=0.003), [-1.0] * 3)[-1] == 0.003


def test_a_reference_that_is_passed_does_not_stop_the_range_test():
    rates = trace(range_test(sgd(), reference=0.3), [0.1, 0.2, 0.4, 0.7, 1.1])
    assert rates[-1] == pytest.approx(0.001 * 2**5)


def test_range_test_falls_to_zero_at_the_end():
    policy = range_test(sgd(), epochs=10, cooldown=0.4)
    rates = trace(policy, [0.1, 0.5, 1.2, *[1.3] * 7])
    # linear over the last four epochs, in each its mean
    assert rates[4:-1] == pytest.approx([0.004, 0.004, 0.0035, 0.0025, 0.0015, 0.0005])
    assert rates[-1] == 0.0
    with pytest.raises(ValueError, match=r"step 11.*epochs=10: pass the number of epochs"):
        policy.step(1.3)


def test_the_cooldown_begins_with_a_rate_that_was_tried():
    rates = trace(range_test(sgd(), epochs=4, cooldown=0.5), [0.1, 0.3, 0.7, 1.3])
    # search 0.001, 0.002; the two epochs of the cooldown fall from 0.002
    assert rates == pytest.approx([0.001, 0.002, 0.002 * 0.75, 0.002 * 0.25, 0.0])


def test_a_group_added_later_searches_on_its_own():
    optimizer = sgd(2)
    policy = range_test(optimizer)
    for values in ([0.1, 0.1], [0.5, 0.5], [1.2, 1.2], [1.3, 1.3]):
        policy.step(values)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 0.01})
    policy.step([1.3, 1.3, 0.1])
    assert policy.get_last_lr() == pytest.approx([0.004, 0.004, 0.02])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"up": 1.0}, "up must be a finite number > 1"),
        ({"down": 0.5}, "down must be a finite number > 1"),
        ({"cooldown": 1.5}, "cooldown"),
        ({"epochs": 0}, "epochs"),
        ({"reference": -1.0}, "reference must be positive"),
    ],
)
def test_bad_range_test_options(options, message):
    with pytest.raises(ValueError, match=message):
        range_test(sgd(), **options)
