"""The main number of an abstract, on sentences as authors write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answer.figures import main_figure
from tests.answer.editions import paper

REPORTED = [
    ("MEFT reduces memory by up to 84% on GLUE.", "84%"),
    (r"It improves accuracy by 9.4\% on average.", r"9.4\%"),
    ("Accuracy improves from 51.4% to 60.4% on WebQA.", "51.4% to 60.4%"),
    ("It reduces costs by 40%-60% everywhere.", "40%-60%"),
    ("It achieves up to 4.12x acceleration on Hunyuan-1.5.", "4.12x"),
    ("It outperforms the baseline by 3.9 points.", "3.9 points"),
    (r"We achieve an 8$\times$ improvement.", r"8$\times$"),
    ("Results show a FID of 6.4 on ImageNet.", "6.4"),
    ("With GPT-4 and Llama 3.1, it achieves 71.3 BLEU.", "71.3 BLEU"),
    ("It improves throughput by 1,200% on 8 GPUs.", "1,200%"),
]


@pytest.mark.parametrize(("sentence", "number"), REPORTED)
def test_the_number_of_a_result_is_found_with_its_unit(sentence: str, number: str) -> None:
    found = main_figure(paper(abstract=f"It was hard in 2023. {sentence}"))
    assert found is not None
    assert (found.text, found.quote.text) == (number, sentence)


@pytest.mark.parametrize(
    "abstract",
    [
        "We improve GPT-4 and ERNIE 3.0 with ResNet-50.",
        "In 2023 we show that models fail.",
        "We present a dataset. It has 40 tasks.",
        "It improves $x_{12}$ and H2O.",
    ],
)
def test_names_years_sizes_and_formulas_are_no_results(abstract: str) -> None:
    assert main_figure(paper(abstract=abstract)) is None


def test_of_several_results_the_later_change_is_the_main_one() -> None:
    found = main_figure(paper(abstract="We use 5% of the data. It reduces memory by 20%. It reduces time by 30%."))
    assert found is not None
    assert found.text == "30%"


@given(st.text(st.sampled_from("ab 0123456789.,%x-–$\\{}^_\u00d7GPT improves"), min_size=1, max_size=80))
def test_whatever_an_abstract_says_the_number_stands_in_its_sentence(text: str) -> None:
    made = paper(abstract=f"a{text}")
    found = main_figure(made)
    if found:
        assert made.abstract[found.quote.start : found.quote.end] == found.quote.text
        assert found.text
        assert found.text in found.quote.text
