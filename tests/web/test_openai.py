"""The OpenAI-compatible routes, through OpenAI's own client."""

from collections.abc import Iterator

import numpy as np
import openai
import pytest

from tests.web.serving import QUESTION, Running


@pytest.fixture
def client(served: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{served.port}/v1", api_key="none", max_retries=0) as made:
        yield made


def test_a_chat_is_answered_over_the_catalog_with_footnotes_and_citations(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="paperboy",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": QUESTION},
        ],
        temperature=0.2,
    )
    text = made.choices[0].message.content or ""
    assert "[1]" in text
    assert "Alpha: Reversible Adapters (https://example.org/alpha)" in text
    assert made.choices[0].finish_reason == "stop"
    assert made.usage is not None
    assert made.usage.total_tokens > 0
    assert made.model_extra is not None
    found = {item["paper_id"]: item for item in made.model_extra["citations"]}
    assert all(quote in text for item in found.values() for quote in item["quotes"])
    assert "alpha" in found


def test_a_chat_is_streamed(client: openai.OpenAI) -> None:
    message: openai.types.chat.ChatCompletionUserMessageParam = {
        "role": "user",
        "content": [{"type": "text", "text": QUESTION}],
    }
    whole = client.chat.completions.create(model="paperboy", messages=[message])
    stream = client.chat.completions.create(
        model="paperboy", messages=[message], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.split() == (whole.choices[0].message.content or "").split()
    last = chunks[-2]
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra is not None
    assert last.model_extra["citations"]
    assert chunks[-1].usage is not None


def test_what_cannot_be_answered_says_so_without_footnotes(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="paperboy", messages=[{"role": "user", "content": "how do bees navigate in winter?"}]
    )
    assert "None of the 3 papers answers this" in (made.choices[0].message.content or "")
    assert made.model_extra is not None
    assert made.model_extra["citations"] == []


def test_a_chat_without_a_question_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model="paperboy", messages=[{"role": "system", "content": "Be brief."}])


def test_texts_are_embedded_as_unit_vectors(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="paperboy", input=["reversible adapters", "pictures of cats", "adapters"])
    vectors = np.array([item.embedding for item in made.data])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]
    plain = client.embeddings.create(model="paperboy", input="adapters", encoding_format="float")
    assert np.allclose(plain.data[0].embedding, vectors[2], atol=1e-6)
    assert plain.usage.prompt_tokens > 0


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert "paperboy" in [model.id for model in client.models.list()]
