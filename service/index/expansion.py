"""Query expansion: terms typical of what is near a question join its own.

Of many abstracts of others (`background.py`), or, where there are none for the embedder, of the catalog's best papers,
on which dense and lexical search agree: relevance model RM3 (Lavrenko & Croft 2001; Abdul-Jaleel et al. 2004).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

FEEDBACK_PAPERS = 5
_TERMS = 20
_WEIGHT = 0.5
BACKGROUND_SHARE = 0.7
"""Of the weights, for words of the background; the rest is the question's own."""
_COMMON = 0.2


def expand(
    question: Mapping[str, float],
    feedback: Sequence[tuple[float, Mapping[str, int]]],
    document_frequency: Callable[[str], int],
    documents: int,
) -> dict[str, float]:
    """Weights of the expanded question's terms; they sum to 1.

    Args:
        question: terms of the question with their weights.
        feedback: score and term counts of the best papers.
        document_frequency: number of papers that have a term.
        documents: number of papers.
    """
    total_score = sum(score for score, _ in feedback) or 1.0
    model: Counter[str] = Counter()
    frequency: dict[str, int] = {}
    for score, counts in feedback:
        length = sum(counts.values()) or 1
        for term, count in counts.items():
            if term not in frequency:
                frequency[term] = document_frequency(term)
            if 1 < frequency[term] < documents * _COMMON:
                rarity = math.log(documents / frequency[term])
                model[term] += score / total_score * count / length * rarity  # type: ignore[assignment]
    best = dict(sorted(model.items(), key=lambda item: (-item[1], item[0]))[:_TERMS])
    return joined(question, best, _WEIGHT)


def joined(question: Mapping[str, float], added: Mapping[str, float], share: float) -> dict[str, float]:
    """Both together with weights that sum to 1; `share` of them is what is added, if anything is."""
    weights = _scaled(question, 1 - share if added else 1.0)
    for term, weight in _scaled(added, share).items():
        weights[term] = weights.get(term, 0.0) + weight
    return weights


def _scaled(values: Mapping[str, float], total: float) -> dict[str, float]:
    whole = sum(values.values())
    return {term: total * value / whole for term, value in values.items()} if whole else {}
