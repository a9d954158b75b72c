"""Vectors of titles, many made together: one by one they take most of the time of an extractive digest."""

from collections.abc import Sequence

from service.errors import InputError
from service.ports import Embedder, Vector


class TitleVectors:
    """Titles as questions are embedded; what was not prepared is made when it is asked for."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._prepared: dict[str, Vector] = {}

    def prepare(self, titles: Sequence[str]) -> None:
        """Make the vectors of titles together, and forget those that were prepared before."""
        wanted = sorted({title for title in titles if title})
        try:
            made = self._embedder.embed_passages([[title] for title in wanted])
        except InputError:
            # One that is longer than the window, of which only the beginning counts.
            made = []
        self._prepared = dict(zip(wanted, (found.whole for found in made), strict=False))

    def of(self, title: str) -> Vector:
        """The vector of a title."""
        found = self._prepared.get(title)
        return self._embedder.embed_query(title) if found is None else found
