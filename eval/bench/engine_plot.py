"""The picture of part (a): tokens a second by the number of parallel requests, ours and llama-batched-bench, as SVG."""

import math
import statistics
from collections.abc import Sequence
from html import escape
from typing import Any

from eval.bench.measure import Row

_WIDTH, _HEIGHT = 300, 240
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 40, 12, 44
_COLOURS = {"Paperboy": "#0b6bcb", "llama-batched-bench": "#8a8f98"}
_FONT = 'font-family="sans-serif"'

Line = list[tuple[int, float]]


def picture(rows: Sequence[Row]) -> str:
    """One panel for each model of part (a); empty where part (a) was not measured."""
    models: dict[str, dict[str, Line]] = {}
    for row in rows:
        if row.part == "a":
            values: dict[str, Any] = row.values
            lines = models.setdefault(values["model"], {name: [] for name in _COLOURS})
            for side, name in enumerate(_COLOURS):
                middle = statistics.median(pair[side] for pair in values["pairs"])
                lines[name].append((values["parallel"], middle))
    if not models:
        return ""
    panels = "".join(
        f'<g transform="translate({index * _WIDTH},0)">{_panel(name, lines)}</g>'
        for index, (name, lines) in enumerate(models.items())
    )
    width, height = _WIDTH * len(models), _HEIGHT + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<rect width="{width}" height="{height}" fill="white"/>{panels}{_legend()}</svg>\n'
    )


def _panel(name: str, lines: dict[str, Line]) -> str:
    top = _round_up(max(value for line in lines.values() for _, value in line))
    requests = sorted({number for line in lines.values() for number, _ in line})

    def across(number: int) -> float:
        # The numbers double, so their logarithms are evenly spaced.
        share = math.log2(number / requests[0]) / (math.log2(requests[-1] / requests[0]) or 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def up(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_text((_LEFT + _WIDTH - _RIGHT) / 2, 22, name, size=13, anchor="middle")]
    for quarter in range(5):
        value = top * quarter / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{up(value):.1f}" y2="{up(value):.1f}" stroke="#e3e5e8"/>'
        )
        parts.append(_text(_LEFT - 6, up(value) + 4, f"{value:,.0f}", anchor="end"))
    parts += [_text(across(number), _HEIGHT - _BOTTOM + 18, str(number), anchor="middle") for number in requests]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, "parallel requests", anchor="middle"))
    for label, line in lines.items():
        points = [(across(number), up(value)) for number, value in line]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{_COLOURS[label]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_COLOURS[label]}"/>' for x, y in points]
    return "".join(parts)


def _legend() -> str:
    parts, left = [], _LEFT
    for label, colour in _COLOURS.items():
        parts.append(f'<rect x="{left}" y="{_HEIGHT + 5}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(left + 18, _HEIGHT + 15, f"{label}, tokens/s"))
        left += 170
    return "".join(parts)


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {_FONT} font-size="{size}" text-anchor="{anchor}" fill="#24292f">'
        f"{escape(text)}</text>"
    )


def _round_up(value: float) -> float:
    """The next number of 1, 2, 4 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)
