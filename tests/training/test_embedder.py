"""What the embedder learns from its teacher: vectors and likenesses, from papers that are not kept for the exam."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")
pytest.importorskip("safetensors", reason="safetensors is not installed: pip install '.[training]'")

SUBJECTS = ["gradient", "protein", "auction", "speech", "lattice", "kernel", "robot", "tumor"]


def material(papers: int) -> Any:
    """Lessons whose teacher sees nothing but the subject of a text, each in a direction of its own, and some noise."""
    import torch

    from training.lessons import PASSAGES, QUESTIONS, Lessons

    torch.manual_seed(0)
    subjects = [3 * number % 7 for number in range(papers)]

    def seen(each: int) -> Any:
        clear = torch.eye(len(SUBJECTS), 768)[subjects].repeat_interleave(each, 0)
        return torch.nn.functional.normalize(clear + 0.01 * torch.randn(len(clear), 768), dim=1)

    passages = [f"The {SUBJECTS[s]} paper {n}, part {p}." for n, s in enumerate(subjects) for p in range(PASSAGES)]
    questions = [f"what about {SUBJECTS[s]} {k}?" for s in subjects for k in range(QUESTIONS)]
    return Lessons(passages, questions, seen(PASSAGES), seen(QUESTIONS))


def test_the_loss_is_nothing_at_the_targets_and_grows_with_the_distance() -> None:
    import torch

    from training.embedder import away

    torch.manual_seed(1)
    passages, questions, others = (torch.nn.functional.normalize(torch.randn(n, 8), dim=1) for n in (5, 7, 7))
    there = float(away(passages, questions, passages, questions))
    near = float(away(passages, torch.nn.functional.normalize(questions + 0.1 * others, dim=1), passages, questions))
    far = float(away(passages, others, passages, questions))
    assert abs(there) < 1e-4
    assert there < near < far


def test_gradients_reach_passages_and_questions() -> None:
    import torch

    from training.embedder import away

    torch.manual_seed(2)
    vectors = [torch.nn.functional.normalize(torch.randn(4, 8), dim=1) for _ in range(4)]
    for mine in vectors[:2]:
        mine.requires_grad_()
    away(*vectors).backward()
    assert all(mine.grad is not None and bool(mine.grad.any()) for mine in vectors[:2])


def test_texts_come_nearer_to_what_the_teacher_says_and_training_goes_on_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import embedder

    monkeypatch.setattr(embedder, "_EXAM", 10)
    monkeypatch.setattr(embedder, "_OF_A_TOPIC", 4)
    monkeypatch.setattr(embedder, "_WARM_UP", 2)
    lessons = material(40)
    training = embedder.Training(tmp_path, 8, lessons)
    before = training.exam()
    training.run()
    assert _cosines(training.exam()) > _cosines(before)

    again = embedder.Training(tmp_path, 10, lessons)
    assert again.done == 8
    assert again.exam() == training.exam()
    drawn = again._draw()
    assert drawn == training._draw()
    # The last ten papers are those of the exam.
    assert max(drawn.passages) < 60
    assert max(drawn.questions) < 180


def _cosines(exam: str) -> float:
    words = exam.split()
    return float(words[3]) + float(words[5])
