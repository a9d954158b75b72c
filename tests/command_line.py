"""Runs `paperboy` as a person does: a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def paperboy(home: Path, *arguments: str | Path, stdin: str | bytes = "", **environment: str) -> Done:
    """Run a command on a home."""
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "--home", str(home), *map(str, arguments)],
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def one_clear_line(done: Done) -> str:
    """The line on stderr of a refused command; fails where there is more, or a traceback."""
    lines = done.err.strip().splitlines()
    assert done.status == 2, done
    assert len(lines) == 1, done.err
    assert lines[0].startswith("paperboy: "), done.err
    assert done.out == "", done.out
    return lines[0]
