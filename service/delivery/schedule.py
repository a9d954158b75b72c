"""What makes `paperboy run` happen every day: a systemd timer or a line of a crontab."""

import shlex
from collections.abc import Sequence
from datetime import time
from pathlib import Path

_SPECIAL = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"})


def systemd_units(command: Sequence[str], at: time, secrets: Path) -> str:
    """A service and a timer for the user's systemd, with where they go.

    Args:
        command: program and arguments.
        at: time of day.
        secrets: file with variables, of which there may be none.
    """
    quoted = " ".join(f'"{part.translate(_SPECIAL)}"' for part in command)
    # A path here knows specifiers but no quotes.
    environment = str(secrets).replace("%", "%%")
    return f"""\
# ~/.config/systemd/user/paperboy.service
[Unit]
Description=Paperboy: the day's papers

[Service]
Type=oneshot
EnvironmentFile=-{environment}
ExecStart={quoted}
# 1: some papers or recipients failed and are listed in the journal; the rest was done.
SuccessExitStatus=1
Nice=10

# ~/.config/systemd/user/paperboy.timer
[Unit]
Description=Paperboy, every day

[Timer]
OnCalendar=*-*-* {at:%H:%M}:00
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target

# Then: systemctl --user daemon-reload && systemctl --user enable --now paperboy.timer
# Without anybody logged in: loginctl enable-linger
# Passwords go to {secrets} (chmod 600), as PAPERBOY_SMTP_PASSWORD=… and PAPERBOY_WEBHOOK_URL=…
"""


def cron_line(command: Sequence[str], at: time, secrets: Path) -> str:
    """A line for `crontab -e`; arguments as for `systemd_units`."""
    file, run = shlex.quote(str(secrets)), shlex.join(command)
    line = f"set -a; [ ! -r {file} ] || . {file}; exec {run}"
    # In a crontab a percent sign is the end of a line.
    return f"{at.minute} {at.hour} * * * " + line.replace("%", "\\%") + "\n"
