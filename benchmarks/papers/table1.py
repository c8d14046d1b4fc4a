"""Table 1 of [MK20]: MNIST in scan order, GRU, dilations 1, 2, 4, …."""

from __future__ import annotations

import functools

from benchmarks._experiment import Experiment
from benchmarks.papers._doubling import doubling
from benchmarks.papers._mnist import Table, cells, seconds, train
from benchmarks.papers._mnist_summary import summarize

TABLE = Table(
    data="smnist",
    unit="gru",
    rows={
        doubling(4): (98.96, 99.18),
        doubling(5): (98.94, 99.21),
        doubling(6): (99.17, 99.27),
        doubling(7): (99.05, 99.25),
        doubling(8): (99.15, 99.23),
        doubling(9): (98.96, 99.17),
    },
    claim="six layers (1 to 32, just above the period of 28) are best",
    best=doubling(6),
    iterations=1000,
    longer=0,
    seconds={20: 0.05, 50: 0.2},
)

EXPERIMENT = Experiment(
    name="table1",
    title="Table 1 of [MK20]: MNIST in scan order, GRU",
    cells=functools.partial(cells, TABLE),
    run=functools.partial(train, TABLE),
    summarize=functools.partial(summarize, TABLE),
    seconds=functools.partial(seconds, TABLE),
    seeds=3,
)
