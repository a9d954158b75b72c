"""The claim check against human labels: balanced accuracy on each set of the development data."""

from collections import defaultdict
from typing import NamedTuple

from eval import metrics
from eval.data import read_lines
from service.checking import check_texts


class Agreement(NamedTuple):
    """How far the check agrees with the people who labelled a set."""

    set: str
    summaries: int
    faithful_share: float
    balanced_accuracy: float | None


def evaluate(limit: int | None = None) -> list[Agreement]:
    """Check every labelled summary, at most `limit` a set."""
    by_set: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for record in read_lines("faithfulness", "dev.jsonl.gz"):
        pairs = by_set[record["set"]]
        if limit is None or len(pairs) < limit:
            checked = check_texts(record["source"], record["summary"])
            pairs.append((checked.faithful, bool(record["faithful"])))
    results = []
    for name, pairs in sorted(by_set.items()):
        accuracy = metrics.balanced_accuracy([p for p, _ in pairs], [a for _, a in pairs])
        share = sum(actual for _, actual in pairs) / len(pairs)
        results.append(Agreement(name, len(pairs), round(share, 2), None if accuracy is None else round(accuracy, 3)))
    return results
