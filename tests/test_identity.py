"""Ids: which texts are ids of arXiv or DOIs, and what they are without what stands around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.identity import Scheme, arxiv_id, arxiv_reference, doi_of, scheme_of

ARXIV = [
    ("2104.12255", "2104.12255", None),
    ("2104.12255v3", "2104.12255", 3),
    ("0704.0001", "0704.0001", None),
    ("arXiv:2104.12255v1", "2104.12255", 1),
    ("oai:arXiv.org:2607.30001v1", "2607.30001", 1),
    ("http://arxiv.org/abs/astro-ph/0601001v2", "astro-ph/0601001", 2),
    ("https://arxiv.org/pdf/2104.12255v2.pdf", "2104.12255", 2),
    ("https://doi.org/10.48550/arXiv.2104.12255", "2104.12255", None),
    ("10.48550/ARXIV.2104.12255", "2104.12255", None),
    ("math.GT/0309136", "math/0309136", None),
    ("cond-mat/0603029v1", "cond-mat/0603029", 1),
]


@pytest.mark.parametrize(("text", "number", "version"), ARXIV)
def test_an_id_of_arxiv_is_known_with_its_version(text: str, number: str, version: int | None) -> None:
    assert arxiv_id(text) == (number, version)
    assert scheme_of(number) is Scheme.ARXIV


@pytest.mark.parametrize(
    "text",
    ["", "abc", "2104.123", "2104.122556", "21045.12255", "2104.12255v0", "2104.12255vv1", "10.1145/1234.56789", "1",
     "astro-ph/06010011", "https://example.org/abs/2104.12255", "arXiv:", "2104.12255\n; rm", "javascript:2104.12255"],
)  # fmt: skip
def test_other_texts_are_no_id_of_arxiv(text: str) -> None:
    assert arxiv_id(text) is None


def test_a_reference_is_found_within_a_text() -> None:
    assert arxiv_reference("arXiv preprint arXiv:1706.03762v5 (2017)") == ("1706.03762", 5)
    assert arxiv_reference("pages 1706.03762") is None


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("10.1103/PhysRevD.93.016005, 10.1103/PhysRevD.98.079901;10.1103/X", "10.1103/physrevd.93.016005"),
        ("https://doi.org/10.1093/MIND/LIX.236.433", "10.1093/mind/lix.236.433"),
        ("doi: 10.1145/170035.170072.", "10.1145/170035.170072"),
        ("doi:10.1145/170035.170072.", "10.1145/170035.170072"),
        ("10.1016/s0098-1354(00)00321-6", "10.1016/s0098-1354(00)00321-6"),
        ("11.1016/x", None),
        ("10.1/x", None),
        ("10.1016/", None),
        ("", None),
    ],
)
def test_the_first_doi_is_taken_without_what_stands_around_it(text: str, doi: str | None) -> None:
    assert doi_of(text) == doi


@given(st.text(max_size=60))
def test_no_text_is_an_exception_and_what_is_read_once_is_read_again(text: str) -> None:
    for found in (arxiv_id(text), arxiv_reference(text)):
        assert found is None or arxiv_id(found.id) == (found.id, None)
    doi = doi_of(text)
    assert doi is None or doi_of(doi) == doi
