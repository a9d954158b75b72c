"""What one request does with the logits that the scheduler computes for it.

A writer is a generator: it yields the tokens to be computed next and is sent where their logits stand. So the
scheduler can advance many requests in one step and knows nothing of stop texts, tries or drafts.
"""

import codecs
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from service.llm.constraints import ChoiceState, TrieNode, build_trie
from service.llm.worker.decoder import Decoder, Place
from service.llm.worker.lookup import Lookup
from service.llm.worker.native import NativeModel
from service.llm.worker.sampling import Sampler, logprob
from service.ports import Choices, GenerationRequest


class Feed(NamedTuple):
    """Tokens to be computed."""

    tokens: list[int]
    wanted: int = 1
    """How many of the last ones need logits."""
    drop: int = 0
    """How many tokens at the end of the sequence are forgotten first."""
    free: int = 0
    """How many tokens behind these may be the best ones, without asking the writer."""


class Written(NamedTuple):
    """What came out."""

    text: str
    chosen: tuple[int, ...]
    tokens: int
    steps: int
    logprobs: tuple[float, ...]


Writer = Generator[Feed, Place, Written]
Emit = Callable[[str], None]


class FreeText(NamedTuple):
    """What writing freely needs besides the request."""

    model: NativeModel
    sampler: Sampler
    lookup: Lookup | None
    cost: Callable[[], float]
    """What a drafted token costs now; see `Lookup.draft`."""


def write_freely(prompt: list[int], request: GenerationRequest, parts: FreeText, emit: Emit | None) -> Writer:
    """Write until an end token, a stop text or the bound; without `emit` nobody reads the text as it grows."""
    text = _Text(request.stop, emit)
    model, sampler, lookup, _ = parts
    unchecked = sampler.greedy and not any(request.stop)
    draft: list[int] = []
    count, steps, feed = 0, 0, Feed(prompt)
    while count < request.max_tokens:
        place = yield feed
        steps += 1 + len(place.ahead)
        for known in place.ahead:
            text.add(model.piece(known))
            if lookup:
                lookup.add(known)
        count += len(place.ahead)
        right = 0
        while True:
            token = sampler.pick(place.batch + right, place.row + right)
            if token is None or model.is_end(token):
                return text.written(count, steps, sampler)
            count += 1
            if lookup:
                lookup.add(token)
            if text.add(model.piece(token)) or count == request.max_tokens:
                return text.written(count, steps, sampler)
            if right == len(draft) or token != draft[right]:
                break
            right += 1
        text.flush()
        wrong = len(draft) - right
        left, cost = request.max_tokens - count - 1, parts.cost() if lookup else 1.0
        if lookup:
            lookup.learn(len(draft), right)
            draft = lookup.draft(left, cost)
        feed = Feed([token, *draft], 1 + len(draft), wrong, left if unchecked and cost >= 1 else 0)
    return text.written(count, steps, sampler)


class _Text:
    """The text as it grows; characters of several tokens and what may begin a stop text are held back.

    Bytes become text only when somebody looks: at each step where a reader or a stop text waits, or else at the end.
    """

    def __init__(self, stop: Sequence[str], emit: Emit | None) -> None:
        self._stop = [text for text in stop if text]
        self._held = max(map(len, self._stop), default=1) - 1
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._emit, self._text, self._shown = emit, "", 0
        self._bytes = b""

    def add(self, piece: bytes) -> bool:
        """Add a token; whether a stop text has come."""
        self._bytes += piece
        return bool(self._stop) and self._cut()

    def flush(self) -> None:
        """Show what is certain."""
        if not self._emit:
            return
        self._decode()
        end = len(self._text) - self._held
        if end > self._shown:
            self._emit(self._text[self._shown : end])
            self._shown = end

    def written(self, count: int, steps: int, sampler: Sampler) -> Written:
        """Show the rest; the whole."""
        # Half a character that the bound cut off is left out.
        self._decode()
        if self._emit and self._text[self._shown :]:
            self._emit(self._text[self._shown :])
        self._shown = len(self._text)
        # An end token was chosen, but not written.
        return Written(self._text, (), count, steps, tuple(sampler.logprobs[:count]))

    def _decode(self) -> None:
        self._text += self._decoder.decode(self._bytes)
        self._bytes = b""

    def _cut(self) -> bool:
        self._decode()
        begin = max(0, self._shown - self._held)
        found = [place for text in self._stop if (place := self._text.find(text, begin)) >= 0]
        if found:
            self._text = self._text[: min(found)]
            self._decoder.reset()
        return bool(found)


class ChoiceText(NamedTuple):
    """What writing whole texts only needs besides the request."""

    model: NativeModel
    decoder: Decoder
    choices: Choices
    tokenized: list[list[int]]
    """Tokens of each option."""
    logprobs: bool
    forced: bool = True
    """Feed given tokens together; without it one by one, which is for measuring what that costs."""


class ChoiceWriter:
    """Writes whole options only, asking the model where the trie branches; the tokens between are given."""

    def __init__(self, prompt: list[int], parts: ChoiceText, emit: Emit | None) -> None:
        self._parts, self._emit = parts, emit
        self._pending = prompt
        self._place = Place(0, 0)
        """Of the logits behind what was computed last."""
        self._steps = 0
        self._logprobs: list[float] = []

    def write(self) -> Writer:
        """Write."""
        choices = self._parts.choices
        state = ChoiceState(choices)
        count = 0
        while available := state.available():
            trie = build_trie([(index, self._parts.tokenized[index]) for index in available])
            option = yield from self._walk(trie, state.may_end())
            if option is None:
                break
            count += len(self._parts.tokenized[option])
            if self._emit:
                self._emit((" " if state.chosen else "") + choices.options[option].text)
            state.take(option)
        text = " ".join(choices.options[index].text for index in state.chosen)
        return Written(text, tuple(state.chosen), count, self._steps, tuple(self._logprobs))

    def _walk(self, node: TrieNode, may_end: bool) -> Generator[Feed, Place, int | None]:
        """Go down the trie; the option reached, or `None` where the model ends the text."""
        at_root = True
        while node.children:
            may_stop = may_end if at_root else node.option is not None
            token: int | None
            if len(node.children) == 1 and not may_stop and self._parts.forced and not self._parts.logprobs:
                token = next(iter(node.children))
            else:
                # Nothing is pending where an option ended because the model would not go on: the logits are there.
                if self._pending:
                    self._place = yield Feed(self._pending)
                    self._pending = []
                    self._steps += 1
                token = self._best(self._place, node, may_stop, at_root)
            if token is None:
                break
            self._pending = [*self._pending, token]
            node = node.children[token]
            at_root = False
        return None if at_root else node.option

    def _best(self, place: Place, node: TrieNode, may_stop: bool, at_root: bool) -> int | None:
        """The best allowed token; `None` where stopping is allowed and the model would rather write none of them."""
        logits = self._parts.decoder.logits(place.row)
        if may_stop:
            free = int(logits.argmax())
            if free not in node.children and (not at_root or self._parts.model.is_end(free)):
                return None
        allowed = list(node.children)
        token = allowed[int(logits[allowed].argmax())]
        if self._parts.logprobs:
            self._logprobs.append(logprob(logits, token))
        return token
