"""Whether scores depend on dilations: spread over lists against spread over training seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks._output import markdown


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the score of every list trained: dataset, list, replicate, value, layers."""
    rows = [
        {"dataset": r.dataset, "list": name, "replicate": r.seed % r.replicates, "value": value}
        for r in frame.itertuples()
        for name, value in zip(r.lists, r.values, strict=True)
    ]
    table = pd.DataFrame(rows).drop_duplicates(["dataset", "list", "replicate"])
    return table.assign(layers=table["list"].str.count(",") + 1)


def spread(table: pd.DataFrame) -> dict[str, float]:
    """Return standard deviations of one data set's scores.

    Over lists (less what the training seed adds to a mean), over lists of the same depth, and over
    training seeds, a seed's shift of all lists alike taken out: a search has one seed throughout.
    """
    wide = table.pivot(index="list", columns="replicate", values="value").dropna()
    if wide.shape[0] < 3 or wide.shape[1] < 2:
        return {"n": wide.shape[0], "lists": np.nan, "depth": np.nan, "seeds": np.nan}
    n, k = wide.shape
    rest = wide.sub(wide.mean(axis=1), axis=0) - (wide.mean(axis=0) - wide.to_numpy().mean())
    noise = float((rest.to_numpy() ** 2).sum() / ((n - 1) * (k - 1)))
    means = wide.mean(axis=1)
    layers = means.index.str.count(",")
    within = means - means.groupby(layers).transform("mean")
    n_depths = layers.nunique()
    same_depth = (within**2).sum() / (n - n_depths) if n > n_depths else np.nan
    return {
        "n": n,
        "lists": float(np.sqrt(max(means.var(ddof=1) - noise / k, 0))),
        "depth": float(np.sqrt(max(same_depth - noise / k, 0))),
        "seeds": float(np.sqrt(noise)),
    }


def spread_text(frame: pd.DataFrame) -> str:
    table = scores(frame)
    rows, weak, unknown = [], [], []
    for name, group in table.groupby("dataset", sort=False):
        found = spread(group)
        ratio = found["depth"] / found["seeds"] if found["seeds"] else np.nan
        if np.isnan(ratio):
            unknown.append(str(name))
        elif ratio <= 1:
            weak.append(str(name))
        rows.append(
            {
                "data set": name,
                "lists": int(found["n"]),
                "SD over lists": f"{found['lists']:.4f}",
                "SD over lists of one depth": f"{found['depth']:.4f}",
                "SD over training seeds": f"{found['seeds']:.4f}",
                "one depth / seeds": f"{ratio:.1f}",
            }
        )
    verdict = (
        f"Not on {', '.join(weak)}: there the training seed moves the score as much as where the "
        "dilations of a network of given depth lie, and its races below are decided by chance or "
        "depth."
        if weak
        else "Where not said otherwise, the dilations of a network of given depth move the score "
        "more than the training seed does."
    )
    if unknown:
        verdict += f" Not known on {', '.join(unknown)}: too few lists were trained twice."
    return markdown(rows) + "\n\n" + verdict
