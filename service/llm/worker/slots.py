"""A request in the scheduler: first as a job in the queue, then in a slot, where it has a stream and a writer."""

from dataclasses import dataclass, field

from service.errors import EngineError, RequestTooLargeError
from service.llm.worker.decoder import Place
from service.llm.worker.sampling import Sampler
from service.llm.worker.streams import Stream, Tokens
from service.llm.worker.writers import Writer
from service.ports import GenerationRequest


@dataclass(eq=False, slots=True)
class Job:
    """A request with its tokens."""

    number: int
    request: GenerationRequest
    prompt: Tokens
    options: list[list[int]]
    """The tokens of each of `request.choices`."""
    start: float
    """What `time.perf_counter` said when it came."""
    streamed: bool = True
    """Whether somebody reads the text as it grows."""

    def check(self, window: int, name: str) -> None:
        """Refuse what can never be done.

        Args:
            window: tokens that a request may have.
            name: of the model, for messages.

        Raises:
            RequestTooLargeError: prompt and output do not fit.
            EngineError: there is nothing to go on from.
        """
        room = self.request.max_tokens
        if self.request.choices:
            room = sum(sorted(map(len, self.options))[-self.request.choices.maximum :]) + 1
        need = len(self.prompt) + room
        if need > window:
            raise RequestTooLargeError(
                f"prompt and answer need {need} tokens and {name} has a context of {window}: ask for fewer papers (-k) "
                "or use a model with a larger context"
            )
        if not len(self.prompt):
            raise EngineError("the prompt is empty")


@dataclass(eq=False, slots=True)
class Slot:
    """A job that is being worked on."""

    job: Job
    stream: Stream
    writer: Writer
    sampler: Sampler
    pending: list[int] = field(default_factory=list)
    """Tokens to be computed, behind what the stream holds."""
    wanted: int = 0
    """How many of the last ones need logits."""
    count: int = 0
    """How many of the pending tokens are in the batch, the first ones."""
    free: int = 0
    """How many of its next tokens may be the best ones without a look at them."""
    place: Place | None = None
    """Where its logits are to come, if they do with this batch."""
    goal: int = 0
    """Where a beginning ends that others wait for; 0: nobody does."""
    begun: bool = False
    """Its stream has been made ready for its prompt."""
    first: float = 0.0
    """When its first logits were there."""

    @property
    def whole(self) -> bool:
        """Whether all its pending tokens are in the batch, and so those that need logits."""
        return self.count == len(self.pending)

    @property
    def writing(self) -> bool:
        """Whether its prompt is read."""
        return self.first > 0

    @property
    def reading_batch(self) -> bool:
        """Whether it is a prompt that nobody waits for."""
        return not self.writing and self.job.request.batch

    def leads(self, other: "Slot") -> bool:
        """Whether it is computing the beginning that another waits for. Nobody who is waited for waits for a batch."""
        return (
            self.begun
            and self.goal >= other.goal > len(self.stream.held)
            and self.job.request.batch <= other.job.request.batch
            and bool((self.job.prompt[: other.goal] == other.job.prompt[: other.goal]).all())
        )


def stream_number(entry: Slot | Stream) -> int:
    """By which a batch is sorted."""
    return entry.stream.number if isinstance(entry, Slot) else entry.number
