"""Runs `paperboy` as a person does: a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def served(
    home: Path, *flags: str, **environment: str
) -> Iterator[tuple["subprocess.Popen[str]", str]]:  # fmt: skip
    """`paperboy serve` as a process, and its address; killed at the end."""
    command = [sys.executable, "-m", "service.cli", "--home", str(home), "serve", "--port", "0", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            assert "Paperboy is at " in said, said
            yield process, said.split("Paperboy is at ")[1].split(";")[0]
        finally:
            process.kill()


def one_clear_line(done: Done) -> str:
    """The line on stderr of a refused command; fails where there is more, or a traceback."""
    lines = done.err.strip().splitlines()
    assert done.status == 2, done
    assert len(lines) == 1, done.err
    assert lines[0].startswith("paperboy: "), done.err
    assert done.out == "", done.out
    return lines[0]
