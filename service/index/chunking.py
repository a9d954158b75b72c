"""Cut an abstract into chunks of whole sentences that fit the embedder together with the title.

MiniLM sees 256 tokens; 425 of the 426 sample abstracts are longer, and 54 % of their numbers stand in the part that
would be cut. Chunks are as even as the sentences allow: a short tail of its own would rank above its betters.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from langchain_text_splitters import RecursiveCharacterTextSplitter, TextSplitter

from service.ports import Embedder
from service.sentences import sentence_spans
from service.types import Chunk, Paper

VERSION = "1"
"""Part of the fingerprint: another version means that every paper is chunked and embedded anew."""

_SPECIAL_TOKENS = 2
_TITLE_SHARE = 4


class _SentenceSplitter(TextSplitter):
    """Joins consecutive sentences while they fit; the chunks joined are the text again, to the character."""

    def __init__(self, chunk_size: int, length: Callable[[str], int]) -> None:
        super().__init__(chunk_size, chunk_overlap=0, length_function=length, strip_whitespace=False)

    def split_text(self, text: str) -> list[str]:
        return self.join(_sentences_with_gaps(text))

    def join(self, pieces: Sequence[str]) -> list[str]:
        return self._merge_splits(pieces, "")


class Cut(NamedTuple):
    """A paper cut for the embedder."""

    chunks: list[Chunk]
    passages: list[list[str]]
    """What is embedded of each chunk, as segments: the title, then the sentences."""


def cut_papers(papers: Sequence[Paper], embedder: Embedder) -> list[Cut]:
    """The chunks of papers, and what is embedded of them; the embedder is asked for nearly all lengths at once."""
    texts = list({text for paper in papers for text in _counted(paper)})
    known = dict(zip(texts, embedder.count_each(texts), strict=True))

    def count(text: str) -> int:
        return known[text] if text in known else embedder.count_tokens(text)

    made = []
    for paper in papers:
        title = embedded_title(paper.title, count, embedder.max_tokens)
        chunks = chunk_paper(paper, count, embedder.max_tokens)
        sentences = ([paper.abstract[start:end] for start, end in chunk.sentences] for chunk in chunks)
        made.append(Cut(chunks, [[title, *parts] for parts in sentences]))
    return made


def _counted(paper: Paper) -> Iterator[str]:
    """What `chunk_paper` and `embedded_title` count of nearly every paper."""
    yield " ".join(paper.title.split())
    for sentence in _sentences_with_gaps(paper.abstract):
        yield sentence
        yield sentence.strip()


def chunk_paper(paper: Paper, count_tokens: Callable[[str], int], max_tokens: int) -> list[Chunk]:
    """Chunks in order; their texts cover the abstract, so no number falls outside.

    Args:
        paper: its title is part of what is embedded with each chunk, see `embedded_title`.
        count_tokens: tokens of a text without special ones.
        max_tokens: the embedder's window, special tokens included.
    """
    title = embedded_title(paper.title, count_tokens, max_tokens)
    room = max_tokens - _SPECIAL_TOKENS - count_tokens(title)
    lengths = {"": 0}

    def length(text: str) -> int:
        if text not in lengths:
            # Of a piece without length, such as "; " for some tokenizers, the splitter would make two.
            lengths[text] = max(1, count_tokens(text))
        return lengths[text]

    size = room
    while True:
        chunks = _cut(paper, size, length)
        longest = max(sum(length(paper.abstract[a:b]) for a, b in chunk.sentences) for chunk in chunks)
        if longest <= room or size <= 1:
            return chunks
        # A tokenizer may need more tokens for a text than for its parts; rare, and a smaller target mends it.
        size = size * 3 // 4


def _cut(paper: Paper, size: int, length: Callable[[str], int]) -> list[Chunk]:
    pieces = [part for sentence in _sentences_with_gaps(paper.abstract) for part in _fitting(sentence, size, length)]
    chunks: list[Chunk] = []
    start = 0
    for text in _evenly(pieces, size, length):
        if text.strip():
            chunks.append(_chunk(paper, len(chunks), start, start + len(text)))
        start += len(text)
    return chunks


def embedded_title(title: str, count_tokens: Callable[[str], int], max_tokens: int) -> str:
    """The title, cut at words where it would take more than a quarter of the window."""
    words = title.split()
    while len(words) > 1 and count_tokens(" ".join(words)) > max_tokens // _TITLE_SHARE:
        words.pop()
    cut = " ".join(words)
    return cut if count_tokens(cut) <= max_tokens // _TITLE_SHARE else ""


def _chunk(paper: Paper, index: int, start: int, end: int) -> Chunk:
    text = paper.abstract[start:end]
    trimmed = text.strip()
    begin = start + text.index(trimmed)
    spans = tuple((begin + left, begin + right) for left, right in sentence_spans(trimmed))
    return Chunk(
        paper_id=paper.paper_id,
        index=index,
        text=trimmed,
        start=begin,
        end=begin + len(trimmed),
        sentences=spans,
    )


def _sentences_with_gaps(text: str) -> list[str]:
    """Sentences, each with the white space behind it: joined they are the text again."""
    starts = [start for start, _ in sentence_spans(text)]
    if not starts:
        return [text] if text else []
    cuts = [0, *starts[1:], len(text)]
    return [text[left:right] for left, right in pairwise(cuts)]


def _fitting(sentence: str, room: int, length: Callable[[str], int]) -> list[str]:
    """The sentence, or its parts where it alone exceeds the room: cut at semicolons, commas, words, characters."""
    if length(sentence) <= room:
        return [sentence]
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=room,
        chunk_overlap=0,
        length_function=length,
        separators=["; ", ", ", " ", ""],
        keep_separator="end",
        strip_whitespace=False,
    )
    return splitter.split_text(sentence)


def _evenly(pieces: Sequence[str], room: int, length: Callable[[str], int]) -> list[str]:
    """As few chunks as fit, with the largest of them as small as possible (found by bisection)."""
    fewest = len(_SentenceSplitter(room, length).join(pieces))
    low = max((length(piece) for piece in pieces), default=1) or 1
    high = room
    while low < high:
        middle = (low + high) // 2
        if len(_SentenceSplitter(middle, length).join(pieces)) <= fewest:
            high = middle
        else:
            low = middle + 1
    return _SentenceSplitter(high, length).join(pieces)
