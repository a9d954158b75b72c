"""The home directory: what lies where in it, and that one process owns it at a time."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from service.errors import HomeBusyError, HomeError


class Home:
    """A directory with the catalog, the indexes derived from it, kept texts, pulled models and settings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalog = path / "catalog.sqlite3"
        self.cache = path / "cache.sqlite3"
        self.map = path / "map.json"
        self.chroma = path / "chroma"
        self.lexical = path / "lexical"
        self.models = path / "models"
        self.model_hashes = path / "model-hashes.json"
        self.socket = path / "service.sock"
        """Where a service that owns the home is reached by other commands."""
        self._owner = path / "owner"
        self._lock = FileLock(path / "lock", timeout=0)

    def own(self) -> Self:
        """Create the directory where needed and become its only owner until `release` or the process ends.

        Raises:
            HomeBusyError: another process owns it.
            HomeError: it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
            self._owner.write_text(str(os.getpid()))
        except Timeout:
            raise HomeBusyError(
                f"{self.path} is in use by another paperboy (process {self._owner_pid()}): "
                "wait until it has finished, or use another --home"
            ) from None
        except (OSError, NotImplementedError) as error:
            raise HomeError(
                f"home directory {self.path} cannot be written ({getattr(error, 'strerror', None) or error}): "
                "choose another with --home DIR or PAPERBOY_HOME"
            ) from None
        return self

    def release(self) -> None:
        """Let another process own the directory."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self.own()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _owner_pid(self) -> str:
        try:
            return self._owner.read_text().strip() or "unknown"
        except OSError:
            return "unknown"


def remove_store(path: Path) -> None:
    """Delete the directory of a derived index, or a file or link that is in its place."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
