"""The check of a claim against its source: numbers, names, wording, negation; and the verdict on what is cited."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.judge import FAITHFUL_FROM
from service.answer.verify import Check, Source, check_cited, check_claim, verify
from service.checking import check_texts
from service.errors import InputError
from service.index.lexical import Analyzer
from service.sentences import sentences
from service.text import numbers
from service.types import Verdict
from tests.sources.test_page import every_sample

ANALYZER = Analyzer()
SOURCE = (
    r"MEFT significantly reduces the activation memory by up to 84\% of full fine-tuning on the GLUE benchmark. "
    "It is trained on 9,120 examples of three tasks with RoBERTa and GPT4. "
    "The method does not need additional pre-training. "
    "Existing methods cannot be applied without changing the model. "
    "Accuracy improves by 1.50 points on average, and training is 4.5x faster at a cost of $800."
)


def terms(text: str) -> list[str]:
    return list(ANALYZER.query_terms(text))


def check(claim: str, source: str = SOURCE) -> Check:
    return check_claim(claim, source, terms)


SUPPORTED = {
    "verbatim": "The method does not need additional pre-training.",
    "verbatim without full stop": "The method does not need additional pre-training",
    "verbatim with white space around": "  The method does not need additional pre-training. ",
    "part of a sentence": "MEFT significantly reduces the activation memory by up to 84\\% of full fine-tuning",
    "percent without backslash": "MEFT reduces the activation memory by up to 84% of full fine-tuning.",
    "percent in words": "MEFT reduces the activation memory of full fine-tuning by up to 84 percent on GLUE.",
    "thousands without comma": "MEFT is trained on 9120 examples of three tasks.",
    "number word as digit": "It is trained on 9,120 examples of 3 tasks with RoBERTa.",
    "shorter decimal": "Accuracy improves by 1.5 points on average.",
    "glued unit": "Training is 4.5 times faster at a cost of 800.",
    "dollar": "Training is 4.5x faster at a cost of $800.",
    "other hyphenation": "The method does not need additional pretraining.",
    "name with hyphen": "It is trained on 9,120 examples with RoBERTa and GPT-4.",
    "plural": "The methods do not need additional pre-training.",
    "another negation": "Without additional pre-training the method is not in need.",
    "two neighbouring sentences": "MEFT reduces memory, and the method does not need additional pre-training.",
    "part behind the clause with the negation": "training is 4.5x faster at a cost",
}


@pytest.mark.parametrize("claim", SUPPORTED.values(), ids=SUPPORTED.keys())
def test_what_the_source_says_is_supported(claim: str) -> None:
    assert check(claim).supported, check(claim)
    assert check(claim).score >= FAITHFUL_FROM


UNSUPPORTED = {
    "another number": (
        "MEFT reduces the activation memory by up to 94% of full fine-tuning.",
        "the source says 84%, not 94%",
    ),
    "another decimal": ("Accuracy improves by 1.6 points on average.", "the source says 1.50, not 1.6"),
    "beginning of a number": ("MEFT significantly reduces the activation memory by up to 8", "8"),
    "beginning of a number with separator": ("It is trained on 9.", "9"),
    "end of a number": ("Training is 5x faster at a cost of $800.", "5"),
    "ten times the number": ("It is trained on 91,200 examples of three tasks.", "the source says 9,120, not 91,200"),
    "added number": ("MEFT reduces the activation memory by up to 84% of full fine-tuning on 8 tasks.", "8"),
    "another name": ("It is trained on 9,120 examples of three tasks with LLaMA.", "LLaMA"),
    "name inside a name": ("It is trained on 9,120 examples of three tasks with BERT and GPT4.", "BERT"),
    "added benchmark": ("MEFT significantly reduces the activation memory on the SuperGLUE benchmark.", "SuperGLUE"),
    "another currency amount": ("Training is 4.5x faster at a cost of $900.", "the source says $800, not $900"),
    "another factor": ("Training is 5.4x faster at a cost of $800.", "the source says 4.5x, not 5.4x"),
    "opposite word": ("MEFT significantly increases the activation memory of full fine-tuning.", "“reduces”"),
    "negation added": ("MEFT does not significantly reduce the activation memory of full fine-tuning.", "negation"),
    "never": ("Accuracy never improves on average, and training is faster at a cost.", "negation"),
    "negation lost": ("The method needs additional pre-training.", "negation"),
    "negation lost in a part of a sentence": ("need additional pre-training.", "negation"),
    "cannot lost": ("Existing methods can be applied, changing the model.", "negation"),
    "other words": ("The approach generates images of cats from noise.", "wording"),
}


@pytest.mark.parametrize(("claim", "reason"), UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_the_source_does_not_say_is_not_supported_and_the_reason_names_it(claim: str, reason: str) -> None:
    assert not check(claim).supported
    assert reason in check(claim).reason


@pytest.mark.parametrize("claim", ["", "  ", ".", "It is.", "…", "[1]"])
def test_a_claim_without_content_is_not_supported(claim: str) -> None:
    assert not check(claim).supported
    assert check(claim).reason


def test_nothing_is_supported_by_an_empty_source() -> None:
    assert not check("MEFT is fast.", "").supported
    assert not check("MEFT is fast.", "   ").supported


def test_a_number_of_a_list_without_spaces_is_a_number_of_the_source() -> None:
    assert check("The rank of the adapters is 8 here.", "The rank of the adapters is 4,8,16 here.").supported


def test_a_name_may_stand_in_a_longer_one_with_hyphens_and_in_latex() -> None:
    source = r"We test LLaMA-2-7B on MS-COCO images with \textsc{BERT} features."
    assert check("We test LLaMA-2 on COCO images with features of BERT.", source).supported


def test_the_first_word_of_a_claim_is_no_name() -> None:
    assert check("Training gets faster at a cost, and accuracy improves on average.").supported


def test_the_span_is_the_sentence_that_bears_the_claim() -> None:
    start, end = check("MEFT is trained on 9,120 examples of three tasks.").span
    assert SOURCE[start:end] == "It is trained on 9,120 examples of three tasks with RoBERTa and GPT4."
    start, end = check("Accuracy improves by 1.50 points").span
    assert SOURCE[start:end] == "Accuracy improves by 1.50 points"


# Whole texts


def test_the_score_of_a_text_is_that_of_its_weakest_claim() -> None:
    found = verify(SOURCE, "The method does not need additional pre-training. Cats are generated from noise.", terms)
    assert [claim.verdict for claim in found.claims] == [Verdict.SUPPORTED, Verdict.UNSUPPORTED]
    assert not found.faithful
    assert found.score == 0.0
    assert verify(SOURCE, SOURCE, terms).score == 1.0


def test_every_sentence_of_a_text_is_a_claim_with_a_verbatim_quote() -> None:
    found = verify(SOURCE, SOURCE, terms, "paper")
    assert found.faithful
    assert [claim.text for claim in found.claims] == sentences(SOURCE)
    for claim in found.claims:
        (quote,) = claim.quotes
        assert quote.text == SOURCE[quote.start : quote.end]
        assert quote.paper_id == "paper"


def test_a_text_without_a_claim_is_not_faithful() -> None:
    found = verify(SOURCE, "", terms)
    assert (found.faithful, found.score, found.claims) == (False, 0.0, ())


@pytest.mark.parametrize(("source", "summary", "said"), [("", "x", "source"), ("x", " \n", "summary")])
def test_an_empty_text_is_refused(source: str, summary: str, said: str) -> None:
    with pytest.raises(InputError, match=f"the {said} is empty"):
        check_texts(source, summary)


# Citations

ALPHA = Source("alpha", "Alpha reduces memory by 84% on GLUE. It is simple.")
BETA = Source("beta", "Beta generates images of cats from noise. It takes 12 steps.")
PASSAGES = {1: ALPHA, 2: BETA}


def verdict(text: str, *citations: int) -> tuple[Verdict, str]:
    claim = check_cited(text, citations, PASSAGES, terms)
    assert (claim.text, claim.citations) == (text, citations)
    return claim.verdict, claim.reason


def test_a_claim_that_its_passage_bears_is_supported_and_quotes_it() -> None:
    claim = check_cited("Alpha reduces memory on GLUE by 84%.", (1,), PASSAGES, terms)
    assert (claim.verdict, claim.reason) == (Verdict.SUPPORTED, "")
    assert [(quote.paper_id, quote.text) for quote in claim.quotes] == [
        ("alpha", "Alpha reduces memory by 84% on GLUE.")
    ]


def test_a_claim_that_no_passage_bears_is_unsupported_with_the_reason() -> None:
    assert verdict("Alpha reduces memory by 94% on GLUE.", 1) == (
        Verdict.UNSUPPORTED,
        "the source says 84%, not 94%",
    )


def test_a_claim_without_citation_is_uncited_even_if_it_is_true() -> None:
    assert verdict("Alpha reduces memory by 84% on GLUE.")[0] is Verdict.UNCITED


def test_a_claim_that_cites_the_wrong_passage_is_miscited_and_the_right_one_is_named() -> None:
    assert verdict("Beta generates images of cats from noise.", 1) == (
        Verdict.MISCITED,
        "passage [2] says so, not the one cited",
    )


@pytest.mark.parametrize("marker", [0, 3, 999])
def test_a_passage_that_does_not_exist_is_miscited_even_beside_one_that_does(marker: int) -> None:
    assert verdict("Alpha reduces memory by 84% on GLUE.", 1, marker) == (
        Verdict.MISCITED,
        f"passage [{marker}] does not exist",
    )


def test_of_several_citations_one_is_enough_and_two_may_bear_a_claim_together() -> None:
    assert verdict("Alpha reduces memory by 84% on GLUE.", 2, 1)[0] is Verdict.SUPPORTED
    assert verdict("Alpha reduces memory, Beta generates images of cats.", 1, 2)[0] is Verdict.SUPPORTED
    assert verdict("Alpha reduces memory, Beta generates images of cats.", 1)[0] is not Verdict.SUPPORTED


def test_every_quote_of_a_claim_is_verbatim() -> None:
    claim = check_cited("Alpha is simple and Beta takes 12 steps.", (1, 2), PASSAGES, terms)
    by_id = {"alpha": ALPHA, "beta": BETA}
    assert [quote.paper_id for quote in claim.quotes] == ["alpha", "beta"]
    assert all(quote.text == by_id[quote.paper_id].text[quote.start : quote.end] for quote in claim.quotes)


# On the samples


def test_every_sentence_of_a_sample_is_supported_by_its_own_abstract() -> None:
    for paper in every_sample()[::5]:
        assert verify(paper.abstract, paper.abstract, terms).faithful, paper.title


def test_a_changed_number_in_a_sentence_of_a_sample_is_always_noticed() -> None:
    tried = 0
    for paper in every_sample()[::5]:
        known = set(numbers(paper.abstract))
        for sentence in sentences(paper.abstract):
            match = re.search(r"(?<![\w.,])\d+(?:\.\d+)?(?![\w.,])", sentence)
            other = f"{sentence[: match.start()]}7531{sentence[match.end() :]}" if match else ""
            if match and "7531" not in known:
                tried += 1
                found = check_claim(other, paper.abstract, terms)
                assert not found.supported, other
    assert tried > 50


@given(st.text(max_size=80), st.text(max_size=200))
def test_any_two_texts_have_a_score_and_a_verbatim_span(claim: str, source: str) -> None:
    found = check(claim, source)
    assert 0.0 <= found.score <= 1.0
    assert 0 <= found.span[0] <= found.span[1] <= len(source)
    assert found.supported == (not found.reason and found.score >= FAITHFUL_FROM)
