"""Daily papers of Hugging Face: the list of each day, through `huggingface_hub`.

`HfApi.list_daily_papers` makes the request; the bytes come through our own client, which is polite, bounded and goes
nowhere else, and are read by the parser of files.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from itertools import count

import httpx2

from service.errors import FetchError
from service.sources.fetch.answers import records_of, sound_answer
from service.sources.fetch.client import Body, PoliteClient, Service
from service.sources.fetch.wanted import MissingError, NotModifiedError, Page, Wanted
from service.types import Paper

SERVICE = Service("Hugging Face", frozenset(("huggingface.co",)), 1.0)
_ENDPOINT = "https://huggingface.co"
_PATH = "/api/daily_papers"
_PAPERS_PER_PAGE = 100
# A list that is not there yet is refused as if it were never to be.
_LATE = timedelta(days=2)
_FULL = "full"


def pages(client: PoliteClient, wanted: Wanted) -> Iterator[Page]:
    """The lists of the days, the first day first; a day without papers has none.

    Raises:
        FetchError: the service cannot be reached or refuses.
    """
    for day in wanted.days():
        for number in count():
            place = f"Hugging Face, {day}, page {number + 1}"
            try:
                body, records = sound_answer(
                    partial(_body, client, day, number), partial(records_of, format_name="hf"), place
                )
            except NotModifiedError as error:
                if client.kept(str(error)).get(_FULL):
                    continue
                break
            except MissingError:
                if number or date.today() - day <= _LATE:
                    break
                raise
            listed = [r.model_copy(update={"listed": day}) if isinstance(r, Paper) else r for r in records]
            is_full = len(records) >= _PAPERS_PER_PAGE
            yield Page(listed, partial(client.keep, body, **({_FULL: "yes"} if is_full else {})), place)
            if not is_full:
                break


def _body(client: PoliteClient, day: date, number: int) -> Body:
    """The answer to `HfApi.list_daily_papers`."""
    from huggingface_hub import HfApi, set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    transport = _Capturing(client)
    set_client_factory(lambda: httpx2.Client(transport=transport))
    try:
        api = HfApi(endpoint=_ENDPOINT, token=False)
        # The records that it makes of the answer are not used; what it cannot read, the parser of files will list.
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            next(iter(api.list_daily_papers(date=day.isoformat(), p=number, limit=_PAPERS_PER_PAGE, token=False)), None)
    finally:
        set_client_factory(default_client_factory)
    if transport.body is None:
        raise FetchError("this huggingface_hub asks for no daily papers: install the version that is pinned")
    return transport.body


class _Capturing(httpx2.BaseTransport):
    """Answers the request for a list with what our own client fetches, and keeps it; the library gets nothing else."""

    def __init__(self, client: PoliteClient) -> None:
        self._client = client
        self.body: Body | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path != _PATH:
            return httpx2.Response(404, request=request)
        self.body = self._client.get(str(request.url))
        return httpx2.Response(200, content=self.body.content, request=request)
