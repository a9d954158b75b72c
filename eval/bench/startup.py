"""Cold processes: `--help`, `search` and `ask` over the sample pages, against the bare interpreter in the same run."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from eval.questions import SAMPLE_PAGES

_ROUNDS = 7
_PAPERBOY = (sys.executable, "-m", "service.cli")


def main() -> None:
    """Print seconds of wall time, median and range, of whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        home = ("--home", str(Path(folder) / "home"))
        _run((*_PAPERBOY, *home, "ingest", str(SAMPLE_PAGES)))
        commands = {
            "python -c pass": (sys.executable, "-c", "pass"),
            "paperboy --help": (*_PAPERBOY, "--help"),
            "paperboy ingest again": (*_PAPERBOY, *home, "ingest", str(SAMPLE_PAGES)),
            "paperboy search": (*_PAPERBOY, *home, "search", "activation memory"),
            "paperboy ask (list)": (*_PAPERBOY, *home, "ask", "which papers reduce activation memory?"),
            "paperboy ask (fact)": (*_PAPERBOY, *home, "ask", "by how much does MEFT cut activation memory?"),
            "paperboy summarize": (*_PAPERBOY, *home, "summarize", "kvquant", "--length", "paragraph"),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(_ROUNDS):
            for name, command in commands.items():
                times[name].append(_run(command))
    for name, values in times.items():
        sys.stdout.write(f"{name:22} {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})\n")


def _run(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - start
