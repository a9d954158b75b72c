"""The ports: what the rest needs of an embedder, a reranker, a vector store and a writer. Adapters match by shape."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One unit-length vector, shape (dimensions,)."""
Matrix = NDArray[np.float32]
"""Unit-length vectors as rows, shape (n, dimensions)."""
OnText = Callable[[str], None]
"""Told the next piece of a text as it grows."""


class PassageVectors(NamedTuple):
    """The vectors of one passage: of the whole, and of each of its segments in its context."""

    whole: Vector
    segments: Matrix


class QuestionVectors(NamedTuple):
    """The vector of a question, and for each of its words the one that the rest makes."""

    whole: Vector
    without: Matrix


class Embedder(Protocol):
    """Texts to unit-length vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def max_tokens(self) -> int:
        """Tokens that one passage may have, special ones included."""

    @property
    def fingerprint(self) -> str:
        """Hash of the model file: vectors of different fingerprints do not compare."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without special ones."""

    def count_each(self, texts: Sequence[str]) -> list[int]:
        """Tokens of many texts, in much less time than one by one."""

    def embed_query(self, text: str) -> Vector:
        """The vector of a question; what exceeds the window is cut."""

    def embed_question(self, parts: Sequence[str]) -> QuestionVectors:
        """The vectors of a question, given in parts: words at the odd places, what stands between at the even ones."""

    def embed_words(self, words: Sequence[str]) -> Matrix:
        """The vector of each word alone, shape (words, dimensions); those of words that were asked for are kept."""

    def embed_passages(self, passages: Sequence[Sequence[str]]) -> list[PassageVectors]:
        """The vectors of passages, each given as consecutive segments (a title, then sentences).

        Raises:
            InputError: a passage has more than `max_tokens` tokens.
        """

    def close(self) -> None:
        """Free the model."""


class Reranker(Protocol):
    """Reads a question and a text together, which tells more than their vectors and takes longer."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, in their order.

        Returns:
            logits, whatever the model gives: 0 is as likely as not, and `1 / (1 + exp(-logit))` its probability. Of
            what exceeds the model's window the end is cut.
        """

    def close(self) -> None:
        """Free the model."""


class StoredVector(NamedTuple):
    """One row of a vector store."""

    chunk_id: str
    paper_id: str
    vector: Vector


class VectorStore(Protocol):
    """Nearest-neighbour search over chunk vectors; derived from the catalog, never the truth."""

    def put(self, rows: Sequence[StoredVector]) -> None:
        """Add rows, replacing those of the same `chunk_id`."""

    def delete(self, chunk_ids: Sequence[str]) -> None:
        """Remove rows; unknown ids are passed over."""

    def search(self, vector: Vector, k: int) -> list[tuple[str, float]]:
        """The `k` nearest chunk ids with their cosines, nearest first."""

    def rows(self) -> Iterable[StoredVector]:
        """All rows, in no particular order."""

    def count(self) -> int:
        """Number of rows."""

    def clear(self) -> None:
        """Remove everything and start anew."""

    def close(self) -> None:
        """Release files."""


class Message(NamedTuple):
    """One turn of a chat prompt. The content is untrusted: no part of it can become a control token."""

    role: str
    content: str


class Choice(NamedTuple):
    """A text that may be written whole or not at all; `group` is what it belongs to (its passage)."""

    text: str
    group: int


class Choices(NamedTuple):
    """Restricts writing to a sequence of whole texts, each at most once.

    With `ordered`, groups come in ascending order and each is used: the writer picks within a group.
    """

    options: tuple[Choice, ...]
    minimum: int = 1
    maximum: int = 1
    per_group: int = 1
    ordered: bool = False


class GenerationRequest(NamedTuple):
    """One request to a writer. `temperature` 0 takes the most probable token and looks at no other bound."""

    messages: tuple[Message, ...]
    max_tokens: int = 512
    temperature: float = 0.0
    top_k: int = 40
    """The most probable tokens that are drawn from; 0: all."""
    top_p: float = 0.95
    """The share of the probability that is drawn from."""
    min_p: float = 0.0
    """The least probability, relative to that of the best token."""
    seed: int = 0
    stop: tuple[str, ...] = ()
    choices: Choices | None = None
    lead: str = ""
    """What the writer puts before the first word; part of how it was trained."""
    grammar: str = ""
    """GBNF with a rule named `root`; the whole text follows it."""
    json_schema: str = ""
    """A JSON schema as JSON; the text is a document that follows it."""
    logprobs: bool = False
    """Whether the natural logarithms of the probabilities of the written tokens are wanted."""
    batch: bool = False
    """Waits behind what a person waits for."""
    deadline: float | None = None
    """Seconds from now after which the request is given up."""


class Generation(NamedTuple):
    """What a writer wrote. `chosen` are indices into `choices.options`, in the order written."""

    text: str
    chosen: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int
    seconds: float
    first_token_seconds: float = 0.0
    """From the request to its first token."""
    steps: int = 0
    """Passes through the model that ended in a decision."""
    logprobs: tuple[float, ...] = ()
    """One for each output token, where they were asked for."""


class Engine(Protocol):
    """A writer."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def fingerprint(self) -> str:
        """Hash of the model file and of what else shapes the text."""

    @property
    def family(self) -> str:
        """Which prompts the writer knows: the name inside the model file."""

    @property
    def context(self) -> int:
        """Tokens that prompt and output may have together."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a prompt as it would be sent."""

    @property
    def parallel(self) -> int:
        """Requests that it works on at a time."""

    def submit(self, request: GenerationRequest, on_text: OnText | None = None) -> Future[Generation]:
        """Begin to write. Cancelling the future gives the request up.

        Args:
            request: what to write.
            on_text: told the text as it grows, from a thread of the engine; has to return quickly.

        Returns:
            what was written; or raises `RequestTooLargeError` (prompt and output do not fit the context),
            `DeadlineError`, `EngineCrashedError`, or `EngineError`.

        Raises:
            EngineBusyError: too many requests wait already.
        """

    def close(self) -> None:
        """Free the model."""
