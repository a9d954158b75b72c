"""What the embedder is trained for: the right abstract nearest, those that are nearly the same no wrong answers."""

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")


def test_the_loss_is_small_where_each_query_is_nearest_to_its_abstract() -> None:
    import torch

    from training.embedder import contrast

    apart = torch.eye(6)
    right = contrast(apart[:3], apart[:3], apart)
    wrong = contrast(apart[[1, 2, 0]], apart[:3], apart)
    assert float(right) < 0.01
    assert float(wrong) > 10


def test_an_abstract_of_an_earlier_batch_counts_as_a_wrong_answer() -> None:
    import torch

    from training.embedder import contrast

    apart = torch.eye(6)
    # Half way between its own abstract and one that was remembered.
    query = torch.nn.functional.normalize(apart[:1] + apart[5:6], dim=1)
    alone = contrast(query, apart[:1], apart[:1])
    beside = contrast(query, apart[:1], apart)
    assert float(beside) > float(alone) + 0.3


def test_an_abstract_about_the_same_is_no_wrong_answer() -> None:
    import torch

    from training.embedder import contrast

    first = torch.tensor([[1.0, 0.0, 0.0]])
    twin = torch.tensor([[0.8, 0.6, 0.0]])
    assert float(contrast(twin, first, torch.cat([first, twin]))) < 0.001


def test_making_all_abstracts_alike_does_not_pay() -> None:
    import torch

    from training.embedder import contrast

    same = torch.eye(1, 8).repeat(40, 1)
    assert float(contrast(same, same, same)) > 3


def test_gradients_reach_queries_and_abstracts_but_not_what_is_remembered() -> None:
    import torch

    from training.embedder import contrast

    torch.manual_seed(1)
    queries, documents, remembered = (
        torch.nn.functional.normalize(torch.randn(4, 8), dim=1).requires_grad_() for _ in range(3)
    )
    contrast(queries, documents, torch.cat([documents.detach(), remembered.detach()])).backward()
    assert queries.grad is not None
    assert bool(queries.grad.any())
    assert documents.grad is not None
    assert bool(documents.grad.any())
    assert remembered.grad is None
