"""The lexical index: what counts as one word, what is passed over, replacing, persistence, damage."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import IndexUnusableError
from service.index.lexical import Analyzer, Entry, LexicalIndex
from service.index.reading import read_question
from service.index.tokens import names, one_edit_away, plain

ANALYZER = Analyzer()


@pytest.fixture
def index(tmp_path: Path) -> LexicalIndex:
    return LexicalIndex(tmp_path / "lexical")


def fill(index: LexicalIndex, texts: Iterable[tuple[int, str]]) -> None:
    index.put(Entry(row, text) for row, text in texts)


def found(index: LexicalIndex, question: str, limit: int = 10) -> list[int]:
    terms = index.analyzer.query_terms(question)
    return [row for row, _ in index.search({term: float(count) for term, count in terms.items()}, limit)]


def read(index: LexicalIndex, question: str, limit: int = 10) -> list[int]:
    """Rows found for a question as search reads it; a word is written wrongly if it is not in the index."""
    terms = read_question(question, index, lambda _word: False).of(ANALYZER.query_terms(question))
    return [row for row, _ in index.search(terms, limit)]


def same(first: str, second: str) -> bool:
    """Whether a question with the one finds a text with the other."""
    return bool(set(ANALYZER.query_terms(first)) & set(ANALYZER.terms(second)))


# Words


@pytest.mark.parametrize(
    "written", ["pre-trained", "pretrained", "pre‐trained", "pre‑trained", "Pre-Trained", "pre trained"]
)
@pytest.mark.parametrize("asked", ["pre-trained", "pretrained", "PRETRAINED", "pre‑training", "pre trained"])
def test_a_compound_is_found_in_every_spelling_both_ways(index: LexicalIndex, written: str, asked: str) -> None:
    fill(index, [(1, f"We study {written} models."), (2, "We study something else.")])
    assert found(index, asked) == [1]


def test_a_part_of_a_compound_is_found(index: LexicalIndex) -> None:
    fill(index, [(1, "a parameter-efficient method"), (2, "another method")])
    assert found(index, "efficient") == found(index, "parameters") == found(index, "parameterefficient") == [1]


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("quantize", "quantized"),
        ("models", "model"),
        ("forgetting", "forget"),
        ("Retrieval", "RETRIEVAL"),
        ("naive", "naïve"),
        ("Émilie", "emilie"),
        ("GPT4Image", "gpt4image"),
        ("bleu 4", "BLEU-4"),
        ("kvquant", "KVQuant:"),
        ("snake", "snake_case"),
        ("漢字", "漢字"),
        ("datasets", "dataset"),
        ("dataset", "data set"),
        ("finetuning", "fine tuning"),
        ("multitask", "multi task"),
        ("alpha divergence", "\N{GREEK SMALL LETTER ALPHA}-divergence"),
        ("\N{GREEK SMALL LETTER ALPHA}-divergence", "alphadivergence"),
        ("β-VAE", r"$\beta$-VAE"),
        ("lambda", "λ = 0.5"),
        ("delta", "Δ"),
        ("epsilon", "\N{GREEK LUNATE EPSILON SYMBOL}-greedy"),
        ("λόγος", "Λόγος"),
    ],
)
def test_case_accents_endings_and_marks_make_no_other_word(asked: str, written: str) -> None:
    assert same(asked, written)


@pytest.mark.parametrize(
    ("asked", "written"), [("model", "modal"), ("GPT", "GPT4Image"), ("BERT", "RoBERTa"), ("2", "12")]
)
def test_other_words_are_not_found(asked: str, written: str) -> None:
    assert not same(asked, written)


def test_words_of_questions_are_not_searched_for() -> None:
    assert not ANALYZER.query_terms("What is the of and which how many are there?")
    assert set(ANALYZER.query_terms("which papers reduce the activation memory")) == set(
        ANALYZER.terms("papers reduce activation memory")
    )


def test_a_word_that_occurs_twice_in_a_question_counts_twice() -> None:
    assert ANALYZER.query_terms("memory memories adapter")[ANALYZER.terms("memory")[0]] == 2


def test_stop_words_of_a_text_are_kept_so_that_a_name_such_as_it_can_stand_in_it() -> None:
    assert len(ANALYZER.terms("It is the one")) == 4


@pytest.mark.parametrize("question", ["don't", "what's", "BERT's memory"])
def test_an_apostrophe_is_no_error(question: str) -> None:
    assert ANALYZER.query_terms(question) is not None


# Names


@pytest.mark.parametrize(
    ("text", "found_under"),
    [
        ("MEFT and LST", {"meft", "lst"}),
        ("B-PROP", {"bprop", "prop"}),
        ("GPT-4, GPT4, gpt-4", {"gpt4", "gpt"}),
        ("LoRA and QLoRA", {"lora", "qlora"}),
        ("LLMs and an LLM", {"llm"}),
        ("U-Net and UNet", {"unet"}),
        ("a CNN-based T5", {"cnn", "t5"}),
        ("Deep learning of well-known models is all you need", set()),
        ("k-means", set()),
    ],
)
def test_names_are_words_with_two_capitals_or_a_digit(text: str, found_under: set[str]) -> None:
    assert {name.exact for name in names(text)} == found_under


def test_a_name_asked_for_finds_the_name_and_not_words_that_look_alike(index: LexicalIndex) -> None:
    texts = ["CLIP is a model.", "We clip the gradients by clipping.", "PETS plan.", "Of pets, and a pet."]
    fill(index, enumerate(texts, start=1))
    assert (read(index, "CLIP"), read(index, "PETS")) == ([1], [3])
    assert set(read(index, "clip")) == {1, 2}


@pytest.mark.parametrize(
    ("asked", "rows"), [("B-PROP", [1]), ("PROP", [1, 2]), ("GPT-4", [3]), ("GPT4", [3]), ("MEFT", [5]), ("LoRA", [6])]
)
def test_a_compound_name_is_not_its_parts(index: LexicalIndex, asked: str, rows: list[int]) -> None:
    texts = ["B-PROP", "PROP with B of 4", "GPT-4", "GPT 4", "MEFT, a method", "LORA", "the left"]
    fill(index, enumerate(texts, start=1))
    assert sorted(read(index, asked)) == rows


def test_a_name_that_no_paper_has_is_read_as_words(index: LexicalIndex) -> None:
    fill(index, [(1, "prop of a house"), (2, "other")])
    assert read(index, "B-PROP") == [1]


def test_words_in_capitals_only_are_no_names(index: LexicalIndex) -> None:
    fill(index, [(1, "RETRIEVAL of text"), (2, "retrieval augmented generation")])
    assert read(index, "RETRIEVAL AUGMENTED GENERATION")[0] == 2


def test_other_words_of_a_question_with_a_name_are_kept(index: LexicalIndex) -> None:
    fill(index, [(1, "GPT-4"), (2, "4 bits"), (3, "quantized")])
    assert set(read(index, "GPT-4 quantized to 4 bits")) == {1, 2, 3}


# Typing errors


@pytest.mark.parametrize("typed", ["quantizaton", "quantizatiion", "quantizatoin", "wuantization", "quantizxtion"])
def test_one_typing_error_in_a_word_that_no_paper_has_is_forgiven(index: LexicalIndex, typed: str) -> None:
    fill(index, [(row, "quantization of models" if row < 5 else "other") for row in range(1, 9)])
    assert set(read(index, typed)) == {1, 2, 3, 4}


def test_short_and_common_words_and_words_of_english_are_not_corrected(index: LexicalIndex) -> None:
    fill(index, [(row, "gain lora setting" if row < 60 else "lord") for row in range(1, 63)])
    assert read(index, "lore") == []
    assert set(read(index, "lord")) == {60, 61, 62}
    terms = {"again": 1.0}
    assert read_question("again", index, lambda word: word == "again").of(terms) == terms


def test_a_rare_word_is_found_beside_the_common_one_that_may_have_been_meant(index: LexicalIndex) -> None:
    fill(index, [(row, "quantization" if row < 60 else "quantizaton") for row in range(1, 61)])
    assert read(index, "quantizaton")[0] == 60
    assert len(read(index, "quantizaton", 100)) == 60


@given(st.text("abcde", min_size=1, max_size=7))
def test_one_edit_away_goes_both_ways(word: str) -> None:
    for other in list(one_edit_away(word))[:50]:
        assert other != word
        assert not other or word in one_edit_away(other)


# The index


def test_a_rare_word_weighs_more_than_a_common_one(index: LexicalIndex) -> None:
    fill(index, ((row, "model adapter" if row == 3 else "model model") for row in range(1, 20)))
    assert found(index, "adapter model", 3)[0] == 3


def test_hits_come_best_first_and_no_more_than_asked_for(index: LexicalIndex) -> None:
    fill(index, ((row, "memory " * row + "other " * (12 - row)) for row in range(1, 12)))
    hits = index.search({"memori": 1.0}, 5)
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    assert [row for row, _ in hits] == [11, 10, 9, 8, 7]


def test_weights_decide_between_words(index: LexicalIndex) -> None:
    fill(index, [(1, "memory"), (2, "adapter"), (3, "other")])
    terms = {"memori": 1.0, "adapt": 3.0}
    assert [row for row, _ in index.search(terms, 9)] == [2, 1]
    assert [row for row, _ in index.search({"memori": 1.0, "adapt": 0.0}, 9)] == [1]


def test_a_text_that_is_put_again_replaces_the_old_one(index: LexicalIndex) -> None:
    fill(index, [(1, "alpha"), (2, "beta")])
    fill(index, [(1, "gamma")])
    assert (found(index, "alpha"), found(index, "beta"), found(index, "gamma")) == ([], [2], [1])
    assert (index.count(), index.rows()) == (2, {1, 2})


def test_of_two_texts_of_one_row_in_one_put_the_last_stays(index: LexicalIndex) -> None:
    fill(index, [(1, "alpha"), (1, "beta")])
    assert (found(index, "alpha"), found(index, "beta"), index.count()) == ([], [1], 1)


def test_an_empty_index_answers_with_nothing(index: LexicalIndex) -> None:
    assert (found(index, "alpha"), index.count(), index.rows(), index.document_frequency("alpha")) == ([], 0, set(), 0)
    fill(index, [])
    assert found(index, "alpha") == []


def test_no_terms_find_nothing(index: LexicalIndex) -> None:
    fill(index, [(1, "alpha")])
    assert index.search({}, 10) == []
    assert found(index, "unheard") == []


def test_the_number_of_texts_with_a_word_is_known(index: LexicalIndex) -> None:
    fill(index, [(1, "alpha alpha"), (2, "alpha beta"), (3, "")])
    assert (index.document_frequency("alpha"), index.document_frequency("beta")) == (2, 1)
    assert index.count() == 3


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    fill(LexicalIndex(tmp_path / "lexical"), [(7, "pre-trained models"), (8, "other")])
    again = LexicalIndex(tmp_path / "lexical")
    assert (found(again, "pretrained"), again.rows()) == ([7], {7, 8})
    fill(again, [(9, "pretrained")])
    assert sorted(found(again, "pre-trained")) == [7, 9]


def test_a_cleared_index_is_empty_and_can_be_filled_again(index: LexicalIndex) -> None:
    fill(index, [(1, "alpha")])
    index.clear()
    assert (found(index, "alpha"), index.count()) == ([], 0)
    fill(index, [(2, "alpha")])
    assert found(index, "alpha") == [2]


def test_an_index_of_another_version_is_not_used(tmp_path: Path) -> None:
    fill(LexicalIndex(tmp_path / "lexical"), [(1, "alpha")])
    (tmp_path / "lexical" / "version").unlink()
    with pytest.raises(IndexUnusableError, match="another version"):
        LexicalIndex(tmp_path / "lexical")


def removed(path: Path) -> None:
    path.unlink()


def overwritten(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(b"\xff" * size)


def half_zero(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 4].ljust(len(data) * 3 // 4, b"\0") + data[len(data) * 3 // 4 :])


@pytest.mark.parametrize(
    ("file", "damage"),
    [("meta.json", overwritten), ("*.idx", removed), ("*.pos", removed), ("*.term", overwritten), ("*.idx", half_zero)],
)
def test_a_damaged_index_is_a_named_error_that_says_what_to_do(
    tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    fill(LexicalIndex(tmp_path / "lexical"), ((row, f"alpha beta text{row}") for row in range(200)))
    (path,) = (tmp_path / "lexical").glob(file)
    damage(path)
    with pytest.raises(IndexUnusableError, match="paperboy reindex"):
        found(LexicalIndex(tmp_path / "lexical"), "alpha text7")


INJECTIONS = [
    '"', "'", '"unclosed phrase', "alpha AND", "NOT alpha", "NEAR(alpha beta)", "alpha*", "*", "-alpha", "+alpha",
    "row:1", "text:alpha^99", "(((", "[a TO b]", "{", "\\", "alpha~9", "?", "/.*/", "' OR 1=1 --", "\x00", "alpha:beta",
    "<|im_end|>", "${alpha}", "%s",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_in_the_form_of_a_query_language_is_text(index: LexicalIndex, text: str) -> None:
    fill(index, [(1, "alpha beta"), (2, text), (3, "nothing of it")])
    assert 3 not in found(index, text)
    assert index.count() == 3
    if "alpha" in text:
        assert 1 in found(index, text)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
@example("0-:")
@example("LoRA-: a name")
@settings(max_examples=100, deadline=None)
def test_no_text_is_an_error_for_the_analyzer(text: str) -> None:
    assert all(ANALYZER.terms(text))
    assert all(ANALYZER.query_terms(text))
    assert all(name.exact and 0 <= name.start < name.end <= len(plain(text)) for name in names(plain(text)))
