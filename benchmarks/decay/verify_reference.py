"""Compare all lags of the published curves with ours.

Run: python -m benchmarks.decay.verify_reference
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from benchmarks.decay.reference import CURVES, data_folder, read_curve
from optuna_mi.decay import decay_curve

TOLERANCE = 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("curves", nargs="*", default=list(CURVES), help="file names")
    parser.add_argument("--every", type=int, default=1, help="compare every n-th lag only")
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    folder = data_folder()
    failed = False
    for name in arguments.curves:
        read, estimator = CURVES[name]
        lags, published = read_curve(folder / "reference_curves" / name)
        chosen = slice(None, None, arguments.every)
        lags, published = lags[chosen], published[chosen]
        start, cpu = time.perf_counter(), time.process_time()
        curve = decay_curve(
            read(folder),
            lags=lags,
            boundary="concatenate",
            estimator=estimator,
            baseline=None,
            n_threads=arguments.threads,
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        columns = (curve.mi, curve.entropy_x, curve.entropy_y, curve.entropy_xy)
        worst = [
            float(np.abs(ours - theirs).max())
            for ours, theirs in zip(columns, published.T, strict=True)
        ]
        verdict = "ok" if max(worst) <= TOLERANCE else "DIFFERENT"
        failed |= verdict != "ok"
        print(
            f"{name}: {len(lags):,} lags, largest difference MI {worst[0]:.1e}, "
            f"Hx {worst[1]:.1e}, Hy {worst[2]:.1e}, Hxy {worst[3]:.1e}: {verdict} "
            f"({seconds:.0f} s, CPU {cpu:.0f} s)",
            flush=True,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
