"""What all HTTP clients here share: a connection that can be cut from outside, and how long a server asks to wait."""

import socket
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


class Link:
    """A connection that another thread can cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Told by the HTTP client of every step; keeps the socket."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self._cut:
                    self._shut()

    def cut(self) -> None:
        """End the connection now, or as soon as there is one; whoever reads from it gets an error."""
        with self._lock:
            self._cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            try:
                # Not the method of the socket: that of an encrypted one would take the cipher away from its reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            except OSError:
                self._socket = None


def retry_after(header: str | None) -> float | None:
    """Seconds of a `Retry-After`, from a number or a date; `None` where there is none that makes sense."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return seconds if seconds > 0 else None
