"""The façade over the sample pages: many together as one by one, the text as it grows, and what is kept."""

import pytest

from service.errors import InputError, PaperboyError
from service.library import Library
from service.settings import Mode

QUESTION = "which papers reduce activation memory?"
QUIET: Mode = "extractive"


def test_many_questions_are_answered_in_their_order_as_each_alone(sample: Library) -> None:
    refused = InputError("line 2 is no JSON")
    good = (QUESTION, "how do bees navigate in winter?", "what is the newest paper?")
    questions: list[str | PaperboyError] = [good[0], refused, "", *good[1:]]
    first, second, third, fourth, fifth = sample.ask_many(questions, QUIET)
    assert second is refused
    assert isinstance(third, InputError)
    for question, made in zip(good, (first, fourth, fifth), strict=True):
        assert not isinstance(made, PaperboyError)
        alone = sample.ask(question, QUIET)
        assert (made.text, made.kind, made.claims) == (alone.text, alone.kind, alone.claims)


def test_many_texts_are_summarized_in_their_order_as_each_alone(sample: Library) -> None:
    texts = [("Quick", "It was slow. We propose Quick, which is fast."), ("", " "), ("", "We propose a method.")]
    first, second, third = sample.summarize_many(texts, mode=QUIET)
    assert isinstance(second, InputError)
    assert [first, third] == [sample.summarize_text(*texts[number], mode=QUIET) for number in (0, 2)]


@pytest.mark.parametrize("question", [QUESTION, "how do bees navigate in winter?"])
def test_a_text_that_no_writer_wrote_is_told_whole(sample: Library, question: str) -> None:
    told: list[str] = []
    answer = sample.ask(question, QUIET, on_text=told.append)
    assert told == [answer.text]


def test_a_summary_that_was_kept_is_told_whole_and_says_how_it_was_made(sample: Library) -> None:
    told: list[str] = []
    text = ("Kept", "It was lost. We propose Kept, which is found again.")
    first = sample.summarize_text(*text, mode=QUIET)
    assert sample.summarize_text(*text, mode=QUIET, on_text=told.append) == first
    assert told == [first.text]
    assert sample.summarize_text(text[0], f"{text[1]} It is dear.", mode=QUIET) != first
