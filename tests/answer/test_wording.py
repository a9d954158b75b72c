"""Sentences taken out of their abstract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.wording import by_itself, lead_over

REST = "we propose Quick, a method for adapters."


@pytest.mark.parametrize(
    "leading",
    [
        "To this end, ", "To bridge this gap, ", "To address these critical challenges, ", "To tackle it, ",
        "In this paper, ", "In this work ", "Here, ", "Thus, ", "Specifically, ", "Building on these insights, ",
        "Motivated by this observation, ", "To fill this gap, in this work, ", "TO THIS END, ", "Therefore, ",
    ],
)  # fmt: skip
def test_what_only_leads_over_from_the_sentence_before_is_left_out(leading: str) -> None:
    assert lead_over(leading + REST) == len(leading)
    assert by_itself(leading + REST) == "W" + REST[1:]


@pytest.mark.parametrize(
    "sentence",
    [
        "To save memory, we propose Quick, a method for adapters.",
        "In this paper on adapters, we propose Quick.",
        "However, adapters fail on twelve tasks of the benchmark.",
        "Hereditary traits, as we show, are learned by adapters.",
        "To address hallucination, we propose Quick, a method.",
        "we propose Quick, a method for adapters.",
        "Thus, no.",
        "In this work, ",
        "",
    ],
)
def test_what_says_something_by_itself_stays_as_it_is(sentence: str) -> None:
    assert lead_over(sentence) == 0
    assert by_itself(sentence) == sentence


@pytest.mark.parametrize("name", ["iGPT", "k-means", "eBPF"])
def test_a_name_keeps_its_small_letter(name: str) -> None:
    assert by_itself(f"To this end, {name} is put to use for adapters.") == f"{name} is put to use for adapters."


@given(st.text(max_size=80))
def test_the_end_of_any_text_is_kept(text: str) -> None:
    assert text.endswith(text[lead_over(text) :])
    assert by_itself(text)[1:] == text[lead_over(text) :][1:]
