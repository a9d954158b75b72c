"""The measures, under their names in the literature; each is a pure function of a ranking and its judgments."""

import math
from collections.abc import Collection, Mapping, Sequence


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """nDCG@k with the grade as gain (Järvelin & Kekäläinen 2002)."""
    ideal = sorted(grades.values(), reverse=True)[:k]
    return _dcg([grades.get(item, 0) for item in ranking[:k]]) / _dcg(ideal) if ideal else 0.0


def recall(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share of the relevant items among the first k."""
    return len(set(ranking[:k]) & set(relevant)) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], relevant: Collection[str]) -> float:
    """One over the rank of the first relevant item, 0 where there is none; its mean over questions is the MRR."""
    return next((1 / rank for rank, item in enumerate(ranking, start=1) if item in relevant), 0.0)


def recall_curve(ranking: Sequence[str], relevant: Collection[str], deepest: int) -> list[float]:
    """Recall at 1, 2, … `deepest`; no item stands twice in the ranking."""
    found, curve = 0, []
    for rank in range(deepest):
        found += rank < len(ranking) and ranking[rank] in relevant
        curve.append(found / len(relevant) if relevant else 0.0)
    return curve


def precision(found: Collection[str], relevant: Collection[str]) -> float:
    """Share of the found items that are relevant."""
    return len(set(found) & set(relevant)) / len(found) if found else 0.0


def f1(found: Collection[str], relevant: Collection[str]) -> float:
    """Harmonic mean of precision and recall of a set."""
    both = len(found) + len(relevant)
    return 2 * len(set(found) & set(relevant)) / both if both else 0.0


def balanced_accuracy(predicted: Sequence[bool], actual: Sequence[bool]) -> float | None:
    """Mean of the recalls of both classes; `None` where one class does not occur."""
    recalls = []
    for label in (True, False):
        chosen = [p == label for p, a in zip(predicted, actual, strict=True) if a == label]
        if not chosen:
            return None
        recalls.append(sum(chosen) / len(chosen))
    return sum(recalls) / 2


def roc_auc(scores: Sequence[float], actual: Sequence[bool]) -> float:
    """Chance that a positive has a higher score than a negative, ties half; 0.5 where one class does not occur."""
    ranks = _mean_ranks(scores)
    positive = [rank for rank, label in zip(ranks, actual, strict=True) if label]
    negatives = len(actual) - len(positive)
    if not positive or not negatives:
        return 0.5
    return (sum(positive) - len(positive) * (len(positive) + 1) / 2) / (len(positive) * negatives)


def _mean_ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 1, the lowest score first; equal scores share the mean of theirs."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def standard_error(values: Sequence[float]) -> float:
    """Standard error of the mean; 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1) / len(values))


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))
