"""The reader of a server's stream on every kind of input: the same text however it is cut, and always an end."""

import json
import tracemalloc
from itertools import islice, pairwise, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.llm.endpoint.stream import END, AttemptError, RefusedError, Reply, TooLargeError, error_text, events

texts = st.lists(st.text(max_size=6).map(lambda text: text.replace("\r", "")), max_size=6)
endings = st.sampled_from([b"\n", b"\r\n", b"\r"])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


def read(chunks: list[bytes], max_tokens: int = 100) -> Reply:
    reply = Reply(max_tokens)
    for event in events(reply.received(chunk) for chunk in chunks):
        if event == END:
            break
        reply.take(event)
    return reply


def delta(text: str) -> bytes:
    return json.dumps({"choices": [{"delta": {"content": text}}]}, ensure_ascii=not text.isprintable()).encode()


@given(pieces=texts, ending=endings, places=st.lists(st.integers(0, 2_000), max_size=9), comment=st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_text_does_not_depend_on_how_the_bytes_are_cut(
    pieces: list[str], ending: bytes, places: list[int], comment: bool
) -> None:
    lines = []
    for piece in pieces:
        lines += [b": ping", b""] if comment else []
        lines += [b"event: message", b"id: 7", b"data: " + delta(piece), b""]
    data = b"".join(line + ending for line in [*lines, b"data:[DONE]", b"", b"data: garbage"])
    whole = read(cut(data, places))
    assert whole.text == "".join(pieces)
    # One that is interrupted is done without having finished.
    assert not whole.finished
    assert read([bytes([byte]) for byte in data]).text == whole.text


@given(lines=st.lists(st.text(alphabet="ab:", max_size=4), min_size=1, max_size=4), ending=endings)
def test_an_event_of_several_lines_is_one(lines: list[str], ending: bytes) -> None:
    data = b"".join(b"data: " + line.encode() + ending for line in lines) + ending
    for chunks in ([data], [bytes([byte]) for byte in data]):
        assert list(events(chunks)) == ["\n".join(lines)]


@given(data=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=4))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused_by_name(data: bytes, places: list[int]) -> None:
    for content in (data, b"data: " + data, b'data: {"choices":[{"delta":' + data + b"}]}"):
        try:
            text = read(cut(content, places)).text
        except (AttemptError, RefusedError, TooLargeError):
            continue
        text.encode()


names = st.sampled_from(
    ["choices", "delta", "content", "error", "usage", "logprobs", "logprob", "finish_reason", "code", "prompt_tokens"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(document=json_values)
@settings(max_examples=500, deadline=None)
def test_any_document_is_read_or_refused_by_name(document: object) -> None:
    reply = Reply(9)
    content = json.dumps(document)
    error_text(content.encode())
    try:
        reply.take(content)
    except (AttemptError, RefusedError, TooLargeError):
        return
    assert isinstance(reply.text, str)
    assert reply.output_tokens >= 0


@pytest.mark.parametrize("pieces", [("\ud83d", "\ude00"), ("a\ud83d", "\ude00b"), ("\ud83d\ude00",)])
def test_halves_of_a_character_are_put_together(pieces: tuple[str, ...]) -> None:
    reply = Reply(9)
    for piece in pieces:
        reply.take(delta(piece).decode())
    assert reply.text.strip("ab") == "😀"


def test_half_a_character_alone_is_replaced() -> None:
    reply = Reply(9)
    reply.take(json.dumps({"choices": [{"delta": {"content": "a\ude00b\ud83dc"}}]}))
    assert reply.text.encode().decode() == "a\ufffdb\ufffdc"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert read([b'data: {"choices":[{"delta":{"content":"a\xff\xe2\x82', b'"}}]}\n\n']).text.startswith("a\ufffd")


@pytest.mark.parametrize(
    "part", [b"data: " + b"x" * 9_000, b"data: x\n" * 999, b"x" * 99, b"\n" * 99, b"data: {}\n\n" * 99]
)
def test_what_never_ends_is_refused_in_little_memory(part: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(RefusedError, match="sent"):
        read_forever(part)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 64 * 2**20


def read_forever(part: bytes) -> None:
    reply = Reply(10)
    for event in events(reply.received(chunk) for chunk in islice(repeat(part), 10_000_000)):
        if event.startswith("{"):
            reply.take(event)


@pytest.mark.parametrize("count", [10, 1_000])
def test_a_text_far_longer_than_asked_for_is_refused(count: int) -> None:
    reply = Reply(count)
    event = delta("word " * count).decode()
    reply.take(event)
    with pytest.raises(RefusedError, match="wrote more"):
        list(map(reply.take, [event] * 100))
