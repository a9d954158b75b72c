"""Semantic Scholar: what its bulk search finds for words, by day of publication. It has no daily lists."""

import json
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from service.errors import InputError
from service.sources.fetch.answers import records_of, sound_answer
from service.sources.fetch.client import Body, PoliteClient, Service
from service.sources.fetch.wanted import Memory, Page, Wanted

SERVICE = Service("Semantic Scholar", frozenset(("api.semanticscholar.org",)), 1.1)
_SEARCH = "https://api.semanticscholar.org/graph/v1/paper/search/bulk?"
_FIELDS = "externalIds,title,abstract,year,publicationDate,authors,url"


def pages(client: PoliteClient, wanted: Wanted, memory: Memory) -> Iterator[Page]:
    """What a search finds, in pages that a token joins.

    Raises:
        InputError: there are no words to search for.
        FetchError: the service cannot be reached or refuses.
    """
    if not wanted.query:
        raise InputError("Semantic Scholar has no daily lists: name words to search for with --query")
    asked = {"query": wanted.query, "fields": _FIELDS, "sort": "publicationDate:desc"}
    if wanted.since or wanted.until:
        first, last = wanted.range()
        asked["publicationDateOrYear"] = f"{first}:{last}"
    if wanted.categories:
        asked["fieldsOfStudy"] = ",".join(wanted.categories)
    name = f"fetch token s2 {urlencode(asked)}"
    token = memory.get(name)
    found = 0
    while found < wanted.most:
        place = f"Semantic Scholar, {wanted.query}, {found} papers before"
        query = urlencode(asked | ({"token": token} if token else {}))
        body, records = sound_answer(
            partial(client.get, _SEARCH + query, conditional=False), partial(records_of, format_name="s2"), place
        )
        records = records[: wanted.most - found]
        found += len(records)
        token = _token_of(body)
        is_last = not token or not records or found >= wanted.most
        yield Page(records, partial(memory.delete, name) if is_last else partial(memory.put, name, token), place)
        if is_last:
            return


def _token_of(body: Body) -> str:
    """The token of the next page: an answer was read as JSON before, and is bounded."""
    try:
        document = json.loads(body.content)
    except (ValueError, RecursionError):
        return ""
    token = document.get("token") if isinstance(document, dict) else None
    return token if isinstance(token, str) and len(token) < 1_000 else ""
