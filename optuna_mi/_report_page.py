"""The report's page: HTML around figures, without anything from the network."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

if TYPE_CHECKING:
    import pandas as pd

# Nothing may be loaded, whatever a study's strings hold.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)

# plotly.js 4 offers to send a figure to its maker's cloud.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud"],
}

_CSS = """
:root { color-scheme: light dark; --ink: #20262d; --soft: #5c6773; --page: #ffffff;
  --card: #f5f7f9; --line: #dde3e8; --accent: #20709f; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe4ea; --soft: #9aa6b2; --page: #14181d;
  --card: #1c2229; --line: #323b45; --accent: #6db5e0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 2.2rem 1.4rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .4rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); }
p { margin: .4rem 0; }
.lead, figcaption, .note { color: var(--soft); }
.note { background: var(--card); border-left: 3px solid var(--accent); padding: .7rem 1rem;
  margin: 1rem 0; border-radius: 0 6px 6px 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(215px, 1fr)); gap: .8rem;
  margin: 1.6rem 0 0; }
.facts > div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .75rem 1rem; }
.facts dt { color: var(--soft); font-size: .82rem; }
.facts dd { margin: .1rem 0 0; font-size: 1.08rem; font-weight: 600; overflow-wrap: anywhere; }
.facts small { display: block; font-weight: 400; font-size: .82rem; color: var(--soft); }
figure { margin: .8rem 0 0; }
figcaption { font-size: .92rem; max-width: 78ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin-top: .8rem; }
th, td { padding: .42rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th.text, td.text { text-align: left; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: .9rem 0;
  padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap; font: .86rem/1.5 ui-monospace,
  "DejaVu Sans Mono", monospace; }
@media print { main { max-width: none; } figure, tr { break-inside: avoid; } }
"""

# Figures follow the reader's theme, also when it changes.
_THEME = """
const dark = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  const css = getComputedStyle(document.documentElement);
  const ink = css.getPropertyValue("--ink").trim(), line = css.getPropertyValue("--line").trim();
  for (const plot of document.querySelectorAll(".plotly-graph-div")) {
    const change = {"font.color": ink, "hoverlabel.bgcolor": css.getPropertyValue("--card").trim(),
      "hoverlabel.font.color": ink, "modebar.bgcolor": "rgba(0, 0, 0, 0)",
      "modebar.color": css.getPropertyValue("--soft").trim()};
    for (const key of Object.keys(plot.layout)) {
      if (/^[xy]axis[0-9]*$/.test(key)) {
        change[key + ".gridcolor"] = line;
        change[key + ".zerolinecolor"] = line;
        change[key + ".linecolor"] = line;
      }
    }
    Plotly.relayout(plot, change);
  }
}
paint();
dark.addEventListener("change", paint);
"""


@dataclass(frozen=True)
class Fact:
    """One of the headline facts: what, its value, a remark. Plain text, escaped when shown."""

    name: str
    value: str
    remark: str = ""


def page(title: str, lead: str, facts: Iterable[Fact], sections: Iterable[str]) -> str:
    """Return the whole document; ``title`` and ``lead`` are plain text, sections are HTML."""
    cards = "".join(
        f"<div><dt>{html.escape(f.name)}</dt><dd>{html.escape(f.value)}"
        + (f"<small>{html.escape(f.remark)}</small>" if f.remark else "")
        + "</dd></div>\n"
        for f in facts
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_CSS}</style>\n"
        f"<script>{get_plotlyjs()}</script>\n</head>\n<body>\n<main>\n"
        f'<h1>{html.escape(title)}</h1>\n<p class="lead">{html.escape(lead)}</p>\n'
        f'<dl class="facts">\n{cards}</dl>\n'
        + "\n".join(sections)
        + f"\n</main>\n<script>{_THEME}</script>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """Return a section; ``heading`` is plain text, the parts are HTML."""
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n" + "\n".join(parts) + "\n</section>"


def paragraph(text: str) -> str:
    """Return a remark that stands out; plain text."""
    return f'<p class="note">{html.escape(text)}</p>'


def preformatted(text: str) -> str:
    """Return text in a fixed-width box; plain text."""
    return f"<pre>{html.escape(text)}</pre>"


def figure(plot: go.Figure, name: str, caption: str) -> str:
    """Return a figure with its caption (plain text); ``name`` is its element's id."""
    clear = "rgba(0, 0, 0, 0)"
    plot = go.Figure(plot)
    plot.update_layout(
        template="none",
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        font_family='system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif',
    )
    body = plot.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config=CONFIG,
    )
    return f"<figure>\n{body}\n<figcaption>{html.escape(caption)}</figcaption>\n</figure>"


def table(frame: pd.DataFrame, text_columns: Collection[str]) -> str:
    """Return a table; numbers get four digits, and a dash where there is none."""

    def cell(tag: str, name: str, content: str) -> str:
        kind = ' class="text"' if name in text_columns else ""
        return f"<{tag}{kind}>{html.escape(content)}</{tag}>"

    head = "".join(cell("th", name, name) for name in frame.columns)
    rows = "\n".join(
        "<tr>" + "".join(cell("td", n, _text(row[n])) for n in frame.columns) + "</tr>"
        for row in frame.to_dict("records")
    )
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4g}"
    return str(value) or "–"
