"""From passages to claims: free text read claim by claim, quotes chosen from what is offered, too little context."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.ask import ask
from service.answer.find import Sentences
from service.answer.running import run_one
from service.answer.summarize import summarize
from service.answer.workbench import Workbench
from service.answer.write import SENTINEL, claims_text, parse_claims, slots, write_answer
from service.errors import EngineError, RequestTooLargeError
from service.index.results import Cache, Generations
from service.index.retrieval import NearSentence
from service.ports import Generation, GenerationRequest
from service.sentences import sentence_spans
from service.settings import Mode
from service.text import derived_paper_id
from service.types import Answer, Claim, Hit, Paper, Passage, Provenance, Quote, Verdict
from tests.answer.conftest import PAPERS, MakeBench
from tests.fakes import ScriptedEngine

ALPHA, BETA, GAMMA = PAPERS
TODAY = date(2026, 11, 21)


# Reading a free text

PARSED: dict[str, tuple[str, list[tuple[str, tuple[int, ...]]]]] = {
    "marker before the full stop": ("A is fast [1]. B is slow [2].", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "marker behind the full stop": ("A is fast. [1] B is slow. [2]", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "marker glued behind it": ("A is fast.[1] B is slow.[2]", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "two markers behind it": ("A is fast. [1], [2] B is slow. [3]", [("A is fast.", (1, 2)), ("B is slow.", (3,))]),
    "marker in front of it": ("[1] A is fast. [2] B is slow.", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "marker as subject": ("A is fast [1]. [2] is slow.", [("A is fast.", (1,)), ("is slow.", (2,))]),
    "control characters": ("A is \x1b[31mfast\x00 [1].", [("A is [31mfast.", (1,))]),
    "last marker behind it": ("A is fast [1]. B is slow. [2]", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "two markers": ("A is fast [1][2].", [("A is fast.", (1, 2))]),
    "two in one bracket": ("A is fast [1, 2]. B is slow [1;3].", [("A is fast.", (1, 2)), ("B is slow.", (1, 3))]),
    "one marker twice": ("A [2] is fast [2].", [("A is fast.", (2,))]),
    "no marker": ("A is fast. B is slow [2].", [("A is fast.", ()), ("B is slow.", (2,))]),
    "marker of no passage": ("A is fast [0]. B is slow [999].", [("A is fast.", (0,)), ("B is slow.", (999,))]),
    "a year in brackets": ("A is fast [2023].", [("A is fast [2023].", ())]),
    "paragraphs": ("A is fast [1].\n\nB is slow [2].", [("A is fast.", (1,)), ("B is slow.", (2,))]),
    "bullets": ("- A is fast [1]\n- B is slow [2]", [("A is fast", (1,)), ("B is slow", (2,))]),
    "numbered lines": ("1. A is fast [1]\n2. B is slow [2]", [("A is fast", (1,)), ("B is slow", (2,))]),
    "abbreviations": (
        "As Smith et al. say, it is 4.5x faster [1].",
        [("As Smith et al. say, it is 4.5x faster.", (1,))],
    ),
    "markers alone": ("[1] [2]", []),
    "nothing": ("", []),
    "white space": (" \n ", []),
    "thoughts first": ("<think>Is it [1]? Yes.</think>\nA is fast [2].", [("A is fast.", (2,))]),
    "thoughts without end": ("<think>Is it [1]? Or", []),
    "thoughts and sentinel": (f"<think>No.</think> {SENTINEL}", []),
    "sentinel": (SENTINEL, []),
    "sentinel with full stop and space": (f" {SENTINEL}. \n", []),
}


@pytest.mark.parametrize(("text", "expected"), PARSED.values(), ids=PARSED.keys())
def test_a_free_text_is_read_sentence_by_sentence(text: str, expected: list[tuple[str, tuple[int, ...]]]) -> None:
    assert parse_claims(text) == expected


@pytest.mark.parametrize("text", [SENTINEL.lower(), f"A says: {SENTINEL}", f"{SENTINEL}, but A is fast [1]."])
def test_the_sentinel_is_matched_exactly(text: str) -> None:
    assert parse_claims(text) != []


@given(st.lists(st.tuples(st.sampled_from(["A is fast", "B is slow", "C takes 4.5 s"]), st.sets(st.integers(1, 20)))))
def test_claims_that_are_written_out_are_read_back(written: list[tuple[str, set[int]]]) -> None:
    claims = [(f"{text}.", tuple(sorted(markers))) for text, markers in written]
    text = " ".join("".join([body.rstrip("."), *(f" [{m}]" for m in markers), "."]) for body, markers in claims)
    assert parse_claims(text) == claims


@given(st.text(max_size=200))
def test_any_text_is_read_and_no_claim_is_empty_or_cites_a_passage_twice(text: str) -> None:
    for claim, markers in parse_claims(text):
        assert claim.strip(" .;,")
        assert len(set(markers)) == len(markers)


def claim(text: str, *markers: int) -> Claim:
    return Claim(text=text, citations=markers, verdict=Verdict.SUPPORTED)


def test_claims_are_shown_as_lines_with_their_markers() -> None:
    assert claims_text([claim("A is fast.", 1, 3), claim("B is slow.")]) == "A is fast. [1] [3]\nB is slow."


# Places of a text


def near(*scores: float) -> tuple[NearSentence, ...]:
    return tuple(
        NearSentence(Quote(paper_id="p", text=f"S{index}.", start=0, end=3), score)
        for index, score in enumerate(scores)
    )


def passage(sentences: tuple[NearSentence, ...]) -> Sentences:
    hit = Hit(paper=Paper(paper_id="p", title="T", abstract="A."), quote=sentences[0].quote, score=1.0)
    return Sentences(Passage(marker=1, hit=hit), sentences)


def texts(places: list[list[NearSentence]]) -> list[list[str]]:
    return [[sentence.quote.text for sentence in place] for place in places]


def test_the_best_sentences_have_places_of_their_own_and_the_last_place_may_go_to_a_near_equal() -> None:
    three = passage(near(0.9, 0.8, 0.79, 0.5))
    assert texts(slots(three, 1, 3, 0.15)) == [["S0.", "S1.", "S2."]]
    assert texts(slots(three, 2, 3, 0.15)) == [["S0."], ["S1.", "S2."]]
    assert texts(slots(three, 2, 1, 0.15)) == [["S0."], ["S1."]]
    assert texts(slots(three, 2, 3, 0.0)) == [["S0."], ["S1."]]
    assert texts(slots(three, 2, 9, 1.0)) == [["S0."], ["S1.", "S2.", "S3."]]


def test_a_passage_of_one_sentence_has_one_place() -> None:
    assert texts(slots(passage(near(0.9)), 3, 3, 1.0)) == [["S0."]]
    assert texts(slots(passage(near(0.9)), 1, 0, 1.0)) == [["S0."]]


# Answers


def passages(bench: Workbench, *titles: str) -> list[Sentences]:
    """Passages of those papers, their sentences in the order of the abstract."""
    found = []
    for marker, title in enumerate(titles, start=1):
        paper = bench.stores.catalog.get(derived_paper_id(title))
        assert paper is not None
        quotes = [
            Quote(paper_id=paper.paper_id, text=paper.abstract[start:end], start=start, end=end)
            for start, end in sentence_spans(paper.abstract)
        ]
        hit = Hit(paper=paper, quote=quotes[0], score=1.0)
        ranked = tuple(NearSentence(quote, 1.0 - index / 100) for index, quote in enumerate(quotes))
        found.append(Sentences(Passage(marker=marker, hit=hit), ranked))
    return found


def cited(claims: Sequence[Claim]) -> list[tuple[str, tuple[int, ...], Verdict]]:
    return [(claim.text, claim.citations, claim.verdict) for claim in claims]


def written(
    bench: Workbench, question: str, shown: list[Sentences], per_passage: int, mode: Mode
) -> tuple[list[Claim], Provenance]:
    return run_one(bench.engine, write_answer(bench, question, shown, per_passage, mode))


def asked(bench: Workbench, question: str, mode: Mode) -> Answer:
    return run_one(bench.engine, ask(bench, question, mode=mode, most=3, today=TODAY))


def first_sentences(title: str, count: int) -> list[str]:
    return [PAPERS[title][start:end] for start, end in sentence_spans(PAPERS[title])][:count]


def test_an_extractive_answer_has_the_best_sentences_and_calls_no_writer(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    bench = make_bench(engine)
    claims, provenance = written(bench, "why?", passages(bench, ALPHA, BETA), 2, "extractive")
    assert cited(claims) == [
        *((text, (1,), Verdict.SUPPORTED) for text in first_sentences(ALPHA, 2)),
        *((text, (2,), Verdict.SUPPORTED) for text in first_sentences(BETA, 2)),
    ]
    assert engine.requests == []
    assert (provenance.engine, provenance.seed, provenance.prompt) == ("extractive", None, "")


def test_quotes_are_whole_sentences_of_the_passages_in_their_order_each_with_its_marker(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    bench = make_bench(engine)
    claims, provenance = written(bench, "why?", passages(bench, ALPHA, BETA), 1, "quotes")
    assert cited(claims) == [
        (first_sentences(ALPHA, 1)[0], (1,), Verdict.SUPPORTED),
        (first_sentences(BETA, 1)[0], (2,), Verdict.SUPPORTED),
    ]
    for made in claims:
        (quote,) = made.quotes
        assert made.text == quote.text
    assert (provenance.engine, provenance.mode, provenance.seed) == ("scripted", "quotes", 7)
    assert provenance.prompt.startswith("chat/answer-1@")


def test_a_quotes_request_offers_only_sentences_of_the_passages_and_one_place_for_each(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    bench = make_bench(engine)
    written(bench, "why?", passages(bench, ALPHA, GAMMA), 1, "quotes")
    (request,) = engine.requests
    assert request.choices is not None
    offered = {(option.text, option.group) for option in request.choices.options}
    expected = {(f"{text} [1]", 0) for text in first_sentences(ALPHA, 3)}
    assert offered == expected | {(f"{text} [2]", 1) for text in first_sentences(GAMMA, 3)}
    assert (request.choices.minimum, request.choices.maximum, request.choices.ordered) == (2, 2, True)
    assert request.seed == 7


def test_every_sentence_offered_stands_in_the_prompt_with_title_marker_and_question(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    bench = make_bench(engine)
    written(bench, "why $question ${x} {} %s?", passages(bench, ALPHA), 1, "quotes")
    content = engine.requests[0].messages[-1].content
    assert f"[1] {ALPHA}" in content
    assert all(text in content for text in first_sentences(ALPHA, 3))
    assert "why $question ${x} {} %s?" in content


def test_a_free_text_is_checked_claim_by_claim_and_nothing_is_removed(make_bench: MakeBench) -> None:
    reply = (
        "Alpha reduces activation memory by 84% on GLUE [1]. Alpha reduces activation memory by 94% on GLUE [1]. "
        "Beta draws cats from noise [1]. Beta takes 12 steps. Gamma is good [9]."
    )
    bench = make_bench(ScriptedEngine(reply))
    claims, provenance = written(bench, "why?", passages(bench, ALPHA, BETA), 1, "free")
    assert [claim.verdict for claim in claims] == [
        Verdict.SUPPORTED,
        Verdict.UNSUPPORTED,
        Verdict.MISCITED,
        Verdict.UNCITED,
        Verdict.MISCITED,
    ]
    assert claims[0].quotes[0].text.rstrip(".") == "Alpha reduces activation memory by 84% on GLUE"
    assert provenance.prompt.startswith("chat/answer-free-1@")


@pytest.mark.parametrize("reply", [SENTINEL, f"{SENTINEL}.", "", "<think>…", "[1]"])
def test_a_free_writer_that_finds_no_answer_makes_no_claims(make_bench: MakeBench, reply: str) -> None:
    bench = make_bench(ScriptedEngine(reply))
    assert written(bench, "why?", passages(bench, ALPHA), 1, "free")[0] == []


@pytest.mark.parametrize("mode", ["quotes", "free"])
def test_passages_that_do_not_fit_are_left_out_the_last_ones_first(make_bench: MakeBench, mode: Mode) -> None:
    whole = ScriptedEngine("Alpha [1].")
    everything = passages(make_bench(whole), ALPHA, BETA, GAMMA)
    written(make_bench(whole), "why?", everything, 1, mode)
    needed = whole.count_tokens(whole.requests[0].messages)
    engine = ScriptedEngine("Alpha [1].", context=needed - 1)
    written(make_bench(engine), "why?", everything, 1, mode)
    shown = [[title in request.messages[-1].content for title in PAPERS] for request in engine.requests]
    assert shown == [[True, True, True], [True, True, False]]


def test_a_single_passage_that_does_not_fit_is_an_error_with_both_numbers(make_bench: MakeBench) -> None:
    bench = make_bench(ScriptedEngine(context=5))
    with pytest.raises(RequestTooLargeError, match=r"\d+ tokens and the context has 5"):
        written(bench, "why?", passages(bench, ALPHA, BETA), 1, "quotes")


def test_a_writer_that_fails_is_an_error_and_not_an_empty_answer(make_bench: MakeBench) -> None:
    bench = make_bench(ScriptedEngine(EngineError("the worker died")))
    with pytest.raises(EngineError, match="the worker died"):
        written(bench, "why?", passages(bench, ALPHA), 1, "free")


def test_a_text_that_was_kept_says_truly_how_it_was_made(make_bench: MakeBench, tmp_path: Path) -> None:
    class Slow(ScriptedEngine):
        def write(self, request: GenerationRequest) -> Generation:
            return super().write(request)._replace(seconds=30.0)

    engine = Slow()
    with closing(Cache(tmp_path / "cache.sqlite3")) as cache:
        bench = replace(make_bench(engine), generations=Generations(cache))
        shown = passages(bench, ALPHA)
        first, second = (
            run_one(bench.engine, write_answer(bench, "why?", shown, 1, "quotes"), None, bench.generations)
            for _ in range(2)
        )
    assert first[0] == second[0]
    assert first[1].seconds == pytest.approx(second[1].seconds, abs=1)
    assert first[1].model_copy(update={"seconds": 0.0}) == second[1].model_copy(update={"seconds": 0.0})
    assert len(engine.requests) == 1


# From the question on


def test_a_question_is_answered_from_the_papers_that_fit_best_first(make_bench: MakeBench) -> None:
    engine = ScriptedEngine()
    answer = asked(make_bench(engine), "which papers reduce activation memory?", "quotes")
    assert (answer.kind, answer.abstained) == ("list", False)
    names = [passage.hit.paper.title for passage in answer.passages]
    assert set(names[:2]) == {ALPHA, GAMMA}
    for made in answer.claims:
        (marker,) = made.citations
        assert made.text in PAPERS[names[marker - 1]]
    assert {marker for made in answer.claims for marker in made.citations} == set(range(1, len(names) + 1))


def test_a_question_whose_words_no_paper_has_is_not_answered_and_the_writer_is_not_called(
    make_bench: MakeBench,
) -> None:
    engine = ScriptedEngine()
    answer = asked(make_bench(engine), "how do bees navigate in winter?", "quotes")
    assert (answer.abstained, answer.claims, answer.passages) == (True, (), ())
    assert engine.requests == []
    assert "bees" in answer.text
    assert answer.provenance.reason


def test_an_answer_that_the_writer_withholds_is_an_abstention_with_its_reason(make_bench: MakeBench) -> None:
    question = "by how much does Alpha reduce activation memory on GLUE?"
    answer = asked(make_bench(ScriptedEngine(SENTINEL)), question, "free")
    assert answer.abstained
    assert "no answer in the passages" in answer.provenance.reason


def test_a_summary_quotes_the_abstract_in_its_order(make_bench: MakeBench) -> None:
    bench = make_bench(ScriptedEngine())
    paper = bench.stores.catalog.get(derived_paper_id(ALPHA))
    assert paper is not None
    one = run_one(bench.engine, summarize(bench, paper, "sentence", "quotes"))
    whole = run_one(bench.engine, summarize(bench, paper, "paragraph", "quotes"))
    assert [claim.text for claim in one.claims] == [one.text]
    assert one.text in first_sentences(ALPHA, 9)
    positions = [quote.start for claim in whole.claims for quote in claim.quotes]
    assert positions == sorted(positions)
    assert len(whole.claims) == 4
