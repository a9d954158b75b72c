"""The inputs that are led by branches: that what they begin with is sound, and that what is not sound is noticed."""

import pytest

from service.sources import FORMATS
from tests.sources.guided import check_of, seeds


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_what_the_inputs_are_made_from_is_read(name: str) -> None:
    check = check_of(name)
    for seed in seeds(name):
        check(seed)


def test_a_pdf_that_no_reader_takes_is_no_exception() -> None:
    check_of("pdf")(b"%PDF-1.7\n")


@pytest.mark.parametrize("name", ["ris", "pdf"])
def test_a_text_that_was_not_cleaned_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"service.sources.{name}.make_paper", lambda *_arguments, **_values: "no record")
    with pytest.raises(AttributeError):
        check_of(name)(seeds(name)[0])
