"""The writer in torch is the model that ships, and a new one copies."""

import re
from pathlib import Path
from typing import Any

import pytest

from eval.data import ROOT
from eval.questions import sample_papers

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")
pytest.importorskip("gguf", reason="gguf is not installed: pip install '.[training]'")

TRIAL = ROOT / "models" / "paperboy-writer-trial-f16.gguf"


def _untrained(*, plain: bool = False) -> Any:
    from training.choosing import vocabulary
    from training.copying import copying
    from training.decoder import WRITER
    from training.hand import Text
    from training.writer import sample, tokenizer_of

    tokenizer, papers = tokenizer_of(TRIAL), sample_papers()
    known = vocabulary(tokenizer, (f"{paper.title} {paper.abstract}" for paper in papers))
    lines = []
    for place, paper in enumerate(papers[:6], start=1):
        tagged = [f"{text}. [{place}]" for text in paper.abstract.split(". ")[:3]]
        lines.append(f"[{place}] {paper.title}. [{place}] {' '.join(tagged)}")
    begin = " ".join(papers[3].abstract.split()[:5])
    read = sample(
        _asked(f"what is said about {' '.join(papers[3].abstract.split()[5:9])}?", begin, lines=lines), tokenizer
    )
    return copying(WRITER, known, Text(read.tokens, read.places, read.mask), 1, plain=plain)


LINES = [
    "[1] Protein folding by search. [1] Folding is slow. [1] Our robots bake bread in kitchens. [1]",
    "[2] Annealing of schedules. [2] We temper the annealing schedule of sparse kernels. [2]"
    " Experiments halve the error on speech. [2] Although auctions are planar, bidders lie. [2]",
    "[3] Optical lattices in space. [3] These telescopes see distant galaxies. [3]",
]


def _asked(question: str, *begins: str, lines: list[str] = LINES) -> Any:
    """A question about numbered papers, answered with the sentences that begin so."""
    from training.writer_tasks import Answer, Group

    pieces = []
    for begin in begins:
        found = ((text.strip(), line) for line in lines for text in re.split(r"\[\d+\]", line) if f" {begin} " in text)
        sentence, line = next(found)
        pieces += [sentence, line[: line.index("]") + 1]]
    return Group("question", f"Question: {question}\n" + "\n".join(lines), (Answer("", tuple(pieces), True),))


def _repeated() -> tuple[Any, Any, Any]:
    """The first token of a text and random ones twice in a row, their places, and what each sees."""
    from training.writer import tokenizer_of

    torch.manual_seed(0)
    first = torch.tensor([[tokenizer_of(TRIAL).token_to_id("<|bos|>")]])
    tokens = torch.cat([first, torch.randint(10, 8_000, (1, 60)).repeat(1, 2)], dim=1)
    return tokens, torch.arange(121)[None], torch.ones(121, 121, dtype=torch.bool).tril()[None, None]


def test_what_was_read_before_is_copied_before_anything_is_learned() -> None:
    from training.decoder import read

    tokens, places, mask = _repeated()
    untrained, plain = _untrained(), _untrained(plain=True)
    with torch.no_grad():
        for decoder, copies in ((untrained, True), (untrained.lowered(), True), (read(TRIAL), True), (plain, False)):
            said = decoder.logits(decoder(tokens, places, mask))[0].argmax(-1)
            right = (said[61:-1] == tokens[0, 62:]).float().mean()
            assert right > 0.9 if copies else right < 0.1


def test_the_sentence_with_the_rare_words_of_the_question_is_chosen_before_anything_is_learned() -> None:
    from training.writer import examine, tokenizer_of

    groups = [
        _asked("which papers are about sparse kernels and annealing?", "We"),
        _asked("what is said about the error on speech?", "Experiments"),
        _asked("how about auctions and bidders?", "Although"),
        _asked("bread in kitchens?", "Our"),
        _asked("by how much do telescopes see galaxies?", "These"),
        _asked("which robots bake?", "Our"),
    ]
    tokenizer = tokenizer_of(TRIAL)
    right, plain = (examine(_untrained(plain=plain), groups, tokenizer) for plain in (False, True))
    # By chance one of seven.
    assert right["question first"] > 0.8
    assert right["question marker"] == 1
    assert plain["question first"] < 0.2
    assert plain["question marker"] < 0.2


def test_every_passage_of_twelve_is_cited_by_its_number_before_anything_is_learned() -> None:
    from training.writer import examine, tokenizer_of

    subjects = "proteins kernels lattices auctions galaxies speech kitchens sparse annealing telescopes robots bidders"
    lines = [
        f"[{place}] Paper number {place}. [{place}] Study it on {subject} and {place + 40} {subject}. [{place}]"
        f" This takes {place + 20} hours of work in a laboratory, which is closed in summer. [{place}]"
        for place, subject in enumerate(subjects.split(), start=1)
    ]
    groups = [
        _asked(f"which papers are about {subject}?", f"on {subject}", lines=lines) for subject in subjects.split()
    ]
    found = examine(_untrained(), groups, tokenizer_of(TRIAL))
    assert found["question marker"] == 1


def test_logits_of_a_written_file_are_those_of_torch(tmp_path: Path) -> None:
    import llama_cpp
    import numpy as np

    from training.decoder import write

    tokens, places, mask = _repeated()
    large = _untrained()
    write(large, TRIAL, tmp_path / "large.gguf", "paperlm")
    with torch.no_grad():
        ours = large.logits(large(tokens, places, mask))[0].numpy()
    model = llama_cpp.Llama(str(tmp_path / "large.gguf"), n_ctx=256, logits_all=True, verbose=False)
    model.eval(tokens[0].tolist())
    theirs = np.array(model.scores[: len(ours)])
    model.close()
    centred = ours - ours.mean(1, keepdims=True) - theirs + theirs.mean(1, keepdims=True)
    # Sharp attention turns the rounding of half precision into more where two tokens score alike.
    assert np.abs(centred).mean() < 0.01
    assert np.abs(centred).max() < 1.0
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.98


def test_a_file_in_8_bits_says_the_same(tmp_path: Path) -> None:
    from training.decoder import read, write
    from training.writer import FAMILY, in_8_bits

    tokens, places, mask = _repeated()
    write(_untrained(), TRIAL, tmp_path / "exact.gguf", FAMILY)
    in_8_bits(tmp_path / "exact.gguf", tmp_path / "small.gguf")
    with torch.no_grad():
        exact, small = (
            decoder.logits(decoder(tokens, places, mask))[0, 61:].argmax(-1)
            for decoder in (read(tmp_path / "exact.gguf"), read(tmp_path / "small.gguf"))
        )
    assert (exact == small).float().mean() > 0.95
    assert (tmp_path / "small.gguf").stat().st_size < 0.6 * (tmp_path / "exact.gguf").stat().st_size


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
