"""The records that cross a room's wall: frozen, checked, and without behaviour of their own."""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of all records: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paper(Record):
    """One paper as a source describes it; what a source does not say is `None` or empty.

    `published` is the paper's own date, `listed` the day on which it was on a list.
    """

    paper_id: str = Field(min_length=1)
    title: str
    abstract: str = Field(min_length=1)
    authors: tuple[str, ...] = ()
    n_authors: int | None = Field(default=None, ge=1)
    published: date | None = None
    published_inferred: bool = False
    """The source printed a part of the date only, and the rest was inferred: the year on a page, the day elsewhere."""
    listed: date | None = None
    categories: tuple[str, ...] = ()
    url: str | None = None
    comments: int | None = Field(default=None, ge=0)
    upvotes: int | None = Field(default=None, ge=0)
    source: str = ""
    """Where the record was first read: `file:line`."""
    own_id: bool = False
    """The source gave the id; otherwise it was made from the title."""
    version: int | None = Field(default=None, ge=1)
    """Which version of the paper the text is from, where the source numbers them."""
    doi: str | None = None
    """In lower case, without `https://doi.org/`."""
    original_title: str | None = None
    """The title as the source has it, where LaTeX or HTML in it was decoded for reading and search."""
    original_abstract: str | None = None

    @property
    def day(self) -> date | None:
        """The day a reader would look for the paper under: listed, or else published."""
        return self.listed or self.published


class Failure(Record):
    """One item that could not be taken in or made, while the others went on."""

    where: str
    reason: str


class Chunk(Record):
    """The unit of embedding: whole sentences of one abstract, `text == abstract[start:end]`."""

    paper_id: str
    index: int
    text: str
    start: int
    end: int
    sentences: tuple[tuple[int, int], ...]
    """Spans (start, end) in the abstract of the sentences in it."""


class Filter(Record):
    """Which papers may be returned. Dates are inclusive and compare with the paper's day."""

    since: date | None = None
    until: date | None = None
    day: date | None = None
    categories: tuple[str, ...] = ()
    paper_ids: tuple[str, ...] | None = None

    @property
    def is_open(self) -> bool:
        """Whether every paper passes."""
        return self == Filter()


class Quote(Record):
    """A verbatim span of a paper: `text == paper.abstract[start:end]`."""

    paper_id: str
    text: str
    start: int
    end: int


class Hit(Record):
    """A paper found for a query, with the sentence that is nearest to the query."""

    paper: Paper
    quote: Quote
    score: float
    """Estimated probability that the paper belongs to the answer, 0 to 1."""


class Passage(Record):
    """A hit numbered for a prompt and for citations."""

    marker: int = Field(ge=1)
    hit: Hit


class Verdict(StrEnum):
    """What the check of a claim against its sources found."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNCITED = "uncited"
    MISCITED = "miscited"


class Claim(Record):
    """One sentence of generated text with the check of it."""

    text: str
    citations: tuple[int, ...] = ()
    quotes: tuple[Quote, ...] = ()
    verdict: Verdict
    reason: str = ""


class Provenance(Record):
    """What made a text, so that it can be told apart from the same text made otherwise."""

    engine: str
    """Name of the writer, or `extractive` where no LLM took part."""
    engine_fingerprint: str = ""
    prompt: str = ""
    """Name and hash of the prompt file."""
    mode: str = ""
    seed: int | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    index_fingerprint: str = ""
    searched: int = 0
    """Papers searched, and how many of them were judged one by one."""
    judged: int = 0
    listed: int = 0
    reason: str = ""
    """Why the answer was withheld, where it was."""


QuestionKind = Literal["list", "factoid", "comparison", "metadata"]


class Answer(Record):
    """The answer to one question; `passages` are the papers it rests on, best first."""

    question: str
    text: str
    abstained: bool
    kind: QuestionKind
    claims: tuple[Claim, ...]
    passages: tuple[Passage, ...]
    provenance: Provenance


SummaryLength = Literal["sentence", "paragraph"]


class Retrieved(Record):
    """Why a paper was looked at for a question."""

    paper_id: str
    title: str
    score: float
    """Estimated probability that the paper belongs to the answer, 0 to 1."""
    cosine: float | None
    """Of the question and the nearest chunk, -1 to 1; `None` where no vectors were compared."""
    terms: tuple[str, ...]
    """Words of the question that stand in the paper."""


class Summary(Record):
    """A summary of one paper; `text` is its claims joined."""

    paper_id: str
    title: str
    text: str
    length: SummaryLength
    claims: tuple[Claim, ...]
    provenance: Provenance


class Digest(Record):
    """The summaries of the papers of a day or of a range of days."""

    day: str
    """ISO date, or `since/until`."""
    papers: int
    summaries: tuple[Summary, ...]
    failures: tuple[Failure, ...]


class Verification(Record):
    """How far a summary is borne out by its source."""

    score: float = Field(ge=0, le=1)
    faithful: bool
    claims: tuple[Claim, ...]


class NearDuplicate(Record):
    """Two papers of nearly one abstract that nothing says are the same; both are kept."""

    first: str
    """Id of the paper that was there before."""
    second: str
    first_title: str
    second_title: str
    resemblance: float
    """Share of the word triples of both that each of them has, 0 to 1."""


class IngestReport(Record):
    """What one ingest did. `papers` counts the unique papers now in the catalog."""

    papers: int
    added: int
    updated: int
    unchanged: int
    duplicates: int
    failures: tuple[Failure, ...]
    seconds: float
    near_duplicates: tuple[NearDuplicate, ...] = ()
    """Pairs with a paper that came in now."""
