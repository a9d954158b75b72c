"""A copy of the catalog, and a home made of one."""

from pathlib import Path

from service.errors import HomeError
from service.index.database import copy_database
from service.index.home import Home
from service.library import Library
from service.settings import Settings


def backup(settings: Settings, target: Path) -> None:
    """A consistent copy of the catalog, also while another process works with it.

    Raises:
        HomeError: there is no catalog, or the target exists.
    """
    copy_database(Home(settings.home).catalog, target)


def restore(settings: Settings, source: Path) -> int:
    """Fill an empty home from a backup and build its indexes; the number of papers.

    Raises:
        HomeError: the home has a catalog already, or the file is no backup.
    """
    home = Home(settings.home)
    if home.catalog.exists():
        raise HomeError(f"{home.path} has a catalog already: restore into an empty --home")
    with home:
        copy_database(source, home.catalog)
    with Library.open(settings) as library:
        return library.reindex()
