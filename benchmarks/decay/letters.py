"""What is read off the Penn Treebank's letters: law, span and twelve layers, by curve and lags.

    python -m benchmarks.decay.letters

Published: the author's file, all lags and the ones that the small budget of figure3 measures, with
the break left free and with the paper's 12. Measured: our curve of the training text, with its
baseline. The lists are compared with the authors' own twelve dilations by the root mean square of
ln (ours / theirs).
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks._output import markdown
from benchmarks.decay.reference import data_folder, read_curve
from benchmarks.papers._figure3_data import lags_of
from optuna_mi import DecayCurve, analyze_decay, decay_curve, design_dilations, load_dataset
from optuna_mi.decay import DecayAnalysis

PAPER = (1, 2, 3, 4, 5, 6, 8, 11, 18, 32, 73, 240)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    lags, values = read_curve(data_folder() / "reference_curves/ptb_letters_grassberger.dat")
    lags, mi = lags[lags > 0], values[lags > 0, 0]
    few = np.isin(lags, lags_of("ptb-letters", "published", True, int(lags[-1])))
    whole, thinned = DecayCurve(lags, mi), DecayCurve(lags[few], mi[few])
    found = {
        f"published, all {lags.size:,} lags": analyze_decay(whole),
        f"published, {few.sum()} of them": analyze_decay(thinned),
        "published, all, break at 12": analyze_decay(whole, breakpoints=[12.0]),
        "measured, training text": analyze_decay(decay_curve(load_dataset("ptb-char").sequences)),
    }
    print(markdown([law_row(name, analysis) for name, analysis in found.items()]))
    print("\nTwelve layers up to 240:\n")
    exponents = (0.0, 0.25, 1.0)
    rows = [list_row(name, a, exponent) for name, a in found.items() for exponent in exponents]
    print(markdown(rows))


def law_row(name: str, analysis: DecayAnalysis) -> dict[str, object]:
    breaks = [
        f"{b:.1f} ({low:.0f} to {high:.0f})"
        for b, (low, high) in zip(analysis.breakpoints, analysis.breakpoint_intervals, strict=True)
    ]
    reach = "none" if analysis.crossing is None else f"{analysis.crossing:,.0f}"
    return {
        "curve": name,
        "law": analysis.law.replace("_", " "),
        "breaks (95 %)": ", ".join(breaks),
        "crossing": f"{reach} at {analysis.effective_threshold:.1e} nats",
        "largest dilation": f"{analysis.max_dilation:,}",
    }


def list_row(name: str, analysis: DecayAnalysis, exponent: float) -> dict[str, object]:
    dilations = design_dilations(
        analysis, n_layers=len(PAPER), max_dilation=PAPER[-1], line_exponent=exponent
    )
    apart = np.sqrt(np.mean(np.log(np.array(dilations) / np.array(PAPER)) ** 2))
    return {
        "curve": name,
        "line_exponent": f"{exponent:g}",
        "dilations": ",".join(map(str, dilations)),
        "to the authors' list": f"{apart:.2f}",
    }


if __name__ == "__main__":
    main()
