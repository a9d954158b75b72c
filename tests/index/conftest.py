import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.index.catalog import Catalog
from service.index.database import Database
from service.library import quietly
from tests.fakes import FakeEmbedder
from tests.index.small_home import PAPERS, everything_found, opened, put


@pytest.fixture(scope="session")
def closed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed home with `PAPERS`; copy it before changing anything."""
    path = tmp_path_factory.mktemp("made") / "home"
    with opened(path, FakeEmbedder()) as stores:
        put(stores, *PAPERS)
        stores.finish(quietly)
    return path


@pytest.fixture(scope="session")
def found_when_sound(closed_home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[int]]:
    """What a sound home finds."""
    copy = Path(shutil.copytree(closed_home, tmp_path_factory.mktemp("expected") / "home"))
    with opened(copy, FakeEmbedder()) as stores:
        return everything_found(stores)


@pytest.fixture
def small_home(closed_home: Path, tmp_path: Path) -> Path:
    """A copy of that home which a test may change."""
    return Path(shutil.copytree(closed_home, tmp_path / "home"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty catalog's file."""
    opened = Database(tmp_path / "catalog.sqlite3")
    opened.connection.execute("PRAGMA synchronous = OFF")
    yield opened
    opened.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    """An empty catalog."""
    return Catalog(database)
