"""The writer in torch is the model that ships, and a new one copies."""

from pathlib import Path
from typing import Any

import pytest

from eval.data import ROOT

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")

TRIAL = ROOT / "models" / "paperboy-writer-trial-f16.gguf"


def _repeated() -> tuple[Any, Any, Any]:
    """Random tokens twice in a row, their places, and what each sees."""
    torch.manual_seed(0)
    tokens = torch.randint(10, 8_000, (1, 60)).repeat(1, 2)
    return tokens, torch.arange(120)[None], torch.ones(120, 120, dtype=torch.bool).tril()[None, None]


def test_what_was_read_before_is_copied_before_anything_is_learned() -> None:
    from training.copying import copying
    from training.decoder import WRITER, read

    tokens, places, mask = _repeated()
    untrained, plain = copying(WRITER, 8_192, 1), copying(WRITER, 8_192, 1, plain=True)
    with torch.no_grad():
        for decoder, copies in ((untrained, True), (untrained.lowered(), True), (read(TRIAL), True), (plain, False)):
            said = decoder.logits(decoder(tokens, places, mask))[0].argmax(-1)
            right = (said[60:-1] == tokens[0, 61:]).float().mean()
            assert right > 0.9 if copies else right < 0.1


def test_logits_of_a_written_file_are_those_of_torch(tmp_path: Path) -> None:
    import llama_cpp
    import numpy as np

    from training.copying import copying
    from training.decoder import WRITER, write

    tokens, places, mask = _repeated()
    large = copying(WRITER, 8_192, 1)
    write(large, TRIAL, tmp_path / "large.gguf", "paperlm")
    with torch.no_grad():
        ours = large.logits(large(tokens, places, mask))[0].numpy()
    model = llama_cpp.Llama(str(tmp_path / "large.gguf"), n_ctx=256, logits_all=True, verbose=False)
    model.eval(tokens[0].tolist())
    theirs = np.array(model.scores[: len(ours)])
    model.close()
    centred = ours - ours.mean(1, keepdims=True) - theirs + theirs.mean(1, keepdims=True)
    assert np.abs(centred).max() < 0.1


def test_answers_of_a_group_do_not_see_each_other() -> None:
    from training.writer import sample, tokenizer_of
    from training.writer_tasks import Answer, Group

    answers = (Answer("Name the method.", ("We sort.",), True), Answer("Name the result.", ("It halves.",), True))
    found = sample(Group("paper", "Title: T\nAbstract: We sort. It halves.\n", answers), tokenizer_of(TRIAL))
    begins = (found.places[1:] < found.places[:-1]).nonzero().flatten() + 1
    second = int(begins[0])
    prefix = int(found.places[second])
    assert not found.mask[second:, prefix:second].any()
    assert found.mask[second:, :prefix].all()
    assert found.firsts.sum() == 0 or found.weights[found.firsts].min() > 1


def test_attention_and_its_gradients_are_those_of_plain_products() -> None:
    from training.decoder import HEAD, Attention

    torch.manual_seed(0)
    # Several blocks, the last not whole, and tokens that do not see all that is before them.
    tokens = 300
    seen = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    seen[200:, 100:200] = False
    query, key, value, outside = (torch.randn(1, 2, tokens, HEAD) for _ in range(4))
    query /= HEAD**0.5
    results = []
    for ours in (True, False):
        inputs = [part.clone().requires_grad_() for part in (query, key, value)]
        if ours:
            mixed = Attention.apply(*inputs, ~seen[None, None])
        else:
            scores = (inputs[0] @ inputs[1].transpose(2, 3)).masked_fill(~seen, -torch.inf)
            mixed = torch.softmax(scores, dim=-1) @ inputs[2]
        (mixed * outside).sum().backward()
        results.append([mixed.detach(), *(part.grad for part in inputs)])
    for found, expected in zip(*results, strict=True):
        assert torch.allclose(found, expected, atol=1e-4)
