"""The plots of the retrieval report."""

import math
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.drawing import columns, reach, styled, svg
from eval.retrieval import MEASURES, OURS, SYSTEMS
from eval.summary import KindSummary

# Distinguishable also by those who confuse red and green (Okabe & Ito 2008).
_COLOURS = dict(zip(SYSTEMS, ("#E69F00", "#009E73", "#999999", "#56B4E9", "#0055AA"), strict=True))
_DASHES = dict(zip(SYSTEMS, (":", "--", "-.", (0, (5, 1)), "-"), strict=True))
_BAR_MEASURES = ("nDCG@10", "recall@20", "F1")
_TITLES = {"nDCG@10": "nDCG@10", "recall@20": "recall@20", "F1": "F1 at the cut"}
_ACROSS = 3


def bars(summaries: Sequence[KindSummary]) -> str:
    """Mean and 95 % interval of each system on each kind of question, one panel a measure."""
    with styled():
        panels = [name for name in _BAR_MEASURES if any(s.means[OURS][MEASURES.index(name)] for s in summaries)]
        figure = Figure(figsize=(max(6.0, 1.6 + 1.35 * len(summaries)), 2.5 * len(panels) + 0.5), layout="constrained")
        all_axes = figure.subplots(len(panels), 1, squeeze=False)
        for axes, name in zip(all_axes[:, 0], panels, strict=True):
            _bar_panel(axes, summaries, name)
        figure.legend(
            *all_axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(SYSTEMS), frameon=False
        )
        return svg(figure)


def recall_curves(summaries: Sequence[KindSummary]) -> str:
    """Recall among the first k papers for k from 1, a panel for each kind; the interval is drawn of Paperboy's only."""

    def panel(axes: Axes, summary: KindSummary) -> None:
        for system, curve in summary.curves.items():
            ranks = range(1, len(curve) + 1)
            width = 2.0 if system == OURS else 1.2
            style = {"color": _COLOURS[system], "linestyle": _DASHES[system], "linewidth": width}
            axes.plot(ranks, [value.mean for value in curve], label=system, **style)  # type: ignore[arg-type]
            if system == OURS and curve[0].low is not None:
                low, high = ([float(getattr(value, edge)) for value in curve] for edge in ("low", "high"))
                axes.fill_between(ranks, low, high, color=_COLOURS[system], alpha=0.12, linewidth=0)
        axes.set(xlim=(1, len(ranks)), ylim=(0, 1.02), xlabel="papers looked at (k)", ylabel="recall@k")
        axes.set_xticks([1, *range(10, len(ranks) + 1, 10)])

    return _grid(summaries, panel, legend=True)


def reliability(summaries: Sequence[KindSummary]) -> str:
    """Predicted against observed relevance, a panel for each kind that has it; empty where none has."""

    def panel(axes: Axes, summary: KindSummary) -> None:
        found = summary.reliability
        if found is None:
            return
        axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1, linestyle="--")
        shares = [share.mean for share in found.observed]
        errors = [reach(share) for share in found.observed]
        sizes = [12 + 14 * math.log10(count) for count in found.papers]
        colour = _COLOURS[OURS]
        axes.errorbar(found.predicted, shares, columns(errors), fmt="none", ecolor=colour, linewidth=1, capsize=2)
        axes.scatter(found.predicted, shares, s=sizes, color=colour, zorder=3)
        for predicted, count in zip(found.predicted, found.papers, strict=True):
            axes.text(predicted, 1.06, f"{count:,}", fontsize=7, rotation=60, rotation_mode="anchor")
        xlabel = f"predicted relevance\ncalibration error {found.error:.3f}"
        axes.set(xlim=(0, 1), ylim=(0, 1.04), xlabel=xlabel, ylabel="share that is relevant")
        axes.set_aspect("equal")

    judged = [summary for summary in summaries if summary.reliability]
    return _grid(judged, panel, legend=False) if judged else ""


def _bar_panel(axes: Axes, summaries: Sequence[KindSummary], name: str) -> None:
    place, width = MEASURES.index(name), 0.8 / len(SYSTEMS)
    for number, system in enumerate(SYSTEMS):
        shown = [(at, value) for at, s in enumerate(summaries) if (value := s.means[system][place])]
        across = [at + (number - (len(SYSTEMS) - 1) / 2) * width for at, _ in shown]
        axes.bar(
            across,
            [value.mean for _, value in shown],
            width * 0.92,
            color=_COLOURS[system],
            label=system,
            yerr=columns([reach(value) for _, value in shown]),
            error_kw={"elinewidth": 0.9, "capsize": 1.5, "ecolor": "#333333"},
        )
    axes.set_xticks(range(len(summaries)), [f"{s.kind}\n({s.questions:,})" for s in summaries])
    axes.set(ylim=(0, 1.05), ylabel=_TITLES[name], xlim=(-0.5, len(summaries) - 0.5))
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.7)
    axes.set_axisbelow(True)


def _grid(summaries: Sequence[KindSummary], panel: Callable[[Axes, KindSummary], None], *, legend: bool) -> str:
    with styled():
        across = min(_ACROSS, len(summaries))
        down = math.ceil(len(summaries) / across)
        figure = Figure(figsize=(max(6.0, 3.1 * across), 2.9 * down + (0.4 if legend else 0)), layout="constrained")
        all_axes = figure.subplots(down, across, squeeze=False).ravel()
        for axes, summary in zip(all_axes, summaries, strict=False):
            panel(axes, summary)
            axes.set_title(f"{summary.kind} ({summary.questions:,})", pad=None if legend else 24)
            axes.grid(color="#eeeeee", linewidth=0.7)
        for axes in all_axes[len(summaries) :]:
            axes.set_visible(False)
        if legend:
            handles = all_axes[0].get_legend_handles_labels()
            figure.legend(*handles, loc="outside upper center", ncols=len(SYSTEMS), frameon=False)
        return svg(figure)
