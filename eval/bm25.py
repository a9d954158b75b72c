"""BM25 as textbooks have it: a baseline that stays as it is when Paperboy's own lexical index gets better."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping

import tantivy

_K1, _B = 1.2, 0.75


class WordIndex:
    """Scores texts by the words of a question (Robertson & Zaragoza 2009)."""

    def __init__(self, texts: Mapping[int, str]) -> None:
        """Index texts by row number: lower case, no accents, no English stop words, English stems."""
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"[\p{L}\p{N}]+"))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.ascii_fold())
            .filter(tantivy.Filter.stopword("english"))
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._postings: dict[str, dict[int, float]] = defaultdict(dict)
        terms = {row: self._analyzer.analyze(text) for row, text in texts.items()}
        average = sum(map(len, terms.values())) / max(1, len(terms))
        for row, found in terms.items():
            norm = _K1 * (1 - _B + _B * len(found) / (average or 1))
            for term, count in Counter(found).items():
                self._postings[term][row] = count * (_K1 + 1) / (count + norm)
        self._texts = len(terms)

    def scores(self, question: str) -> dict[int, float]:
        """Scores by row number of the texts that have a word of the question."""
        total: dict[int, float] = defaultdict(float)
        for term, count in Counter(self._analyzer.analyze(question)).items():
            found = self._postings.get(term, {})
            weight = count * math.log(1 + (self._texts - len(found) + 0.5) / (len(found) + 0.5))
            for row, part in found.items():
                total[row] += weight * part
        return dict(total)
