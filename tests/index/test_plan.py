"""Planning: what kind of question is asked, and which questions the catalog answers itself."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.index.plan import Plan, make_plan
from service.types import Filter

TODAY = date(2026, 11, 21)
"""A Saturday."""


def plan(question: str) -> Plan:
    return make_plan(question, TODAY)


LISTS = [
    "which papers reduce activation memory?",
    "Which methods compress pre-trained code models?",
    "What approaches exist for continual learning with pre-trained models?",
    "what techniques prevent catastrophic forgetting",
    "what do we have on retrieval-augmented generation?",
    "which of these are surveys or overviews?",
    "list papers on prompt tuning",
    "List all work about graph neural networks.",
    "show me papers about time series",
    "find articles on knowledge distillation",
    "give me studies on in-context learning",
    "papers on quantization below 4 bits",
    "are there any papers on protein language models?",
    "is there anything about audio generation?",
    "do any papers use spiking neural networks?",
    "who has worked on sparse fine-tuning?",
    "how can I run a large language model with no GPU at all?",
    "where can I find benchmarks for code generation?",
    "what has been done on prompt injection?",
    "which datasets for Norwegian exist?",
    "recommend papers on adapters",
    "any work on machine unlearning?",
    "which models are trained on tables?",
    "which papers compare LoRA with full fine-tuning?",
    "which papers were written on speech recognition?",
    "what is there on recognising point clouds?",
    "what can be done when the facts have changed since training?",
    "which methods were tried out on a real robot?",
    "can I combine several fine-tuned models into one?",
    "does it matter in which order a model sees its data?",
    "how easily can these models be fooled?",
]

FACTOIDS = [
    "by how much does MEFT cut activation memory?",
    "how many parameters does GLM-130B have?",
    "what is the budget of SOBertLarge?",
    "what accuracy does KVQuant reach at 3 bits?",
    "is dropout applied before or after normalization?",
    "does UniPT need back-propagation through the backbone?",
    "how does Point-PEFT work?",
    "why does class-incremental learning forget?",
    "what does the 2019 survey say about transfer learning?",
    "which dataset was MiniLM evaluated on?",
    "which datasets were used to train PanGu-alpha?",
    "what is the largest model in the GLM family?",
    "which three paragraph-level tasks are compared for pre-training a retriever?",
    "how many authors of fake reviews did the detector find?",
    "when is prompt tuning better suited?",
    "what is the first layer of MiniLM initialized with?",
    "what is the most common error of code models?",
    "which language model was used for MUSE?",
    "how often are the weights updated in DSEE?",
    "what was the latest checkpoint trained on?",
    "who won the WMT task?",
    "on which date were the tweets collected?",
    "in which year was the data of the benchmark collected?",
    "what number of comments does the dataset of toxic comments have?",
    "what does the least squares loss do?",
    "what share of parameters can BackSlash remove?",
    "what do LLMs need to pass an exam for running computer networks?",
    "which models were trained for GLM-130B?",
]

COMPARISONS = [
    "LoRA versus full fine-tuning: which needs less memory?",
    "LST vs. UniPT",
    "how does MEFT compare to LoRA?",
    "what is the difference between EMMA for driving and EMMA for images?",
    "is MMRL++ better than MMRL?",
    "does ERNIE 3.0 outperform GPT-3?",
    "how do KVQuant and RotateKV differ?",
    "compare prompt tuning and adapters",
    "is BERT larger than MiniLM?",
    "how do the BLEU-4 scores of BinT5 differ between source and stripped code?",
]


@pytest.mark.parametrize("question", LISTS)
def test_questions_that_want_every_paper_that_fits_are_lists(question: str) -> None:
    assert (plan(question).kind, plan(question).operation) == ("list", "retrieve")


@pytest.mark.parametrize("question", FACTOIDS)
def test_questions_that_want_one_fact_are_factoids(question: str) -> None:
    assert (plan(question).kind, plan(question).operation) == ("factoid", "retrieve")
    assert plan(question).condition == Filter()


@pytest.mark.parametrize("question", COMPARISONS)
def test_questions_that_weigh_things_against_each_other_are_comparisons(question: str) -> None:
    assert (plan(question).kind, plan(question).operation) == ("comparison", "retrieve")


ABOUT_ONE = [
    ("when was KVQuant published?", "when", "KVQuant"),
    ("When did the MiniLM paper come out?", "when", "MiniLM"),
    ("when was the paper on EMMA first posted?", "when", "EMMA"),
    ("on which date was MEFT submitted?", "when", "MEFT"),
    ("in which year was “Pointer Networks” published?", "when", "Pointer Networks"),
    ("what year was the original RAG paper released?", "when", "RAG"),
    ("how many authors does GLM-130B have?", "how_many_authors", "GLM-130B"),
    ("how many co-authors did PanGu-alpha have?", "how_many_authors", "PanGu-alpha"),
    ("how many authors wrote the KIND paper?", "how_many_authors", "KIND"),
    ("How many authors are there on ERNIE 3.0?", "how_many_authors", "ERNIE 3.0"),
    ("what is the publication date of KVQuant?", "when", "KVQuant"),
    ("who wrote KVQuant?", "who", "KVQuant"),
    ("Who are the authors of Point-PEFT?", "who", "Point-PEFT"),
    ("who is the first author of the MiniLM paper?", "who", "MiniLM"),
]


@pytest.mark.parametrize(("question", "operation", "subject"), ABOUT_ONE)
def test_questions_about_the_metadata_of_a_named_paper(question: str, operation: str, subject: str) -> None:
    assert (plan(question).kind, plan(question).operation, plan(question).subjects) == (
        "metadata",
        operation,
        (subject,),
    )


ABOUT_TWO = [
    ("was the original RAG paper listed before or after InstructRetro?", ("RAG", "InstructRetro")),
    ("was KVQuant published before RotateKV?", ("KVQuant", "RotateKV")),
    ("is MMRL older than MMRL++?", ("MMRL", "MMRL++")),
    ("did ERNIE 3.0 come out earlier than GLM-130B?", ("ERNIE 3.0", "GLM-130B")),
    ("which came first, MiniLM or ERNIE-Tiny?", ("MiniLM", "ERNIE-Tiny")),
    ("which paper was published first: PROP or B-PROP?", ("PROP", "B-PROP")),
    ("which is newer, LST or UniPT?", ("LST", "UniPT")),
]


@pytest.mark.parametrize(("question", "subjects"), ABOUT_TWO)
def test_questions_about_which_of_two_papers_came_first(question: str, subjects: tuple[str, str]) -> None:
    assert (plan(question).kind, plan(question).operation, plan(question).subjects) == (
        "metadata",
        "which_first",
        subjects,
    )


def days(since: str | None, until: str | None) -> Filter:
    return Filter(
        since=date.fromisoformat(since) if since else None, until=date.fromisoformat(until) if until else None
    )


SELECTIONS: list[tuple[str, dict[str, Any]]] = [
    ("what is the newest paper?", {"order": "newest", "limit": 1}),
    ("which paper is the most recent?", {"order": "newest", "limit": 1}),
    ("show me the five newest papers", {"order": "newest", "limit": 5}),
    ("the 3 latest papers, please", {"order": "newest", "limit": 3}),
    ("which papers were published most recently?", {"order": "newest", "limit": 0}),
    ("when was the newest paper published?", {"order": "newest", "limit": 1}),
    ("when was the last paper published?", {"order": "newest", "limit": 1}),
    ("who wrote the newest paper?", {"order": "newest", "limit": 1}),
    ("top 5 papers with the most authors", {"order": "most_authors", "limit": 5}),
    ("which papers were written by more than 100 authors in 2023?",
     {"min_authors": 101, "condition": days("2023-01-01", "2023-12-31")}),
    ("what is the oldest paper?", {"order": "oldest", "limit": 1}),
    ("what was the first paper?", {"order": "oldest", "limit": 1}),
    ("which paper was published first?", {"order": "oldest", "limit": 1}),
    ("which paper has the most authors?", {"order": "most_authors", "limit": 1}),
    ("which paper has the largest number of co-authors?", {"order": "most_authors", "limit": 1}),
    ("which paper has the fewest authors?", {"order": "fewest_authors", "limit": 1}),
    ("which paper has the most comments?", {"order": "most_comments", "limit": 1}),
    ("what is the most discussed paper?", {"order": "most_comments", "limit": 1}),
    ("which papers have more than 100 authors?", {"min_authors": 101}),
    ("papers with exactly 2 authors", {"min_authors": 2, "max_authors": 2}),
    ("papers by at most 3 authors", {"min_authors": 1, "max_authors": 3}),
    ("which papers have fewer than 3 authors?", {"min_authors": 1, "max_authors": 2}),
    ("which papers have at least 20 authors?", {"min_authors": 20}),
    ("what was published on 27 July 2023?", {"condition": days("2023-07-27", "2023-07-27")}),
    ("what came out last week?", {"condition": days("2026-11-09", "2026-11-15")}),
    ("which papers were published in 2019?", {"condition": days("2019-01-01", "2019-12-31")}),
    ("papers of March 2025", {"condition": days("2025-03-01", "2025-03-31")}),
    ("which papers appeared since 1 September 2025?", {"condition": days("2025-09-01", None)}),
    ("what is new today?", {"condition": days("2026-11-21", "2026-11-21")}),
    ("which papers were published yesterday?", {"condition": days("2026-11-20", "2026-11-20")}),
    ("what is the newest paper of 2023?", {"order": "newest", "condition": days("2023-01-01", "2023-12-31")}),
    ("which paper of 2024 has the most authors?",
     {"order": "most_authors", "condition": days("2024-01-01", "2024-12-31")}),
    ("what is the newest paper on prompt tuning?", {"order": "newest", "limit": 1, "topic": "prompt tuning"}),
    ("which paper about adapters has the most authors?", {"order": "most_authors", "topic": "adapters"}),
    ("the three oldest papers on knowledge distillation",
     {"order": "oldest", "limit": 3, "topic": "knowledge distillation"}),
    ("what is the newest paper on GPT-4?", {"order": "newest", "limit": 1, "topic": "GPT-4"}),
    ("the newest papers on one-shot learning", {"order": "newest", "limit": 0, "topic": "one-shot learning"}),
    ("what is the oldest paper on ERNIE 3.0?", {"order": "oldest", "limit": 1, "topic": "ERNIE 3.0"}),
    ("newest out-of-distribution paper", {"order": "newest", "limit": 1, "topic": "out-of-distribution"}),
    ("when was the first paper on LoRA published?", {"order": "oldest", "limit": 1, "topic": "LoRA"}),
    ("the last 5 papers", {"order": "newest", "limit": 5}),
    ("which is the most recent?", {"order": "newest", "limit": 1}),
    ("what's new?", {"order": "newest", "limit": 0}),
    ("any recent papers?", {"order": "newest", "limit": 0}),
    ("list all papers", {"order": "newest", "limit": 0}),
    ("top ten papers by number of authors", {"order": "most_authors", "limit": 10}),
    ("papers by two authors", {"min_authors": 2, "max_authors": 2}),
    ("which papers on LoRA have more than ten authors?", {"min_authors": 11, "topic": "LoRA"}),
    ("anything new this week?", {"condition": days("2026-11-16", "2026-11-21")}),
    ("today's papers", {"condition": days("2026-11-21", "2026-11-21")}),
    ("everything from July 2023", {"condition": days("2023-07-01", "2023-07-31")}),
    ("papers from March to May 2023", {"condition": days("2023-03-01", "2023-05-31")}),
    ("papers of 2020-2022", {"condition": days("2020-01-01", "2022-12-31")}),
]  # fmt: skip


@pytest.mark.parametrize(("question", "expected"), SELECTIONS, ids=[question for question, _ in SELECTIONS])
def test_questions_about_order_days_and_numbers_are_selections(question: str, expected: dict[str, Any]) -> None:
    made = plan(question)
    assert (made.kind, made.operation) == ("metadata", "select")
    assert {name: getattr(made, name) for name in expected} == expected
    if "topic" not in expected:
        assert made.topic == ""


COUNTS = [
    ("how many papers are there?", Filter()),
    ("how many papers do we have?", Filter()),
    ("How many papers were published in 2023?", days("2023-01-01", "2023-12-31")),
    ("how many papers came out before 2020?", days(None, "2019-12-31")),
    ("how many papers are from July 2023?", days("2023-07-01", "2023-07-31")),
    ("how many papers have more than 50 authors?", Filter()),
]


@pytest.mark.parametrize(("question", "condition"), COUNTS)
def test_questions_for_the_number_of_papers_are_counts(question: str, condition: Filter) -> None:
    assert (plan(question).kind, plan(question).operation, plan(question).condition) == ("metadata", "count", condition)


TOPICS_IN_TIME = [
    ("which papers on prompt tuning were published in 2023?", days("2023-01-01", "2023-12-31"), "prompt tuning"),
    ("papers about adapters since 2024", days("2024-01-01", None), "adapters"),
    ("what was published on quantization last year?", days("2025-01-01", "2025-12-31"), "quantization"),
    ("2023 papers on adapters", days("2023-01-01", "2023-12-31"), "adapters"),
    ("are there new papers on adapters this week?", days("2026-11-16", "2026-11-21"), "adapters"),
    ("papers on out-of-distribution data since 2023", days("2023-01-01", None), "out-of-distribution"),
    ("which papers between 2020 and 2022 study pruning?", days("2020-01-01", "2022-12-31"), "pruning"),
]


@pytest.mark.parametrize(("question", "condition", "word"), TOPICS_IN_TIME)
def test_a_subject_within_a_time_is_retrieved_within_that_time(question: str, condition: Filter, word: str) -> None:
    made = plan(question)
    assert (made.kind, made.operation, made.condition) == ("list", "retrieve", condition)
    assert word in made.topic
    assert "20" not in made.topic


YEARS_OF_SOMETHING_ELSE = [
    "which models in the 2019 survey use adapters?",
    "what does the 2019 survey say about transfer learning?",
    "which methods win on ImageNet 2012?",
    "what is the newest paper on contexts of 2048 tokens?",
    "which papers use a vocabulary of 2000 words?",
]


@pytest.mark.parametrize("question", YEARS_OF_SOMETHING_ELSE)
def test_a_number_that_is_not_the_year_of_the_papers_asked_for_restricts_nothing(question: str) -> None:
    assert plan(question).condition == Filter()


NOT_METADATA = [
    "is dropout applied before or after normalization?",
    "is layer normalization placed earlier than attention in Peri-LN?",
    "which comes first in the pipeline, pruning or quantization?",
    "does the model see the question before or after the document?",
    "when was the tokenizer trained?",
    "when did models begin to fail on long inputs?",
    "who are the annotators of the dataset?",
    "what is the most recent token weighted with?",
    "which method needs the fewest parameters?",
    "what is the first stage of training?",
    "how many papers does the S2ORC corpus contain?",
    "how many authors are simulated in the authorship benchmark?",
    "is the oldest memory dropped from the cache?",
    "what does the newest version of ERNIE add?",
    "which models have more than 100 billion parameters?",
    "which papers use comments in code?",
    "which dataset has the most comments?",
    "what is the most discussed problem of transformers?",
    "what do most authors assume about priors?",
    "what is the earliest layer that the paper prunes?",
    "which ERNIE version is the latest?",
    "what are the latest advances in prompt tuning?",
    "what is the first paper to use adapters?",
    "is the instruction listed before or after the examples?",
    "who wrote papers on adapters?",
    "which papers predict the number of authors of a text?",
]


@pytest.mark.parametrize("question", NOT_METADATA)
def test_questions_that_only_sound_like_metadata_are_retrieved(question: str) -> None:
    assert plan(question).kind != "metadata"
    assert plan(question).operation == "retrieve"


@pytest.mark.parametrize(
    "question",
    ["what was published on 31 February 2023?", "papers of 2023-02-30", "which papers came out on 31 April 2024?"],
)
def test_a_day_that_does_not_exist_is_refused(question: str) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        plan(question)


def test_letter_case_marks_and_spaces_make_no_other_plan() -> None:
    for question, _ in SELECTIONS[:5]:
        assert plan(f"  {question.upper().rstrip('?')}  ??").model_dump() == plan(question).model_dump()


@given(st.text(max_size=100))
def test_any_question_has_a_plan_or_a_day_that_does_not_exist(question: str) -> None:
    try:
        made = plan(question)
    except ValueError as error:
        assert "does not exist" in str(error)  # noqa: PT017 - most texts raise nothing
        return
    assert made.operation == "retrieve" or made.kind == "metadata"
    assert made.topic or made.kind == "metadata" or not question


METADATA_WORDS = [
    "which", "what", "papers", "newest", "oldest", "most", "authors", "5", "10", "more", "than", "fewest", "in", "2023",
    "July", "on", "before", "after", "or", "and", "KVQuant", "was", "published", "when", "who", "wrote", "how", "many",
    "since", "last", "week", "today",
]  # fmt: skip


@given(st.lists(st.sampled_from(METADATA_WORDS), max_size=12))
def test_no_order_of_the_words_of_metadata_is_an_error(words: list[str]) -> None:
    made = plan(" ".join(words))
    assert made.limit >= 0
    assert made.max_authors == 0 or made.max_authors >= made.min_authors or made.min_authors == 1
