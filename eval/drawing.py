"""What all plots share: SVG with the letters drawn as paths, so that it looks the same everywhere."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager

import matplotlib as mpl
from matplotlib.figure import Figure

from eval.intervals import Interval


def styled() -> AbstractContextManager[None]:
    """The look of all plots, while it is entered."""
    return mpl.rc_context(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "svg.fonttype": "path",
            # Without it the names inside the file would differ from run to run.
            "svg.hashsalt": "paperboy",
        }
    )


def reach(value: Interval) -> tuple[float, float]:
    """How far an interval reaches below and above its mean."""
    if value.low is None or value.high is None:
        return 0.0, 0.0
    return max(0.0, value.mean - value.low), max(0.0, value.high - value.mean)


def columns(pairs: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Two rows, as error bars are given."""
    return [[low for low, _ in pairs], [high for _, high in pairs]]


def svg(figure: Figure) -> str:
    """The figure as text, the same every time."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
