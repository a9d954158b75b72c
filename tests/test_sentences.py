from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sentences import sentence_spans, sentences

CASES = {
    "plain": ("We propose X. It works.", ["We propose X.", "It works."]),
    "et al.": ("Smith et al. show this. We do more.", ["Smith et al. show this.", "We do more."]),
    "et al. before a name": ("As Smith et al. (2018) say. Yes.", ["As Smith et al. (2018) say.", "Yes."]),
    "e.g. and i.e.": ("Use it, e.g. BERT, i.e. Devlin's. Done.", ["Use it, e.g. BERT, i.e. Devlin's.", "Done."]),
    "figure": ("See Fig. 2 and Eq. 3. Then stop.", ["See Fig. 2 and Eq. 3.", "Then stop."]),
    "versus": ("Large vs. Small models differ. Yes.", ["Large vs. Small models differ.", "Yes."]),
    "decimals": ("It is 4.5x faster and 98.0% right. Good.", ["It is 4.5x faster and 98.0% right.", "Good."]),
    "name with a version": ("ERNIE 3.0 wins. JiuZhang 2.0 too.", ["ERNIE 3.0 wins.", "JiuZhang 2.0 too."]),
    "company": ("Yi is by 01.AI and good. Yes.", ["Yi is by 01.AI and good.", "Yes."]),
    "missing space": ("It improves quality.We propose more.", ["It improves quality.", "We propose more."]),
    "module name": ("Replace nn.Linear by ours. Done.", ["Replace nn.Linear by ours.", "Done."]),
    "address": ("Code: https://x.com/OpenAI/y. It is free.", ["Code: https://x.com/OpenAI/y.", "It is free."]),
    "question": ("Does it work? Yes! It does.", ["Does it work?", "Yes!", "It does."]),
    "ellipsis": ("More importantly, ... This holds.", ["More importantly, ...", "This holds."]),
    "month": ("As of Oct. 8, 2022 it leads. Good.", ["As of Oct. 8, 2022 it leads.", "Good."]),
    "initial": ("J. Smith wrote it. R. Doe read it.", ["J. Smith wrote it.", "R. Doe read it."]),
    "quotation": ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
    "lower-case name": ("It is fast. mT5 is slow.", ["It is fast.", "mT5 is slow."]),
    "state": ("The U.S. Treasury pays. We do not.", ["The U.S. Treasury pays.", "We do not."]),
    "no stop at the end": ("One. Code: https://x.org/PETL AST", ["One.", "Code: https://x.org/PETL AST"]),
    "nothing": ("", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_sentences_of_scientific_prose(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_run_of_marks_is_one_sentence_and_no_hang() -> None:
    text = "!?" * 50_000
    assert sentences(f"{text}x It ends.") == [f"{text}x It ends."]


@given(st.text(alphabet=st.sampled_from("aB.?! (),\n\"'9”é-"), max_size=200))
def test_every_visible_character_lies_in_exactly_one_span(text: str) -> None:
    spans = sentence_spans(text)
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    covered = {position for start, end in spans for position in range(start, end)}
    assert {position for position, character in enumerate(text) if not character.isspace()} <= covered


@given(st.text(max_size=300))
def test_a_sentence_is_the_text_between_its_offsets(text: str) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences(text)
