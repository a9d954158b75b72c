"""The OpenAI-compatible routes, through a client that has nothing of OpenAI's own: Hugging Face's."""

from collections.abc import Iterator

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from tests.web.serving import QUESTION, Running

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]


@pytest.fixture
def client(served: Running) -> Iterator[InferenceClient]:
    with InferenceClient(base_url=f"http://127.0.0.1:{served.port}/v1", api_key="none") as made:
        yield made


def test_a_chat_is_answered_with_footnotes_and_citations(client: InferenceClient) -> None:
    made = client.chat_completion(MESSAGES, max_tokens=100, temperature=0.2)
    text = made.choices[0].message.content or ""
    assert "[1]" in text
    assert "Alpha: Reversible Adapters (https://example.org/alpha)" in text
    assert made.choices[0].finish_reason == "stop"
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens > 0
    quotes = [quote for item in made["citations"] for quote in item["quotes"]]
    assert quotes
    assert all(quote in text for quote in quotes)


def test_a_chat_is_streamed_and_ends_with_its_footnotes(client: InferenceClient) -> None:
    whole = client.chat_completion(MESSAGES).choices[0].message.content or ""
    chunks = list(client.chat_completion(MESSAGES, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text.split() == whole.split()
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert [item["marker"] for item in chunks[-1]["citations"]] == [1, 2]


def test_a_chat_without_a_question_is_refused_with_the_reason(client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        client.chat_completion(MESSAGES[:1])
    assert refused.value.response.status_code == 422
    assert "no message of the user has a question" in refused.value.response.text
