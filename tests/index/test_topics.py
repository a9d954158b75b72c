import numpy as np
import pytest

from service.index.topic_names import name_groups
from service.index.topics import Topic, find_topics
from tests.index.test_projection import groups, unit_rows

SUBJECTS = ("speech recognition", "graph neural networks", "robot manipulation", "KV cache compression")


def text_on(subject: str, number: int) -> str:
    return (
        f"A study. We propose a novel method for {subject} (number {number}). Extensive experiments show that our "
        f"approach to {subject} outperforms prior methods. See https://github.com/example/{number}."
    )


def found(each: int = 12) -> tuple[list[Topic], list[str]]:
    vectors, labels = groups(len(SUBJECTS), each)
    texts = [text_on(SUBJECTS[label], number) for number, label in enumerate(labels)]
    return find_topics(vectors, texts, count=len(SUBJECTS)), texts


def test_each_topic_has_the_papers_of_one_subject_and_its_name() -> None:
    topics, texts = found()
    for topic in topics:
        (subject,) = {subject for subject in SUBJECTS for place in topic.members if subject in texts[place]}
        assert topic.terms[0] in subject
        assert "propose" not in topic.terms
        assert not any("github" in term or "experiments" in term for term in topic.terms)
    assert sorted(place for topic in topics for place in topic.members) == list(range(len(texts)))


def test_the_same_papers_give_the_same_topics() -> None:
    assert found() == found()


def test_topics_are_ordered_by_size_and_members_by_how_central_they_are() -> None:
    chance = np.random.default_rng(3)
    centres = chance.normal(size=(2, 30))
    vectors = unit_rows(np.repeat(centres, [5, 11], axis=0) + chance.normal(scale=0.4, size=(16, 30)))
    topics = find_topics(vectors, ["text"] * 16, count=2)
    assert [len(topic.members) for topic in topics] == [11, 5]
    apart = vectors - vectors.mean(axis=0)
    apart /= np.linalg.norm(apart, axis=1, keepdims=True)
    for topic in topics:
        members = list(topic.members)
        nearness = apart[members] @ apart[members].sum(axis=0)
        assert nearness.tolist() == sorted(nearness.tolist(), reverse=True)


@pytest.mark.parametrize(("papers", "topics"), [(0, 0), (1, 1), (2, 2), (30, 5), (400, 11), (2_000, 12)])
def test_the_number_of_topics_grows_slowly_with_the_papers(papers: int, topics: int) -> None:
    vectors = unit_rows(np.random.default_rng(papers).normal(size=(papers, 16)))
    assert len(find_topics(vectors, ["word"] * papers)) == topics


def test_papers_with_equal_vectors_make_no_empty_topic() -> None:
    vectors = unit_rows(np.ones((6, 4)))
    topics = find_topics(vectors, ["one text"] * 6, count=3)
    assert all(topic.members for topic in topics)
    assert sorted(place for topic in topics for place in topic.members) == list(range(6))


def test_a_pair_of_words_stands_for_a_word_that_is_mostly_part_of_it() -> None:
    texts = ["speech recognition"] * 6 + ["weather maps", "weather", "weather", "weather"]
    assert name_groups(texts, [range(6), range(6, 10)]) == [("speech recognition",), ("weather",)]


def test_spellings_of_one_stem_count_together_and_the_commonest_is_shown() -> None:
    texts = ["pruning"] * 3 + ["Pruned"] * 2 + ["speech"] * 5
    assert name_groups(texts, [range(5), range(5, 10)]) == [("pruning",), ("speech",)]


def test_a_group_without_terms_of_its_own_has_no_name() -> None:
    assert name_groups(["shared words"] * 4, [range(2), range(2, 4)]) == [(), ()]


def test_what_titles_speak_of_names_a_group_before_what_abstracts_say() -> None:
    texts = [f"On 3D scenes {number}\nAn underexplored matter of cameras." for number in range(6)]
    texts += [f"On spoken words {number}\nA matter of microphones." for number in range(6)]
    first, second = name_groups(texts, [range(6), range(6, 12)], most=1)
    assert (first, second) == (("3D scenes",), ("spoken words",))


def test_where_no_title_has_a_common_term_abstracts_name_the_group() -> None:
    texts = [f"{title}\nIt is about cameras." for title in ("Alpha", "Beta", "Gamma")]
    texts += [f"{title}\nIt is about voices." for title in ("Delta", "Epsilon", "Zeta")]
    assert name_groups(texts, [range(3), range(3, 6)]) == [("cameras",), ("voices",)]
