"""Claims made for training: edited sentences of abstracts and TLDRs, half of them faithful."""

import random
import re
from collections.abc import Iterator

from eval.data import data_folder, read_lines
from eval.edits import Base, Editor, Example
from eval.wordnet import wordnet
from training.abstracts import abstracts, to_train

_ABSTRACTS_OF_EDITOR = 8_000
_TLDR_SHARE = 0.2
_TLDR_COVERED = 0.6


def synthetic(count: int, seed: int) -> Iterator[Example]:
    """Edited sentences of abstracts listed before the hold-out, half of them faithful, and of SciTLDR's TLDRs."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    papers = to_train(abstracts())
    pool = [paper.sentences for paper in chance.sample(papers, min(_ABSTRACTS_OF_EDITOR, len(papers)))]
    editor = Editor(wordnet(), pool, seed)
    short = list(_tldrs())
    made = 0
    while made < count:
        if chance.random() < _TLDR_SHARE:
            base = chance.choice(short)
        else:
            paper = chance.choice(papers)
            base = Base(chance.choice(paper.sentences), paper.sentences)
        if not 5 <= len(base.claim.split()) <= 45:
            continue
        kind = chance.choice(sorted(editor.unfaithful))
        example = editor.edited(base, kind) if made % 2 else editor.faithful(base)
        if example is not None:
            made += 1
            yield example


def _tldrs() -> Iterator[Base]:
    """SciTLDR's TLDRs that the abstract bears by their words; without the papers of the labelled edits."""
    folder = data_folder()
    left_out = set((folder / "faithfulness" / "exclude_scitldr_ids.txt").read_text().split()) if folder else set()
    for record in read_lines("scitldr", "train.jsonl"):
        if record.get("paper_id", record.get("id")) in left_out:
            continue
        known = set(re.findall(r"\w+", " ".join(record["source"]).lower()))
        for text in record["target"]:
            words = re.findall(r"\w{4,}", text.lower())
            if words and sum(word in known for word in words) >= _TLDR_COVERED * len(words):
                yield Base(text, record["source"])
