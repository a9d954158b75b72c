"""Where the training and development data lie: a folder that is not part of the repository.

`PAPERS_DATA` names it; without it, `../shared/data` beside the checkout is looked at.
"""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
EMBEDDER = ROOT / "models" / str(Settings.model_fields["embedder"].default)
"""The one that ships."""
STOCK_EMBEDDER = ROOT / "models" / "all-MiniLM-L6-v2-Q8_0.gguf"
"""What it is measured against, and was trained from."""


def data_folder() -> Path | None:
    """The folder, or `None` where there is none."""
    folder = Path(os.environ.get("PAPERS_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def read_lines(*parts: str) -> Iterator[dict[str, Any]]:
    """The records of a JSON lines file, plain or gzipped.

    Raises:
        SystemExit: there is no data folder; with what to do.
    """
    folder = data_folder()
    if folder is None:
        raise SystemExit("no data folder: set PAPERS_DATA, see training/README.md")
    path = folder.joinpath(*parts)
    with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else nullcontext(raw) as lines:
        for line in lines:
            yield json.loads(line)
