"""Draw the picture of the README: `python scripts/picture.py`, after `make demo`."""

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 112
QUESTION = "which papers reduce activation memory?"


def main() -> None:
    """Ask the question of the demo and keep the terminal as SVG."""
    environment = {
        **os.environ,
        "PAPERBOY_HOME": str(ROOT / ".paperboy"),
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
    }
    command = [str(Path(sys.executable).with_name("paperboy")), "ask", QUESTION]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(Text.assemble(("$ ", "dim"), (f'paperboy ask "{QUESTION}"', "bold")))
    console.print(Text.from_ansi(answer))
    # Without the web font that rich names: a picture makes no requests.
    svg = re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="Paperboy"), flags=re.DOTALL)
    # Some viewers fold spaces otherwise, also those that do not break.
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "ask.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
