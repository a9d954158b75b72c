"""From passages to text with markers, in three ways: extractive, quotes, free."""

import re
import time
from collections.abc import Sequence

from service.answer.find import Sentences
from service.answer.prompts import Prompt, PromptPassage
from service.answer.running import Steps
from service.answer.verify import Source, check_cited
from service.answer.workbench import Workbench
from service.errors import RequestTooLargeError
from service.index.retrieval import NearSentence
from service.ports import Choice, Choices, Generation, GenerationRequest
from service.sentences import sentences as split_sentences
from service.settings import Mode
from service.text import clean_text
from service.types import Claim, Provenance, Quote, Verdict

SENTINEL = "NOT ANSWERED BY THE PAPERS"
"""What a free writer says to abstain; matched exactly."""
_MARKERS = re.compile(r"\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")
_RUN = re.compile(rf"{_MARKERS.pattern}(?:[ \t,;]*{_MARKERS.pattern})*")
_GLUED = re.compile(r"([.!?])(?=\[\d)")
_ITEM = re.compile(r"(?:\A|\n)\s*(?:[-*•]|\d{1,2}[.)])\s+|\n\s*(?=\n|\[\d)")
"""Where an item of a list or a paragraph begins."""
_THINKING = re.compile(r"^\s*<think>.*?(?:</think>|\Z)", re.DOTALL)

Slot = list[NearSentence]
"""Sentences of which exactly one is written at this place of the text."""


def slots(passage: Sentences, count: int, candidates: int, margin: float) -> list[Slot]:
    """Places for the `count` best sentences of a passage; the last may go to another that is nearly as good."""
    ranked = passage.sentences
    result: list[Slot] = [[sentence] for sentence in ranked[: count - 1]]
    rest = ranked[count - 1 :]
    near = [sentence for sentence in rest if rest[0].score - sentence.score <= margin]
    if near:
        result.append(near[: max(1, candidates)])
    return result


def quoted_claim(quote: Quote, marker: int) -> Claim:
    """A claim that is a sentence of the passage itself."""
    return Claim(text=quote.text, citations=(marker,), quotes=(quote,), verdict=Verdict.SUPPORTED)


def write_answer(
    bench: Workbench, question: str, passages: Sequence[Sentences], per_passage: int, mode: Mode
) -> Steps[tuple[list[Claim], Provenance]]:  # fmt: skip
    """The claims of an answer in the order written."""
    start = time.perf_counter()
    if mode == "extractive":
        claims = [
            quoted_claim(sentence.quote, passage.passage.marker)
            for passage in passages
            for sentence in passage.sentences[:per_passage]
        ]
        return claims, bench.provenance(mode, start)
    if mode == "quotes":
        return (yield from _write_quotes(bench, question, list(passages), per_passage, start))
    return (yield from _write_freely(bench, question, list(passages), start))


def claims_text(claims: Sequence[Claim]) -> str:
    """Claims as lines with their markers."""
    return "\n".join(" ".join([claim.text, *(f"[{marker}]" for marker in claim.citations)]) for claim in claims)


def _write_quotes(
    bench: Workbench, question: str, passages: list[Sentences], per_passage: int, start: float
) -> Steps[tuple[list[Claim], Provenance]]:  # fmt: skip
    prompt = bench.prompt("answer")
    options: list[Choice] = []
    sources: list[tuple[Quote, int]] = []
    groups = 0
    for passage in passages:
        for slot in slots(passage, per_passage, prompt.candidates, prompt.margin):
            for sentence in slot:
                text = prompt.sentences([sentence.quote.text], passage.passage.marker)
                if all(option.text != text for option in options):
                    options.append(Choice(text, groups))
                    sources.append((sentence.quote, passage.passage.marker))
            groups += 1
    used = sorted({option.group for option in options})
    choices = Choices(tuple(options), minimum=len(used), maximum=len(used), ordered=True)
    made = yield from _generate(bench, question, passages, prompt, sources, choices)
    claims = [quoted_claim(*sources[index]) for index in made.chosen]
    return claims, bench.provenance("quotes", start, prompt, made)


def _generate(
    bench: Workbench,
    question: str,
    passages: list[Sentences],
    prompt: Prompt,
    sources: list[tuple[Quote, int]],
    choices: Choices | None,
) -> Steps[Generation]:
    """Ask the writer; passages that do not fit its context are left out of the prompt, the last ones first."""
    shown = list(passages)
    while True:
        block = prompt.passages([_prompt_passage(passage, sources) for passage in shown])
        request = GenerationRequest(
            prompt.messages(passages=block, question=question),
            max_tokens=prompt.max_tokens,
            seed=bench.seed,
            choices=choices,
            lead=prompt.lead,
        )
        try:
            return (yield request)
        except RequestTooLargeError:
            if len(shown) <= 1:
                raise
            shown.pop()


def _prompt_passage(passage: Sentences, sources: list[tuple[Quote, int]]) -> PromptPassage:
    """A passage with the sentences that may be written, in the order of the abstract."""
    marker = passage.passage.marker
    quotes = sorted((quote for quote, owner in sources if owner == marker), key=lambda quote: quote.start)
    return PromptPassage(marker, passage.passage.hit.paper.title, tuple(quote.text for quote in quotes))


def _write_freely(
    bench: Workbench, question: str, passages: list[Sentences], start: float
) -> Steps[tuple[list[Claim], Provenance]]:  # fmt: skip
    prompt = bench.prompt("answer-free")
    sources = [
        (sentence.quote, passage.passage.marker)
        for passage in passages
        for sentence in passage.sentences[: prompt.candidates]
    ]
    made = yield from _generate(bench, question, passages, prompt, sources, None)
    papers = {
        passage.passage.marker: Source(passage.passage.hit.paper.paper_id, passage.passage.hit.paper.abstract)
        for passage in passages
    }
    claims = [check_cited(text, markers, papers, bench.terms) for text, markers in parse_claims(made.text)]
    return claims, bench.provenance("free", start, prompt, made)


def parse_claims(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """Sentences of a free text with the passages that each cites; nothing where it is the sentinel."""
    text = _THINKING.sub("", text).strip()
    if not text or text.strip(" .") == SENTINEL:
        return []
    return [claim for item in _ITEM.split(text) for claim in _claims_of_item(item)]


def _claims_of_item(text: str) -> list[tuple[str, tuple[int, ...]]]:
    claims: list[tuple[str, tuple[int, ...]]] = []
    for sentence in split_sentences(_GLUED.sub(r"\1 ", text)):
        run = _RUN.match(sentence)
        if run and claims and not _RUN.match(text) and not sentence[run.end() :].lstrip()[:1].islower():
            # A marker behind the full stop belongs to the sentence before it.
            previous, cited = claims[-1]
            claims[-1] = previous, tuple(dict.fromkeys((*cited, *_cited(run.group()))))
            sentence = sentence[run.end() :]
        # A writer may put down control characters too, which a terminal or a feed must not be given.
        bare = clean_text(_RUN.sub(" ", sentence)).replace(" .", ".")
        if bare.strip(" .;,"):
            claims.append((bare, _cited(sentence)))
    return claims


def _cited(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(number) for found in _MARKERS.findall(text) for number in re.split(r"[,;]", found)))
