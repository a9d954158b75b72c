"""arXiv: the newest list (RSS), the lists of given days (OAI-PMH), and searches (API).

A list of a day is what OAI-PMH gives for that day as far as it is new: records whose only version was submitted just
before. arXiv publishes on working days only, so that some days have no list. https://info.arxiv.org/help/api/tou.html
asks for one request in three seconds, over one connection.
"""

import io
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from service.errors import InputError
from service.sources.fetch.answers import records_of, sound_answer
from service.sources.fetch.client import Body, PoliteClient, Service
from service.sources.fetch.wanted import Memory, NotModifiedError, Page, Record, Wanted
from service.sources.xml_stream import xml_records
from service.types import Failure

SERVICE = Service("arXiv", frozenset(("rss.arxiv.org", "oaipmh.arxiv.org", "export.arxiv.org")), 3.0)
_RSS = "https://rss.arxiv.org/rss/"
_OAI = "https://oaipmh.arxiv.org/oai?"
_API = "https://export.arxiv.org/api/query?"
_ENTRIES_PER_PAGE = 100
# Archives that OAI-PMH has below the group "physics"; the others are groups of their own.
_PHYSICS = frozenset(
    ("astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th", "math-ph", "nlin", "nucl-ex", "nucl-th",
     "physics", "quant-ph")
)  # fmt: skip
_EXPIRED = "badResumptionToken"
# The API sometimes answers with an empty page in the middle of a search.
_EMPTY_TRIES = 3


def pages(client: PoliteClient, wanted: Wanted, memory: Memory) -> Iterator[Page]:
    """What is wanted: a search where there are words, else the lists of the days, else the newest list.

    Raises:
        InputError: no category was named.
        FetchError: the service cannot be reached or refuses.
    """
    if wanted.query:
        yield from _search(client, wanted, memory)
        return
    if not wanted.categories:
        raise InputError("arXiv has a list for each category: name one or more with --category, such as cs.CL")
    if wanted.since or wanted.until:
        for archive in sorted({_set_of(category) for category in wanted.categories}):
            yield from _harvest(client, wanted, archive, memory)
    else:
        yield from _newest(client, wanted)


def _newest(client: PoliteClient, wanted: Wanted) -> Iterator[Page]:
    url = _RSS + "+".join(wanted.categories)
    try:
        body, records = sound_answer(
            partial(client.get, url), partial(records_of, format_name="arxiv-rss"), "the newest list of arXiv"
        )
    except NotModifiedError:
        return
    yield Page(records, partial(client.keep, body), "the newest list of arXiv")


def _harvest(client: PoliteClient, wanted: Wanted, archive: str, memory: Memory) -> Iterator[Page]:
    """The papers of one archive that were listed in the range, in pages that a token joins."""
    first, last = wanted.range()
    start = {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": archive, "from": first, "until": last}
    name = f"fetch token {urlencode(start)}"
    token = memory.get(name)
    number = 0
    while True:
        number += 1
        place = f"arXiv {archive}, {first} to {last}, page {number}"
        query = urlencode({"verb": "ListRecords", "resumptionToken": token} if token else start)
        body, records = sound_answer(
            partial(client.get, _OAI + query, conditional=False), partial(records_of, format_name="arxiv-oai"), place
        )
        if token and any(isinstance(r, Failure) and _EXPIRED in r.reason for r in records):
            # Tokens live for a day: from the beginning then, where what is known already changes nothing.
            memory.delete(name)
            token, number = None, 0
            continue
        token = _token_of(body)
        kept = partial(memory.put, name, token) if token else partial(memory.delete, name)
        yield Page([r for r in records if _belongs(r, wanted)], kept, place)
        if not token:
            return


def _belongs(record: Record, wanted: Wanted) -> bool:
    """Whether a record is a failure, or a paper of the categories that was listed on the days."""
    if isinstance(record, Failure):
        return True
    first, last = wanted.range()
    return (
        record.listed is not None
        and first <= record.listed <= last
        and any(_is_in(own, category) for own in record.categories for category in wanted.categories)
    )


def _is_in(own: str, category: str) -> bool:
    """`cs.CL` is in `cs.CL` and in `cs`."""
    return own == category or own.startswith(f"{category}.")


def _set_of(category: str) -> str:
    archive = category.partition(".")[0]
    return f"physics:{archive}" if archive in _PHYSICS else archive


def _token_of(body: Body) -> str:
    found = xml_records(io.BytesIO(body.content), body.url, frozenset(("resumptionToken",)))
    return next(((token.text or "").strip() for token in found if isinstance(token, Element)), "")


def _search(client: PoliteClient, wanted: Wanted, memory: Memory) -> Iterator[Page]:
    """Papers that the API finds, newest first; days are those of submission, the API knows no others."""
    parts = [f"({wanted.query})" if wanted.categories or wanted.since or wanted.until else wanted.query]
    if wanted.categories:
        parts.append(f"({' OR '.join(f'cat:{category}' for category in wanted.categories)})")
    if wanted.since or wanted.until:
        first, last = wanted.range()
        parts.append(f"submittedDate:[{first:%Y%m%d}0000 TO {last:%Y%m%d}2359]")
    query = " AND ".join(parts)
    name = f"fetch offset {query}"
    start = int(memory.get(name) or 0)
    empty = 0
    while start < wanted.most:
        place = f"arXiv, {query}, from {start}"
        size = min(_ENTRIES_PER_PAGE, wanted.most - start)
        asked = {"search_query": query, "start": start, "max_results": size, "sortBy": "submittedDate"}
        body, records = sound_answer(
            partial(client.get, _API + urlencode(asked | {"sortOrder": "descending"}), conditional=False),
            partial(records_of, format_name="arxiv-atom"),
            place,
        )
        total = _total_of(body)
        if not records and start < total and empty < _EMPTY_TRIES:
            empty += 1
            continue
        start += len(records)
        is_last = not records or start >= min(total, wanted.most)
        yield Page(records, partial(memory.delete, name) if is_last else partial(memory.put, name, str(start)), place)
        if is_last:
            return


def _total_of(body: Body) -> int:
    found = xml_records(io.BytesIO(body.content), body.url, frozenset(("totalResults",)))
    text = next(((total.text or "").strip() for total in found if isinstance(total, Element)), "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
