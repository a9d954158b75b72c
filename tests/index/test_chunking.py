"""Chunks: whole sentences, within the window together with the title, covering every character, as even as can be."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.index.chunking import chunk_paper, cut_papers, embedded_title
from service.llm.embedder import LlamaEmbedder
from service.ports import Embedder
from service.sentences import sentence_spans
from service.text import clean_text
from service.types import Chunk, Paper
from tests.fakes import FakeEmbedder
from tests.sources.test_page import every_sample

Count = Callable[[str], int]
FAKE = FakeEmbedder()
SPECIAL = 2
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def paper(abstract: str, title: str = "A Title of Five Words") -> Paper:
    return Paper(paper_id="p", title=title, abstract=abstract)


def chunks_of(made: Paper, embedder: Embedder) -> list[Chunk]:
    return chunk_paper(made, embedder.count_tokens, embedder.max_tokens)


def room_of(made: Paper, embedder: Embedder) -> int:
    """Tokens left for sentences."""
    title = embedded_title(made.title, embedder.count_tokens, embedder.max_tokens)
    return embedder.max_tokens - SPECIAL - embedder.count_tokens(title)


def check_offsets(made: Paper, chunks: list[Chunk]) -> None:
    """Chunks are verbatim, in order, apart, and only white space lies outside them; likewise their sentences."""
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text == made.abstract[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip() != ""
        assert chunk.sentences[0][0] == chunk.start
        assert chunk.sentences[-1][1] == chunk.end
    for spans in ([(chunk.start, chunk.end) for chunk in chunks], [s for chunk in chunks for s in chunk.sentences]):
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(made.abstract)]
        assert all(end <= start for end, start in zip(ends, starts, strict=True))
        assert not "".join(made.abstract[end:start] for end, start in zip(ends, starts, strict=True)).strip()


def check_window(made: Paper, chunks: list[Chunk], embedder: Embedder) -> None:
    """Title and sentences, as they are given to the embedder, fit it."""
    for chunk in chunks:
        needed = sum(embedder.count_tokens(made.abstract[start:end]) for start, end in chunk.sentences)
        assert needed <= room_of(made, embedder)


def check_sentences_are_whole(made: Paper, chunks: list[Chunk], embedder: Embedder) -> None:
    """A chunk ends where a sentence ends, or inside one that alone exceeds the room."""
    room = room_of(made, embedder)
    spans = sentence_spans(made.abstract)
    ends = {end for _, end in spans}
    for chunk in chunks[:-1]:
        if chunk.end not in ends:
            start, end = next(span for span in spans if span[0] < chunk.end < span[1])
            assert embedder.count_tokens(made.abstract[start:end]) > room


def check_numbers_are_whole(made: Paper, chunks: list[Chunk]) -> None:
    for match in NUMBER.finditer(made.abstract):
        assert any(chunk.start <= match.start() and match.end() <= chunk.end for chunk in chunks), match


def best_partition(sizes: list[int], room: int) -> tuple[int, int]:
    """Fewest parts of consecutive sizes that fit the room, and the smallest maximum with that many: by exhaustion."""
    sums = [0, *accumulate(sizes)]

    @cache
    def smallest(start: int, parts: int) -> int:
        if parts == 1:
            return sums[-1] - sums[start]
        return min(
            (max(sums[end] - sums[start], smallest(end, parts - 1)) for end in range(start + 1, len(sizes))),
            default=sums[-1] - sums[start],
        )

    parts = next(parts for parts in range(1, len(sizes) + 1) if smallest(0, parts) <= room)
    return parts, smallest(0, parts)


def check_evenness(made: Paper, chunks: list[Chunk], embedder: Embedder) -> None:
    sizes = [max(1, embedder.count_tokens(made.abstract[start:end])) for start, end in sentence_spans(made.abstract)]
    if max(sizes) > room_of(made, embedder):
        return
    sized = list(zip(sizes, sentence_spans(made.abstract), strict=True))
    largest = max(sum(size for size, (start, _) in sized if c.start <= start < c.end) for c in chunks)
    assert (len(chunks), largest) == best_partition(sizes, room_of(made, embedder))


WORDS = st.sampled_from(
    ["We", "propose", "models", "that", "pre-trained", "et", "al.", "e.g.", "Fig.", "2", "9,120", "84%", "4.5x",
     "ERNIE", "3.0", "(MEFT)", "--", ";", ",", "https://github.com/x/y.z", "$\\alpha$", "漢字", "naïve", "[1]",
     "0.0001", "vs.", "x²", "don't", "GPT-4"]
)  # fmt: skip
SENTENCES = st.lists(WORDS, min_size=1, max_size=25).map(lambda words: f"{' '.join(words)}.")
ABSTRACTS = st.lists(SENTENCES, min_size=1, max_size=14).map(" ".join)
LONG_SENTENCES = st.lists(WORDS, min_size=60, max_size=200).map(" ".join)
TITLES = st.lists(WORDS, max_size=40).map(" ".join)
ANYTHING = st.text(st.characters(codec="utf-8"), min_size=1, max_size=400).map(clean_text).filter(bool)


@given(ABSTRACTS, TITLES)
@settings(max_examples=150, deadline=None)
def test_chunks_of_any_abstract_are_whole_complete_and_fit(abstract: str, title: str) -> None:
    made = paper(abstract, title)
    chunks = chunks_of(made, FAKE)
    check_offsets(made, chunks)
    check_window(made, chunks, FAKE)
    check_sentences_are_whole(made, chunks, FAKE)
    check_numbers_are_whole(made, chunks)


@given(ABSTRACTS)
@settings(max_examples=100, deadline=None)
def test_chunks_are_as_few_and_as_even_as_whole_sentences_allow(abstract: str) -> None:
    check_evenness(paper(abstract), chunks_of(paper(abstract), FAKE), FAKE)


@given(LONG_SENTENCES)
@settings(max_examples=60, deadline=None)
def test_a_sentence_that_alone_is_too_long_is_cut_between_its_words(sentence: str) -> None:
    made = paper(f"It begins. {sentence} It ends.")
    chunks = chunks_of(made, FAKE)
    assume(len(chunks) > 1)
    check_offsets(made, chunks)
    check_window(made, chunks, FAKE)
    check_numbers_are_whole(made, chunks)
    assert all(made.abstract[chunk.end].isspace() for chunk in chunks[:-1])


@given(ANYTHING, ANYTHING)
@settings(max_examples=100, deadline=None)
def test_no_text_at_all_breaks_the_offsets_or_the_window(abstract: str, title: str) -> None:
    made = paper(abstract, title)
    check_offsets(made, chunks_of(made, FAKE))
    check_window(made, chunks_of(made, FAKE), FAKE)


def test_an_abstract_that_fits_is_one_chunk() -> None:
    (chunk,) = chunks_of(paper("One sentence. And another."), FAKE)
    assert (chunk.text, chunk.sentences) == ("One sentence. And another.", ((0, 13), (14, 26)))


def test_a_short_last_sentence_is_not_left_alone_in_a_chunk() -> None:
    """Filling up a room of 57 words would give 55 and 5."""
    sentences = [" ".join([f"Word{n}"] * n) + "." for n in (20, 19, 16, 5)]
    chunks = chunks_of(paper(" ".join(sentences)), FAKE)
    assert [FAKE.count_tokens(chunk.text) for chunk in chunks] == [39, 21]


def test_a_title_takes_a_quarter_of_the_window_at_most_and_is_cut_at_words() -> None:
    title = " ".join(f"word{n}" for n in range(40))
    assert embedded_title(title, FAKE.count_tokens, 64) == " ".join(f"word{n}" for n in range(16))
    assert embedded_title("short title", FAKE.count_tokens, 64) == "short title"
    assert embedded_title("-".join(["a"] * 40), FAKE.count_tokens, 64) == ""
    assert embedded_title("", FAKE.count_tokens, 64) == ""


# With the real tokenizer


@pytest.fixture(scope="module")
def samples() -> list[Paper]:
    return list({made.paper_id: made for made in every_sample()}.values())


def test_every_sample_abstract_is_cut_right_for_minilm(samples: list[Paper], embedder: LlamaEmbedder) -> None:
    assert len(samples) == 426
    whole = 0
    for made in samples:
        chunks = chunks_of(made, embedder)
        check_offsets(made, chunks)
        check_window(made, chunks, embedder)
        check_sentences_are_whole(made, chunks, embedder)
        check_numbers_are_whole(made, chunks)
        check_evenness(made, chunks, embedder)
        whole += [span for chunk in chunks for span in chunk.sentences] == sentence_spans(made.abstract)
    assert whole == 426, "no sentence of the samples is too long for the window"


def test_nearly_every_sample_needs_more_than_one_chunk_and_none_more_than_three(
    samples: list[Paper], embedder: LlamaEmbedder
) -> None:
    counts = [len(chunks_of(made, embedder)) for made in samples]
    assert sum(count > 1 for count in counts) >= 420
    assert max(counts) <= 3


def test_chunks_of_a_sample_are_embedded_without_being_too_long(samples: list[Paper], embedder: LlamaEmbedder) -> None:
    """The embedder itself refuses what exceeds its window."""
    longest = sorted(samples, key=lambda made: -embedder.count_tokens(made.abstract))[:3]
    passages = [
        [made.title, *(made.abstract[start:end] for start, end in chunk.sentences)]
        for made in longest
        for chunk in chunks_of(made, embedder)
    ]
    assert [len(found.segments) for found in embedder.embed_passages(passages)] == [len(p) for p in passages]


@given(ABSTRACTS, TITLES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_fit_the_real_tokenizer_too(embedder: LlamaEmbedder, abstract: str, title: str) -> None:
    made = paper(abstract, title)
    chunks = chunks_of(made, embedder)
    check_offsets(made, chunks)
    check_window(made, chunks, embedder)
    check_sentences_are_whole(made, chunks, embedder)
    check_numbers_are_whole(made, chunks)


@given(ANYTHING)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_fits_the_real_tokenizer(embedder: LlamaEmbedder, text: str) -> None:
    made = paper(clean_text(f"{text} " * 4), text)
    check_offsets(made, chunks_of(made, embedder))
    check_window(made, chunks_of(made, embedder), embedder)


HARD = {
    "one word of 5,000 letters": "a" * 5_000,
    "Chinese without spaces": "漢字" * 1_000,
    "emoji": "😀" * 800,
    "digits": "1234567890" * 300,
    "combining marks": "e\u0301" * 1_500,
    "one sentence without commas": "word " * 1_500 + "end.",
    "brackets": "((((" * 800,
}


@pytest.mark.parametrize("abstract", HARD.values(), ids=HARD.keys())
def test_text_without_places_to_cut_still_fits_and_is_complete(embedder: LlamaEmbedder, abstract: str) -> None:
    made = paper(abstract)
    chunks = chunks_of(made, embedder)
    check_offsets(made, chunks)
    check_window(made, chunks, embedder)


class AskedEmbedder(FakeEmbedder):
    """Keeps how often it was asked to count."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def count_each(self, texts: Sequence[str]) -> list[int]:
        self.asked += 1
        return [FAKE.count_tokens(text) for text in texts]

    def count_tokens(self, text: str) -> int:
        self.asked += 1
        return super().count_tokens(text)


@given(st.lists(st.text(alphabet="ab .!,;\n", max_size=300), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_papers_are_cut_together_as_they_are_one_by_one(texts: list[str]) -> None:
    papers = [paper(text) for text in texts if clean_text(text)]
    for made, cut in zip(papers, cut_papers(papers, FAKE), strict=True):
        assert cut.chunks == chunks_of(made, FAKE)
        assert [passage[0] for passage in cut.passages] == ["A Title of Five Words"] * len(cut.chunks)
        assert [passage[1:] for passage in cut.passages] == [
            [made.abstract[start:end] for start, end in chunk.sentences] for chunk in cut.chunks
        ]


def test_the_lengths_of_many_papers_are_asked_for_once() -> None:
    embedder = AskedEmbedder()
    papers = [paper(f"Sentence {n} has five words. " * 3 + "So it ends.", f"Title {n}") for n in range(20)]
    assert sum(len(cut.chunks) for cut in cut_papers(papers, embedder)) == 20
    assert embedder.asked <= 1
