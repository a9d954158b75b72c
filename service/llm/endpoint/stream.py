"""What a chat server sends back, read with suspicion: server-sent events, then the text that they carry.

A server is another program, often on another machine: it may stop in the middle, send anything, or never stop.
Every amount is bounded, and what is not understood ends the attempt instead of leaving a hole in a text.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_NEWLINE = re.compile(rb"\r\n|\n|\r(?=[^\n])")
_LONGEST_EVENT = 2**20
_BYTES_PER_TOKEN = 64
"""Of text: the longest tokens in use are runs of a hundred spaces, and no text consists of those."""
_WIRE_BYTES_PER_TOKEN = 4_096
"""One event per token, with its probability, in JSON."""
_ALLOWANCE = 2**20
_SHOWN = 1_000
_LATER = {408, 429}
"""The statuses below 500 that another try may mend."""
_NEVER = {501, 505}
_TOO_LARGE = re.compile(
    r"exceed_context_size|context_length_exceeded|exceeds? (the )?(available )?context|maximum (context|model) len"
)


class AttemptError(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, reason: str, wait: float | None = None, status: int = 0) -> None:
        """`wait`: the seconds that the server asks for; `status`: its HTTP status, if it came that far."""
        super().__init__(reason)
        self.wait = wait
        self.status = status


class TooLargeError(Exception):
    """The server says that prompt and output exceed its context."""


class RefusedError(Exception):
    """The server refuses the request as it is, or breaks the rules: another try gives the same."""

    def __init__(self, reason: str, status: int = 0) -> None:
        """`status`: the HTTP status, if that is the reason."""
        super().__init__(reason)
        self.status = status


def refusal(status: int, reason: str, wait: float | None = None) -> Exception:
    """The error for what a server says with an HTTP status (or with the code of an error inside a stream)."""
    if _TOO_LARGE.search(reason):
        return TooLargeError(reason)
    if status in (401, 403):
        return RefusedError(f"refuses the key (HTTP {status}): set endpoint_key", status)
    if 300 <= status < 400:
        return RefusedError(f"answers with a redirect (HTTP {status}), which is not followed: give its target", status)
    text = f"HTTP {status}" + (f": {reason}" if reason else "")
    if status in _LATER or (status >= 500 and status not in _NEVER):
        return AttemptError(text, wait, status)
    return RefusedError(text, status)


def error_text(body: bytes) -> str:
    """What an error body says; servers agree on no form."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", errors="replace")
    error = document.get("error", document) if isinstance(document, dict) else document
    if isinstance(error, dict):
        words = [error.get(name) for name in ("type", "code", "message", "detail")]
        error = " ".join(word if isinstance(word, str) else json.dumps(word) for word in words if word)
    return str(error)


END = "[DONE]"
"""The event after the last one."""


def events(chunks: Iterable[bytes]) -> Iterator[str]:
    """The data of each server-sent event; comments and other fields are passed over.

    Raises:
        RefusedError: an event is longer than 1 MiB.
    """
    data: list[str] = []
    size = 0
    for line in _lines(chunks):
        name, _, value = line.partition(b":")
        # Older llama-servers report errors in a field of that name.
        if name in (b"data", b"error"):
            data.append(value.removeprefix(b" ").decode("utf-8", errors="replace"))
            size += len(value)
            _bound(size)
        elif not line and data:
            yield "\n".join(data)
            data, size = [], 0
    if data:
        yield "\n".join(data)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pending: list[bytes] = []
    size = 0
    for chunk in chunks:
        pending.append(chunk)
        size += len(chunk)
        if b"\n" in chunk or b"\r" in chunk or pending[0][-1:] == b"\r":
            *whole, rest = _NEWLINE.split(b"".join(pending))
            yield from whole
            pending, size = [rest], len(rest)
        _bound(size)
    yield b"".join(pending).removesuffix(b"\r")


def _bound(size: int) -> None:
    if size > _LONGEST_EVENT:
        raise RefusedError("sent an event of more than 1 MiB")


class Reply:
    """A text as it grows out of events."""

    def __init__(self, max_tokens: int) -> None:
        """`max_tokens` were asked for; what is far longer than they can be is refused."""
        self._most_text = max_tokens * _BYTES_PER_TOKEN + 1_024
        self._most_wire = max_tokens * _WIRE_BYTES_PER_TOKEN + _ALLOWANCE
        self._wire = 0
        self._half = ""
        self._size = 0
        self._pieces: list[str] = []
        self.logprobs: list[float] = []
        self.prompt_tokens: int | None = None
        self._output_tokens: int | None = None
        self.finished = False
        """Whether the server said why it ended: one that is interrupted says that it is done, and not why."""

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self._pieces)

    @property
    def output_tokens(self) -> int:
        """As the server counts them; where it does not, the pieces that it sent."""
        return len(self._pieces) if self._output_tokens is None else self._output_tokens

    def received(self, chunk: bytes) -> bytes:
        """Count what came over the wire.

        Raises:
            RefusedError: far more than the tokens asked for can need.
        """
        self._wire += len(chunk)
        if self._wire > self._most_wire:
            raise RefusedError(f"sent more than {self._most_wire:,} bytes, far more than was asked for")
        return chunk

    def take(self, event: str) -> str:
        """The text that an event adds.

        Raises:
            AttemptError: the event is damaged, or an error of the server.
            RefusedError: the text is far longer than asked for, or the error is final.
        """
        try:
            document = json.loads(event)
            if document.get("error") or document.get("object") == "error":
                raise _error_inside(document.get("error") or document, event)
            self._count(document.get("usage") or {})
            choices = document.get("choices") or []
            return self._take_choice(choices[0]) if choices else ""
        except (ValueError, RecursionError, AttributeError, TypeError, LookupError, OverflowError):
            raise AttemptError(f"sent what is no chat event: {event[:_SHOWN]}") from None

    def _take_choice(self, choice: dict[str, Any]) -> str:
        # A server that does not stream sends the whole message.
        delta = choice.get("delta") or choice.get("message") or {}
        logprobs = (choice.get("logprobs") or {}).get("content") or []
        self.logprobs += [float(token["logprob"]) for token in logprobs]
        text = self._mended(delta.get("content") or "")
        if choice.get("finish_reason"):
            self.finished = True
        if text:
            self._pieces.append(text)
            self._size += len(text.encode())
            if self._size > self._most_text:
                raise RefusedError(f"wrote more than {self._most_text:,} bytes, far more than was asked for")
        return text

    def _mended(self, text: str) -> str:
        """JSON can carry halves of a character, which no text may have; a pair may come in two events."""
        text = self._half + text
        self._half = text[-1] if "\ud800" <= text[-1:] <= "\udbff" else ""
        text = text.removesuffix(self._half) if self._half else text
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _count(self, usage: dict[str, Any]) -> None:
        prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
        self.prompt_tokens = prompt if _is_count(prompt) else self.prompt_tokens
        self._output_tokens = output if _is_count(output) else self._output_tokens


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _error_inside(error: object, event: str) -> Exception:
    code = error.get("code") if isinstance(error, dict) else None
    reason = error_text(event.encode("utf-8", errors="replace"))
    return refusal(code if isinstance(code, int) and 400 <= code < 600 else 500, reason)
