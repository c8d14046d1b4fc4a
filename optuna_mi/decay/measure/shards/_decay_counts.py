"""Counts of shards, which add up to the curve of the whole corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from optuna_mi._checks import instance, one_of, whole
from optuna_mi._threads import resolve_threads
from optuna_mi.decay._decay_curve import DecayCurve
from optuna_mi.decay.measure._pooled_curve import shuffle_columns
from optuna_mi.decay.measure._settings import Settings, surrogate_count
from optuna_mi.decay.measure.counting._dense import LagEstimate
from optuna_mi.decay.measure.counting._engine import fill_errors
from optuna_mi.decay.measure.noise._composition import composition_note
from optuna_mi.decay.measure.reading._counted_sequences import CountedSequences
from optuna_mi.decay.measure.reading._sequences import short_ones_note
from optuna_mi.decay.measure.shards._count_plan import CountPlan
from optuna_mi.decay.measure.shards._estimates_of_counts import blocks_at, estimate_at
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

# first symbols of the corpus that are kept, for the noise that its memory makes
HEAD = 1 << 22


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
        settings = Settings(
            estimator=estimator,
            conditional=False,
            baseline=baseline,
            n_surrogates=surrogate_count(n_surrogates, baseline),
            seed=seed,
            n_threads=resolve_threads(n_threads),
            progress=False,
        )
        return self._curve(settings)

    def _curve(self, settings: Settings) -> DecayCurve:
        plan, lags = self.plan, self.plan.lags
        margins: dict[int, tuple[Ints, Ints]] = {}
        raw: list[LagEstimate] = []
        for lag in lags.tolist():
            blocks = blocks_at(plan, self._tables, lag)
            joint = sum_of_blocks(blocks, plan.alphabet.size)
            n_x, n_y = (np.asarray(joint.sum(axis=axis)).ravel() for axis in (1, 0))
            margins[lag] = n_x.astype(np.int64), n_y.astype(np.int64)
            if not margins[lag][0].any():
                raise ValueError(
                    f"there are no pairs at lag {lag}: the longest sequence has length "
                    f"{self._longest:,}; give a max_lag below it"
                )
            raw.append(estimate_at(plan, lag, blocks, joint, margins[lag], settings.estimator))
        raw = fill_errors(lags, raw)
        counted = self._counted(margins)
        columns: dict[str, Any] = {
            "mi": np.array([e.mi for e in raw]),
            "entropy_x": np.array([e.h_x for e in raw]),
            "entropy_y": np.array([e.h_y for e in raw]),
            "entropy_xy": np.array([e.h_xy for e in raw]),
            "n_pairs": counted.n_pairs(lags),
        }
        notes: tuple[str, ...] = ()
        if settings.baseline is None:
            columns["std_error"] = np.array([e.std_error for e in raw])
        else:
            columns |= shuffle_columns(counted, lags, settings, raw)
            if counted.n_sequences > 1:
                corrected = columns["mi"] - columns["baseline"]
                notes += composition_note(counted, lags, corrected, settings)
        if self._n_short and not plan.joined:
            notes += (short_ones_note(self._n_short, counted.n_sequences, plan.max_lag),)
        k = plan.alphabet.size
        kind = f"table of {k} x {k} counts" if plan.is_dense else f"pairs of {k} symbols that occur"
        return DecayCurve(
            lags=lags,
            **columns,
            sequence_length=counted.longest,
            n_sequences=counted.n_sequences,
            n_symbols=counted.n_symbols,
            n_total=counted.n_total,
            estimator=settings.estimator,
            boundary="concatenate" if plan.joined else "within",
            positions="pooled",
            baseline_method=settings.baseline,
            seed=settings.seed if settings.baseline else None,
            method=f"{kind}, added up over {len(self.shards):,} shards",
            notes=notes,
        )

    def _counted(self, margins: dict[int, tuple[Ints, Ints]]) -> CountedSequences:
        codes = np.concatenate([part for _, part, _ in self._head])[:HEAD]
        ends = [0]
        for _, part, own in self._head:
            ends.extend((ends[-1] + own[1:]).tolist() if not self.plan.joined else [])
            if self.plan.joined:
                ends = [0, ends[-1] + part.size]
        size = self.plan.alphabet.size
        n_symbols = int(np.count_nonzero(self.occurrences))
        if n_symbols < 2:
            raise ValueError(
                f"all {int(self.occurrences.sum()):,} symbols are the same: there is nothing to "
                "measure; at least two different ones are needed"
            )
        total = int(self.occurrences.sum())
        return CountedSequences(
            codes=codes,
            offsets=np.unique(np.minimum(ends, codes.size)).astype(np.int64),
            alphabet=size,
            n_symbols=n_symbols,
            margins_at=margins,
            total=total,
            number=1 if self.plan.joined else self._n_sequences,
            longest_one=total if self.plan.joined else self._longest,
        )
