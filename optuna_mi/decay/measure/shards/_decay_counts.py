"""Counts of shards, which add up to the curve of the whole corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import instance, one_of, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure.shards._count_plan import CountPlan
from optuna_mi.decay.measure.shards._curve_of_counts import HEAD, curve_of_counts
from optuna_mi.decay.measure.shards._estimates_of_counts import blocks_at
from optuna_mi.decay.measure.shards._pair_tables import (
    Tables,
    add_tables,
    count_tables,
    sum_of_blocks,
)
from optuna_mi.decay.measure.shards._shards import read_part
from optuna_mi.information._entropy import Estimator, check_estimator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class DecayCounts:
    """How often symbols follow one another in some shards of a corpus, at every lag of a plan.

    Counts of different shards `merge` to those of both, in any order. Those of all shards give the
    DecayCurve (`to_curve`) that one machine gives of the corpus.

    Attributes:
        plan: What the counts are of.
        shards: Numbers of the shards that were counted, increasing.
        occurrences: How often each symbol was seen, int64, shape (K,).

    Note:
        What is held: at every lag, a table of K * K counts, or of a large alphabet the pairs that
        occur, 8 to 12 bytes each; both again for the blocks whose spread gives the standard error,
        at the lags where it is measured; and the first 4,194,304 symbols.

    Example:
        >>> x = np.cumsum(np.random.default_rng(0).integers(0, 2, 5000)) % 4
        >>> plan = CountPlan([3000, 2000], symbols=4, max_lag=20, joined=True)
        >>> first = DecayCounts.of(x[:3000], plan, 0)
        >>> second = DecayCounts.of(x[3000:], plan, 1, before=x[2980:3000])
        >>> curve = second.merge(first).to_curve()
        >>> bool(curve.mi_corrected[0] > 0.6)
        True
    """

    plan: CountPlan
    shards: tuple[int, ...]
    occurrences: Ints
    _tables: Tables
    # first symbols: where they stand, their codes and their sequences' offsets
    _head: tuple[tuple[int, npt.NDArray[Any], Ints], ...]
    _n_sequences: int
    _shortest: int
    _longest: int
    _n_short: int

    @classmethod
    def of(
        cls,
        shard: Any,
        plan: CountPlan,
        index: int,
        *,
        before: Any = None,
        n_threads: int | None = 1,
    ) -> Self:
        """Count one shard.

        Args:
            shard: A sequence or sequences, a path or a function that returns them: see `Shards`.
            plan: The plan.
            index: The shard's number, from 0 on.
            before: Where the plan joins shards, the last ``plan.max_lag`` symbols before this one,
                or all if there are fewer.
            n_threads: Threads; one for each processor if ``None``.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If the shard has another length than the plan says, or a symbol that the
                plan does not know, or before is missing or too short.
        """
        instance("plan", plan, CountPlan, "a CountPlan")
        at = whole("index", index, 0, plan.n_shards - 1)
        threads = resolve_threads(n_threads)
        values, offsets = read_part(shard)
        expected = int(plan.starts[at + 1] - plan.starts[at])
        if values.size != expected:
            raise ValueError(
                f"shard {at} must have {expected:,} symbols, as the plan says, got {values.size:,}"
            )
        codes, first = plan.alphabet.codes(values), int(plan.starts[at])
        earlier = codes[:0]
        wanted = min(first, plan.max_lag) if plan.joined else 0
        if before is not None or wanted:
            given = values[:0] if before is None else read_part(before)[0]
            if given.size < wanted or not plan.joined:
                raise ValueError(
                    f"before must hold the last {wanted:,} symbols before shard {at}, got "
                    f"{given.size:,}; shards that are sequences of their own need none: "
                    "joined=False"
                )
            earlier = plan.alphabet.codes(given[given.size - wanted :])
        return cls.of_codes(plan, at, codes, offsets, first, earlier, n_threads=threads)

    @classmethod
    def of_codes(
        cls,
        plan: CountPlan,
        index: int,
        codes: npt.NDArray[Any],
        offsets: Ints,
        first: int,
        earlier: npt.NDArray[Any],
        *,
        n_threads: int = 1,
    ) -> Self:
        """Do the same for codes of which the first stands at this place of the corpus."""
        own = np.array([0, codes.size]) if plan.joined else offsets
        lengths = np.diff(own)
        head = codes[: max(0, HEAD - first)].copy()
        all_codes = np.concatenate((earlier, codes)) if earlier.size else codes
        reach = np.array([0, all_codes.size]) if plan.joined else offsets
        tables = (
            count_tables(plan, all_codes, reach, first - earlier.size, earlier.size, n_threads)
            if codes.size
            else {}
        )
        return cls(
            plan=plan,
            shards=(index,),
            occurrences=np.bincount(codes, minlength=plan.alphabet.size).astype(np.int64),
            _tables=tables,
            _head=((first, head, np.unique(np.minimum(own, head.size))),) if head.size else (),
            _n_sequences=int(lengths.size),
            _shortest=int(lengths.min(initial=1 << 62)),
            _longest=int(lengths.max(initial=0)),
            _n_short=int((lengths <= plan.max_lag).sum()),
        )

    def merge(self, other: DecayCounts) -> Self:
        """Return the counts of the shards of both.

        Raises:
            TypeError: If other is none.
            ValueError: If the plans differ, or a shard was counted in both.
        """
        instance("other", other, DecayCounts, "a DecayCounts")
        if self.plan != other.plan:
            raise ValueError(
                f"other must be counts by the same plan, {self.plan}, got {other.plan}: count all "
                "shards with one CountPlan"
            )
        twice = set(self.shards) & set(other.shards)
        if twice:
            raise ValueError(f"other must hold other shards: shard {min(twice)} is in both")
        head = sorted(self._head + other._head, key=lambda part: part[0])
        return type(self)(
            plan=self.plan,
            shards=tuple(sorted(self.shards + other.shards)),
            occurrences=self.occurrences + other.occurrences,
            _tables=add_tables(self._tables, other._tables),
            _head=tuple(head),
            _n_sequences=self._n_sequences + other._n_sequences,
            _shortest=min(self._shortest, other._shortest),
            _longest=max(self._longest, other._longest),
            _n_short=self._n_short + other._n_short,
        )

    def __repr__(self) -> str:
        return f"DecayCounts({len(self.shards):,} shards of {self.plan})"

    def pairs(self, lag: int) -> npt.NDArray[np.int64] | csr_array:
        """Return how often each pair of symbols stands at a lag: (earlier, later), shape (K, K).

        Args:
            lag: One of the plan's.

        Returns:
            An array, or of a large alphabet a sparse one.

        Raises:
            TypeError: If lag is no integer.
            ValueError: If it is none of the plan's.
        """
        at = whole("lag", lag, 1)
        if at not in self.plan.lags:
            raise ValueError(f"lag must be one of the plan's {self.plan.lags.size:,}, got {at}")
        return sum_of_blocks(blocks_at(self.plan, self._tables, at), self.plan.alphabet.size)

    def to_curve(
        self,
        *,
        estimator: Estimator = "grassberger",
        baseline: Literal["shuffle"] | None = "shuffle",
        n_surrogates: int | None = None,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> DecayCurve:
        """Return the curve of all shards, in nats; the arguments are those of `decay_curve`.

        Raises:
            TypeError: If an argument is of the wrong type.
            ValueError: If shards are missing, if there are no pairs at a lag, or if an argument
                makes no sense.
        """
        check_estimator(estimator)
        one_of("baseline", baseline, ("shuffle", None))
        if n_surrogates is not None:
            whole("n_surrogates", n_surrogates, 1)
        whole("seed", seed)
        plan = self.plan
        if not plan.is_open and len(self.shards) < plan.n_shards:
            missing = sorted(set(range(plan.n_shards)) - set(self.shards))
            raise ValueError(
                f"the counts of {len(missing):,} of {plan.n_shards:,} shards are missing, shard "
                f"{missing[0]} first: all must be merged before the curve is made"
            )
        return curve_of_counts(
            [self],
            estimator=estimator,
            baseline=baseline,
            n_surrogates=n_surrogates,
            seed=seed,
            n_threads=resolve_threads(n_threads),
        )
