"""Memory of processes, as Linux tells it."""

from pathlib import Path
from typing import Literal


def resident_bytes(process: int | Literal["self"], *, peak: bool = False) -> int:
    """Resident memory of a process, now or at its most; 0 where the system does not tell.

    Args:
        process: its id.
        peak: the most that it ever had.
    """
    name = "VmHWM:" if peak else "VmRSS:"
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1_024 for line in lines if line.startswith(name)), 0)


def bytes_on_disk(*paths: Path) -> int:
    """What files, and folders with all that is in them, take on disk; what is not there takes nothing."""
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files)
