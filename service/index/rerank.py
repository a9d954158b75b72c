"""New scores for the first papers of a ranking, from what a cross-encoder says about them.

A cross-encoder reads the question and a paper together, which is too slow for more than the first papers. It knows
nothing of what the rank score weighs besides (words that must occur, the sentence that is nearest), so the two are
mixed and none replaces the other.
"""

import math
from collections.abc import Sequence

RERANKED = 50
"""Papers that the cross-encoder reads."""
SHARE = 0.5
"""Of its probability in the new score; the rest is the old score's. Not tuned: there is no model to tune it for."""


def probability(logit: float) -> float:
    """The logistic of a logit: 0 to 1."""
    return 0.5 * (1.0 + math.tanh(logit / 2.0))


def rescored(scores: Sequence[float], logits: Sequence[float], share: float = SHARE) -> list[float]:
    """New scores, 0 to 1, in the order of the old ones, which is no longer the order by score.

    Args:
        scores: rank scores of all papers, 0 to 1, best first.
        logits: what the cross-encoder gave the first of them; as many as it read.
        share: of the probability in the new score, 0 to 1.

    Returns:
        for the papers that were read, `(1 - share) * score + share * probability(logit)`; the others keep their
        order and their distances in proportion, and stand below all that were read.
    """
    read = len(logits)
    mixed = [
        (1.0 - share) * score + share * probability(logit)
        for score, logit in zip(scores[:read], logits, strict=True)
    ]  # fmt: skip
    if not mixed:
        return list(scores)
    highest = max(scores[read:], default=0.0)
    scale = min(1.0, min(mixed) / highest) if highest > 0 else 1.0
    return mixed + [score * scale for score in scores[read:]]
