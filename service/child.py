"""Our own modules in a process of their own, for what may crash or hang the process that does it."""

import os
import subprocess
import sys


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
        # `-P`, and no empty entry: no module of the current directory takes the place of ours.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
