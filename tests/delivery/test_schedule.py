"""What makes it happen every day: units that systemd takes, a line that a shell runs."""

import shutil
import subprocess
from datetime import time
from pathlib import Path

import pytest

from service.delivery.schedule import cron_line, systemd_units
from tests.command_line import paperboy

ODD = '100% $HOME "quoted" it\'s'


def units(text: str) -> dict[str, str]:
    """The files in what is printed."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("# ~/.config/systemd/user/"):
            name = line.strip().rpartition("/")[2]
        found[name] = found.get(name, "") + line
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = tmp_path / "paperboy 50%"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    made = units(systemd_units([str(program), "--home", str(tmp_path / ODD), "run"], time(6, 5), tmp_path / ODD))
    assert set(made) == {"paperboy.service", "paperboy.timer"}
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *(str(tmp_path / name) for name in made)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in done.stderr.splitlines() if "paperboy" in line] == []
    assert "OnCalendar=*-*-* 06:05:00" in made["paperboy.timer"]


def test_the_line_of_a_crontab_runs_the_command_with_its_secrets(tmp_path: Path) -> None:
    secrets = tmp_path / f"{ODD} secrets"
    secrets.write_text("PAPERBOY_SMTP_PASSWORD=p4ss\n")
    line = cron_line(["printenv", "PAPERBOY_SMTP_PASSWORD"], time(6, 5), secrets)
    assert line.startswith("5 6 * * * ")
    # As cron reads it: a percent sign that is not escaped ends the line.
    command = line.removeprefix("5 6 * * * ").replace("\\%", "%")
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == "p4ss\n"
    missing = cron_line(["echo", ODD], time(6, 5), tmp_path / "none").removeprefix("5 6 * * * ").replace("\\%", "%")
    assert subprocess.run(["sh", "-c", missing], capture_output=True, text=True, check=True).stdout == f"{ODD}\n"


def test_the_schedule_is_of_the_current_home_and_needs_no_catalog(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    done = paperboy(home, "schedule", "--at", "07:05", "--out", str(tmp_path / "d.html"))
    assert done.status == 0
    assert f'"--home" "{home}" "run" "--out" "{tmp_path / "d.html"}"' in done.out
    assert "07:05:00" in done.out
    assert not home.exists()
    assert paperboy(home, "schedule", "--cron").out.startswith("30 7 * * * ")
