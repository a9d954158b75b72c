import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.errors import HomeBusyError, HomeError
from service.index.home import Home, remove_store
from tests.conftest import ROOT

OWN_AND_WAIT = """
import os, sys
from pathlib import Path
from service.errors import HomeError
from service.index.home import Home
os.setuid(int(sys.argv[2]))
try:
    home = Home(Path(sys.argv[1])).own()
    print("owned", flush=True)
except HomeError as error:
    print(error, flush=True)
sys.stdin.read()
"""
NOBODY = 65534


def start(path: Path, user: int | None = None) -> "subprocess.Popen[str]":
    """Another process that tries to own a home, says whether it does, and keeps it until its stdin ends."""
    return subprocess.Popen(
        [sys.executable, "-c", OWN_AND_WAIT, str(path), str(os.getuid() if user is None else user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def said(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@contextmanager
def owner(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that owns a home; killed at the end."""
    with start(path) as child:
        assert said(child) == "owned"
        try:
            yield child
        finally:
            child.kill()


def test_owning_creates_the_home_for_its_user_only(tmp_path: Path) -> None:
    with Home(tmp_path / "a" / "home") as home:
        assert home.path.stat().st_mode & 0o777 == 0o700
        assert home.catalog.parent == home.chroma.parent == home.lexical.parent == home.models.parent == home.path


def test_a_second_process_is_refused_at_once_and_told_who_owns_the_home(tmp_path: Path) -> None:
    with (
        owner(tmp_path / "home") as child,
        pytest.raises(HomeBusyError, match=rf"in use by another paperboy \(process {child.pid}\)"),
    ):
        Home(tmp_path / "home").own()


def test_a_second_home_object_in_one_process_is_refused_too(tmp_path: Path) -> None:
    with Home(tmp_path / "home"), pytest.raises(HomeBusyError, match=str(os.getpid())):
        Home(tmp_path / "home").own()


def test_a_home_under_another_name_is_the_same_home(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    with Home(tmp_path / "home"), pytest.raises(HomeBusyError):
        Home(tmp_path / "link").own()


def test_the_home_is_free_once_its_owner_is_killed(tmp_path: Path) -> None:
    with owner(tmp_path / "home") as child:
        child.kill()
        child.wait(timeout=60)
        with Home(tmp_path / "home") as home:
            assert (home.path / "owner").read_text() == str(os.getpid())


def test_a_released_home_can_be_owned_again_by_this_and_by_another_process(tmp_path: Path) -> None:
    for _ in range(3):
        with Home(tmp_path / "home"):
            pass
    with owner(tmp_path / "home"):
        pass
    home = Home(tmp_path / "home").own()
    home.release()
    home.release()


def test_releasing_what_another_process_owns_does_not_free_it(tmp_path: Path) -> None:
    with owner(tmp_path / "home"):
        home = Home(tmp_path / "home")
        with pytest.raises(HomeBusyError):
            home.own()
        home.release()
        with pytest.raises(HomeBusyError):
            Home(tmp_path / "home").own()


@pytest.mark.parametrize("content", ["", "999999", "no number", "1\n2\n3\n"])
def test_files_that_an_earlier_owner_left_are_harmless(tmp_path: Path, content: str) -> None:
    (tmp_path / "owner").write_text(content)
    (tmp_path / "lock").write_text(content)
    with Home(tmp_path):
        pass


def test_an_owner_that_cannot_be_named_is_still_an_owner(tmp_path: Path) -> None:
    with owner(tmp_path / "home"):
        (tmp_path / "home" / "owner").unlink()
        with pytest.raises(HomeBusyError, match=r"process unknown"):
            Home(tmp_path / "home").own()


def test_of_many_processes_at_once_exactly_one_wins(tmp_path: Path) -> None:
    racers = [start(tmp_path / "home") for _ in range(4)]
    lines = {racer.pid: said(racer) for racer in racers}
    for racer in racers:
        racer.communicate(timeout=60)
    winners = [pid for pid, line in lines.items() if line == "owned"]
    assert len(winners) == 1, lines
    assert all("in use by another paperboy" in line for pid, line in lines.items() if pid != winners[0])


@pytest.mark.parametrize("where", ["/proc/paperboy-home", "file in the way", "file above", "too long a name"])
def test_a_home_that_cannot_be_written_says_so_and_what_to_do(tmp_path: Path, where: str) -> None:
    path = Path(where)
    if where.startswith("file"):
        (tmp_path / "file").write_text("in the way")
        path = tmp_path / "file" if where == "file in the way" else tmp_path / "file" / "home"
    elif where == "too long a name":
        path = tmp_path / ("x" * 300)
    with pytest.raises(HomeError, match=r"cannot be written.*--home DIR or PAPERBOY_HOME") as raised:
        Home(path).own()
    assert not isinstance(raised.value, HomeBusyError)


def test_a_folder_in_place_of_the_lock_or_of_the_owner_says_so(tmp_path: Path) -> None:
    for name in ("lock", "owner"):
        home = tmp_path / f"home-{name}"
        (home / name).mkdir(parents=True)
        with pytest.raises(HomeError, match="cannot be written"):
            Home(home).own()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    for folder in (home, *home.parents):
        if folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    with start(home, NOBODY) as child:
        assert "cannot be written" in said(child)


@pytest.mark.parametrize("kind", ["folder", "file", "link", "nothing"])
def test_a_store_is_removed_whatever_is_in_its_place_and_what_a_link_points_to_stays(tmp_path: Path, kind: str) -> None:
    elsewhere, store = tmp_path / "elsewhere", tmp_path / "store"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    if kind == "folder":
        shutil.copytree(elsewhere, store)
    elif kind == "file":
        store.touch()
    elif kind == "link":
        store.symlink_to(elsewhere)
    remove_store(store)
    assert not os.path.lexists(store)
    assert (elsewhere / "file").exists()
