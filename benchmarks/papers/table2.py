"""Table 2 of [MK20]: permuted MNIST, vanilla RNN, dilations 1, 2, 4, … up to 780."""

from __future__ import annotations

import functools

from benchmarks._experiment import Experiment
from benchmarks.papers._doubling import doubling
from benchmarks.papers._mnist import Table, cells, seconds, train
from benchmarks.papers._mnist_summary import summarize

TABLE = Table(
    data="psmnist",
    unit="rnn",
    rows={
        doubling(7): (95.04, 95.94),
        doubling(8): (95.45, 95.88),
        doubling(9): (95.5, 96.16),
        doubling(10): (95.62, 96.4),
        (*doubling(10), 780): (95.66, 96.47),
    },
    claim="the longer the dilations reach, the better",
    best=(*doubling(10), 780),
    iterations=1500,
    longer=6000,
    seconds={20: 0.028, 50: 0.075},
)

EXPERIMENT = Experiment(
    name="table2",
    title="Table 2 of [MK20]: permuted MNIST, vanilla RNN",
    cells=functools.partial(cells, TABLE),
    run=functools.partial(train, TABLE),
    summarize=functools.partial(summarize, TABLE),
    seconds=functools.partial(seconds, TABLE),
    seeds=4,
)
