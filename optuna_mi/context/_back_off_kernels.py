"""Groups of places that saw the same symbols, split by one symbol more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from optuna_mi._numba import njit

Codes = npt.NDArray[np.integer]

#: Fold of a place that is scored but never trained on.
SCORED_ONLY = 255
# fold of places that are neither trained on nor scored
LEFT_OUT = 254
# class of a place whose context was never counted
_UNCOUNTED = 255

# A class of counts is a power of two of how many were seen, up to 8,192, and one of four degrees of
# variety (`_class_of`): from then on more counts change no weight. Choices.
_SIZES, _KINDS = 14, 4
#: Classes of counts for which a back-off weight of their own is learnt.
N_CLASSES = _SIZES * _KINDS


@njit(cache=True, nogil=True)
def _class_of(total: int, kinds: int) -> int:
    """Return which counts are alike: so many seen, of one kind, of few or of many."""
    size = 0
    while (total >> (size + 1)) > 0 and size < _SIZES - 1:
        size += 1
    if kinds == 1:
        variety = 0
    elif 4 * kinds <= total:
        variety = 1
    elif 2 * kinds <= total:
        variety = 2
    else:
        variety = 3
    return size * _KINDS + variety


@njit(cache=True, nogil=True)
def refine(  # type: ignore[no-untyped-def]
    lag,
    source,
    time,
    room,
    target,
    block,
    fold_of,
    n_folds,
    alphabet,
    target_alphabet,
    starts,
    ends,
    out_order,
    out_share,
    out_class,
    out_starts,
    out_ends,
):
    """Split every group by the symbol ``lag`` steps back and score its places.

    A place is a step t: the symbols up to t are known, its target is asked for. It is scored by the
    counts of the places of its group that lie in other folds. Places stand group by group, so that
    all that is read of a group lies together in memory.

    Args:
        lag: How many steps before t the new symbol lies; int.
        source: Codes, shape (N,).
        time: Step t of each place, int32, shape (P,).
        room: Steps before t in its sequence, int32, shape (P,).
        target: What is asked for, shape (P,).
        block: Block of each place, uint8, shape (P,).
        fold_of: Fold of every block, uint8; SCORED_ONLY: never trained on.
        n_folds: Number of folds.
        alphabet: One more than the largest code of ``source``.
        target_alphabet: The same of ``target``.
        starts: First place of every group, int32, shape (G,).
        ends: One after its last.
        out_order: Receives the places of the new groups that can be scored; int32, shape (P,).
        out_share: Receives their probability by the counts, beside ``out_order``; float32.
        out_class: Receives the class of those counts, uint8; 255 where there are none.
        out_starts: Receives the new groups' starts in ``out_order``.
        out_ends: Receives their ends.

    Returns:
        The number of new groups.
    """
    seen = np.zeros(alphabet, dtype=np.int32)
    fill = np.zeros(alphabet, dtype=np.int32)
    touched = np.empty(alphabet, dtype=np.int32)
    counts = np.zeros((target_alphabet, n_folds + 1), dtype=np.int32)
    kinds = np.empty(target_alphabet, dtype=np.int32)
    # the fold that saw a target first: whether it alone did tells how varied the others are
    first_fold = np.empty(target_alphabet, dtype=np.int32)
    in_fold = np.zeros(n_folds + 1, dtype=np.int32)
    there_only = np.zeros(n_folds + 1, dtype=np.int32)
    widest = 0
    for g in range(starts.size):
        widest = max(widest, ends[g] - starts[g])
    symbol = np.empty(widest, dtype=source.dtype)
    n_groups = 0
    for g in range(starts.size):
        a, b = starts[g], ends[g]
        n_touched = 0
        for j in range(a, b):
            if lag > room[j]:
                continue
            z = source[time[j] - lag]
            symbol[j - a] = z
            if seen[z] == 0:
                touched[n_touched] = z
                n_touched += 1
            seen[z] += 1
        position = a
        for i in range(n_touched):
            z = touched[i]
            fill[z] = position
            position += seen[z]
        for j in range(a, b):
            if lag > room[j]:
                continue
            z = symbol[j - a]
            out_order[fill[z]] = j
            fill[z] += 1
        low = a
        for i in range(n_touched):
            z = touched[i]
            high = low + seen[z]
            seen[z] = 0
            if high - low < 2:
                low = high
                continue
            n_kinds = 0
            total = 0
            first = -1
            for j in range(low, high):
                t = out_order[j]
                f = fold_of[block[t]]
                if f == SCORED_ONLY:
                    continue
                y = target[t]
                if counts[y, n_folds] == 0:
                    kinds[n_kinds] = y
                    first_fold[y] = f
                    n_kinds += 1
                if first < 0:
                    first = f
                counts[y, n_folds] += 1
                counts[y, f] += 1
                in_fold[f] += 1
                total += 1
            # a place can be scored where another fold, or any trained place, saw its symbols
            if total > 0 and (total < high - low or in_fold[first] < total):
                for i2 in range(n_kinds):
                    y = kinds[i2]
                    f = first_fold[y]
                    if counts[y, f] == counts[y, n_folds]:
                        there_only[f] += 1
                for j in range(low, high):
                    t = out_order[j]
                    f = fold_of[block[t]]
                    y = target[t]
                    c = counts[y, n_folds]
                    n = total
                    u = n_kinds
                    if f != SCORED_ONLY:
                        c -= counts[y, f]
                        n -= in_fold[f]
                        u -= there_only[f]
                    if n == 0:
                        out_share[j] = 0.0
                        out_class[j] = _UNCOUNTED
                        continue
                    out_share[j] = c / n
                    out_class[j] = _class_of(n, u)
                out_starts[n_groups] = low
                out_ends[n_groups] = high
                n_groups += 1
            for i2 in range(n_kinds):
                for f in range(n_folds + 1):
                    counts[kinds[i2], f] = 0
            for f in range(n_folds):
                in_fold[f] = 0
                there_only[f] = 0
            low = high
    return n_groups


@njit(cache=True, nogil=True)
def learn_weights(  # type: ignore[no-untyped-def]
    order, starts, ends, share, classes, previous, block, half_of, most
):
    """Return the weight of the counts' share beside what was known before, by half and class.

    Each half's weights maximise the likelihood of the other half's places, a sample of at most
    ``most`` of them a class.
    """
    weights = np.zeros((2, N_CLASSES))
    total = np.zeros(256, dtype=np.int64)
    for g in range(starts.size):
        for j in range(starts[g], ends[g]):
            total[classes[j]] += 1
    # places are drawn by a hash of their number: those of a group are alike and lie together
    below = np.empty(N_CLASSES, dtype=np.uint32)
    for c in range(N_CLASSES):
        # half of a class's places lie in either half, about
        below[c] = np.uint32(min(1.0, 1.8 * most / max(1, total[c])) * 4294967295.0)
    ratio = np.empty((2, N_CLASSES, most), dtype=np.float32)
    n = np.zeros((2, N_CLASSES), dtype=np.int64)
    for g in range(starts.size):
        for j in range(starts[g], ends[g]):
            c = classes[j]
            if c == _UNCOUNTED:
                continue
            t = order[j]
            scrambled = np.uint32((np.uint64(t) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF))
            if scrambled > below[c]:
                continue
            h = half_of[block[t]]
            if n[h, c] == most:
                continue
            ratio[h, c, n[h, c]] = share[j] / previous[t, 1 - h]
            n[h, c] += 1
    for h in range(2):
        for c in range(N_CLASSES):
            weights[h, c] = _best_weight(ratio[1 - h, c, : n[1 - h, c]])
    return weights


@njit(cache=True, nogil=True)
def _best_weight(ratio) -> float:  # type: ignore[no-untyped-def]
    """Return the weight that maximises the likelihood of places, to 1e-4.

    It is concave in the weight: Newton's steps, and a half of the bracket where one leaves it. Two
    imaginary places, at which the counts are wrong, are added, so that a few gains do not prove
    that counts help.
    """
    if ratio.size == 0:
        return 0.0
    slope = -2.0
    for r in ratio:
        slope += r - 1.0
    if slope <= 0.0:
        return 0.0
    low, high, w = 0.0, 1.0, 0.5
    for _ in range(30):
        slope = -2.0 / (1.0 - w)
        bend = 2.0 / (1.0 - w) ** 2
        for r in ratio:
            lift = (r - 1.0) / (1.0 + w * (r - 1.0))
            slope += lift
            bend += lift * lift
        if slope > 0.0:
            low = w
        else:
            high = w
        after = w + slope / bend
        if not low < after < high:
            after = 0.5 * (low + high)
        moved = abs(after - w)
        w = after
        if moved < 1e-4:
            break
    return w


@njit(cache=True, nogil=True)
def gain_of(  # type: ignore[no-untyped-def]
    order, starts, ends, share, classes, weights, block, half_of, previous, gain
):
    """Add what the shares tell beside what was known, in log probability by block."""
    # a product of ratios costs one logarithm for hundreds of places
    product = np.ones(gain.size)
    for g in range(starts.size):
        for j in range(starts[g], ends[g]):
            c = classes[j]
            if c == _UNCOUNTED:
                continue
            t = order[j]
            b = block[t]
            own = half_of[b]
            before = previous[t, own]
            after = (1.0 - weights[own, c]) * before + weights[own, c] * share[j]
            product[b] *= after / before
            if not 1e-200 < product[b] < 1e200:
                gain[b] += np.log(product[b])
                product[b] = 1.0
    for b in range(gain.size):
        gain[b] += np.log(product[b])


@njit(cache=True, nogil=True)
def regroup(  # type: ignore[no-untyped-def]
    order, starts, ends, share, classes, weights, old, new, at
):
    """Blend shares and what was known before, and put the places in the order of their groups.

    Args:
        order: Places of the new groups.
        starts: Their first index in ``order``.
        ends: One after their last.
        share: Probability by the counts, beside ``order``.
        classes: Class of those counts.
        weights: Weights of the shares, by half and class.
        old: Time, room, target, block and probability of each place.
        new: Receives the same in the new order.
        at: Where the first of these groups begins.
    """
    time, room, target, block, before = old
    new_time, new_room, new_target, new_block, after = new
    for g in range(starts.size):
        for j in range(starts[g], ends[g]):
            t = order[j]
            new_time[at] = time[t]
            new_room[at] = room[t]
            new_target[at] = target[t]
            new_block[at] = block[t]
            c = classes[j]
            for h in range(2):
                w = 0.0 if c == _UNCOUNTED else weights[h, c]
                after[at, h] = (1.0 - w) * before[t, h] + w * share[j]
            at += 1
