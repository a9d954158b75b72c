"""The main job on the bundled sample pages, as a person would do it: called by `make demo`."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".paperboy"
PAPERBOY = Path(sys.executable).with_name("paperboy")
STEPS = (
    ("ingest", "samples/daily-papers"),
    ("ask", "which papers reduce activation memory?"),
    ("summarize", "KVQuant", "--length", "paragraph"),
    ("digest", "2023-07-27"),
)
NEXT = """\
What to try next (the catalog of this demo is in .paperboy):
  export PAPERBOY_HOME=.paperboy PATH="$PWD/.venv/bin:$PATH"
  paperboy ask "by how much does MEFT cut activation memory?"
  paperboy ask "was the original RAG paper listed before or after InstructRetro?"
  paperboy search "detecting AI-generated images" -k 5
  paperboy digest latest --format html --out digest.html
  paperboy ingest YOUR_PAPERS.jsonl       one object a line: id, title, abstract, authors, published
  paperboy models list                    larger writers, and how to fetch them
"""


def main() -> int:
    """Run the steps; the status of the first that fails."""
    environment = {**os.environ, "PAPERBOY_HOME": str(HOME)}
    for step in STEPS:
        shown = " ".join(shlex.quote(word) for word in step)
        print(
            f"\n\033[1m$ paperboy {shown}\033[0m" if sys.stdout.isatty() else f"\n$ paperboy {shown}",
            flush=True,
        )
        done = subprocess.run([str(PAPERBOY), *step], cwd=ROOT, env=environment, check=False)
        if done.returncode:
            return done.returncode
    print(f"\n{NEXT}", end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
