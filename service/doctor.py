"""What `paperboy doctor` and `paperboy models` say: the state of the home, of the build and of the model files."""

import importlib.metadata
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service import __version__, resources
from service.errors import ModelError, PaperboyError
from service.index.home import Home
from service.index.stores import Differences
from service.library import Library, quietly
from service.llm import cores, models
from service.settings import Settings
from service.text import counted
from service.types import NearDuplicate

_PACKAGES = ("llama-cpp-python", "chromadb", "tantivy", "langchain-text-splitters")
Row = dict[str, Any]
_NEAREST = 5


class DoctorReport(NamedTuple):
    """What was found, and what was done about it."""

    facts: list[tuple[str, str]]
    problems: list[str]
    mended: list[str]

    @property
    def sound(self) -> bool:
        """Whether nothing is left to do."""
        return not self.problems

    def document(self) -> Row:
        """As JSON."""
        return {
            "sound": self.sound,
            "facts": dict(self.facts),
            "problems": self.problems,
            "mended": self.mended,
        }


def examine(settings: Settings, note: Callable[[str], None], *, mend: bool) -> DoctorReport:
    """Look at everything; with `mend`, make the indexes agree with the catalog.

    Raises:
        HomeError: the home directory cannot be used at all.
    """
    rows = check_models(settings)
    problems = [f"model {row['name']}: {row['problem']} ({row['path']})" for row in rows if row["problem"]]
    report = DoctorReport(_machine(), problems, [])
    report.facts.append(("models", ", ".join(f"{row['name']} ({row['problem'] or 'sound'})" for row in rows)))
    with Library.open(settings, note) as library:
        gpu, system = library.build()
        report.facts.append(("llama.cpp", "can offload layers to a GPU" if gpu else "CPU only"))
        report.facts.append(("processor", system))
        found = library.stores.differences()
        if found.damaged:
            report.problems.append(
                f"the catalog itself is damaged ({found.damaged[0]}): restore a backup with `paperboy restore FILE`"
            )
            return report
        papers, chunks = library.stores.catalog.count(), library.stores.chunks.count()
        report.facts.append(("home", f"{settings.home}: {papers} papers, {chunks} chunks"))
        report.facts.append(("near copies", _near_copies(library.stores.near_duplicates.all_pairs())))
        if found.none:
            report.facts.append(("indexes", "Chroma and the lexical index agree with the catalog"))
        elif mend:
            library.stores.mend(found, quietly)
            report.mended.append(f"mended: {_described(found)}")
            left = library.stores.differences()
            if not left.none:
                report.problems.append(f"still differs: {_described(left)}; try `paperboy reindex`")
        else:
            report.problems.append(f"differs from the catalog: {_described(found)}; `paperboy doctor` mends it")
    return report


def model_rows(settings: Settings) -> list[Row]:
    """The registry, with where each file is."""
    rows = []
    for model in models.known_models():
        row: Row = model.model_dump()
        row["path"] = next((str(f / model.file) for f in _folders(settings) if (f / model.file).exists()), None)
        rows.append(row)
    return rows


def check_models(settings: Settings) -> list[Row]:
    """Every model file that is here, checked; and those in use, whether here or not."""
    paths = {path for folder in _folders(settings) for path in folder.glob("*.gguf")}
    for name in filter(None, (settings.writer, settings.embedder, settings.reranker)):
        try:
            paths.add(models.resolve(name, _folders(settings)))
        except ModelError:
            paths.add(Path(name))
    return [_checked(path) for path in sorted(paths)]


def run_evaluation(arguments: Iterable[str]) -> int:
    """Run the evaluation of the checkout as a process of its own: it imports the service, not the other way round.

    Raises:
        PaperboyError: there is no checkout.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / "eval" / "__main__.py").exists():
        raise PaperboyError(
            "the evaluation is not part of the installed package: clone the repository, call `make setup-dev` in it, "
            "and then its .venv/bin/paperboy eval"
        )
    # The folder of the person who calls stays the current one, and nothing in it is imported in place of the checkout.
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-P", "-m", "eval", *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode  # noqa: S603


def _near_copies(pairs: Sequence[NearDuplicate]) -> str:
    """Pairs of papers of nearly one abstract: the nearest first, and how many there are."""
    if not pairs:
        return "no two papers have nearly the same abstract"
    nearest = sorted(pairs, key=lambda pair: -pair.resemblance)[:_NEAREST]
    shown = ", ".join(f"{pair.first} and {pair.second} ({pair.resemblance:.0%})" for pair in nearest)
    return f"{counted(len(pairs), 'pair')} of papers with nearly the same abstract, all kept: {shown}" + (
        " …" if len(pairs) > _NEAREST else ""
    )


def _machine() -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return [
        ("paperboy", __version__),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("packages", f"{versions}, SQLite {sqlite3.sqlite_version}"),
        ("free cores", str(cores.free_cores())),
    ]


def _checked(path: Path) -> Row:
    found = models.check(path)
    return {"name": found.name, "path": str(found.path), "sha256": found.sha256, "problem": found.problem}


def _folders(settings: Settings) -> tuple[Path, ...]:
    return resources.model_folders(Home(settings.home).models)


def _described(found: Differences) -> str:
    parts = (
        (found.pending, "papers pending"),
        (found.missing_vectors, "vectors missing"),
        (found.wrong_vectors, "vectors wrong"),
        (found.orphan_vectors, "vectors of no paper"),
        (found.missing_texts, "texts missing"),
        (found.orphan_texts, "texts of no paper"),
    )
    return ", ".join(f"{count} {what}" for count, what in parts if count)
