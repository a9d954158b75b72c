"""Our own modules in a process of their own, for what may crash or hang the process that does it."""

import os
import subprocess
import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of `python -m module`."""
    # `-P`, and no empty entry in the path: no module of the current directory takes the place of ours.
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment(**more: str) -> dict[str, str]:
    """The environment of this process, so that a child finds the same modules."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


def run_module(module: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` and wait; stdout and stderr are captured.

    Args:
        module: of this package.
        arguments: of its command line.
        timeout: seconds.

    Raises:
        subprocess.TimeoutExpired: it took longer and was killed.
    """
    return subprocess.run(  # noqa: S603 - our own interpreter and module
        module_command(module, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env=module_environment(),
    )
