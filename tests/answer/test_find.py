"""What an answer may rest on: for things that are compared, a paper of each."""

import pytest

from service.library import Library


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("LST versus UniPT: which needs less memory?", ("LST: Ladder", "UniPT: Universal")),
        ("compare KVQuant and RotateKV", ("KVQuant: Towards", "RotateKV: Accurate")),
        ("what is the difference between MOS and SLCA?", ("MOS: Model", "SLCA: Slow")),
    ],
)
def test_a_comparison_of_two_methods_rests_on_the_paper_of_each(
    sample: Library, question: str, titles: tuple[str, str]
) -> None:
    answer = sample.ask(question, mode="extractive")
    assert answer.kind == "comparison"
    assert not answer.abstained
    found = [passage.hit.paper.title for passage in answer.passages]
    assert all(any(title.startswith(wanted) for title in found) for wanted in titles)


def test_a_comparison_with_something_that_no_paper_names_is_refused_and_it_is_named(sample: Library) -> None:
    answer = sample.ask("LST versus FrobniTune: which needs less memory?", mode="extractive")
    assert answer.abstained
    assert "FrobniTune" in answer.text


@pytest.mark.parametrize(
    "question", ["what is the best recipe for sourdough bread?", "who won the 2022 football world cup?"]
)
def test_what_no_abstract_is_about_is_refused(sample: Library, question: str) -> None:
    assert sample.ask(question, mode="extractive").abstained
