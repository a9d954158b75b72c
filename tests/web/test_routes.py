"""The routes answer what the command line does, in the shapes that the OpenAPI document says."""

from typing import Any

import pytest
from pydantic import BaseModel

from service.web import documents
from service.web.metrics import Speed
from service.web.problems import Problem
from service.web.routes import corpus_map, digests, feeds, health, openai, papers, questions, summaries
from tests.web.serving import QUESTION, Running


def get(served: Running, path: str, shape: type[BaseModel]) -> Any:
    """The document of a route, which has exactly the fields of its shape."""
    response = served.client.get(path)
    assert response.status_code == 200, response.text
    shape.model_validate(response.json())
    return response.json()


def post(served: Running, path: str, body: Any, shape: type[BaseModel]) -> Any:
    response = served.post(path, body)
    assert response.status_code == 200, response.text
    shape.model_validate(response.json())
    return response.json()


def problem(response: Any, status: int, name: str) -> dict[str, Any]:
    """A problem document of that kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    Problem.model_validate(document)
    assert (document["status"], document["type"]) == (status, f"urn:paperboy:problem:{name}")
    return document


def test_papers_are_listed_a_page_at_a_time_and_filtered(served: Running) -> None:
    first = get(served, "/api/v1/papers?limit=2&order=oldest", documents.PapersShape)
    assert [paper["paper_id"] for paper in first["papers"]] == ["alpha", "beta/1"]
    assert first["total"] == 3
    rest = get(served, f"/api/v1/papers?limit=2&order=oldest&cursor={first['next']}", documents.PapersShape)
    assert [paper["paper_id"] for paper in rest["papers"]] == ["gamma"]
    assert rest["next"] is None
    found = get(served, "/api/v1/papers?category=cs.LG&since=2026-01-06", documents.PapersShape)
    assert [paper["paper_id"] for paper in found["papers"]] == ["gamma"]


def test_days_and_categories_are_counted(served: Running) -> None:
    days = get(served, "/api/v1/days", documents.DaysShape)["days"]
    assert days == [{"day": "2026-01-05", "papers": 1}, {"day": "2026-01-06", "papers": 2}]
    assert get(served, "/api/v1/days?until=2026-01-05", documents.DaysShape)["days"] == days[:1]
    categories = get(served, "/api/v1/categories", documents.CategoriesShape)["categories"]
    assert categories[0] == {"category": "cs.LG", "papers": 2}


def test_a_paper_is_shown_with_the_places_of_its_sentences_and_the_summaries_that_were_made(served: Running) -> None:
    made = post(served, "/api/v1/summaries", {"paper_id": "beta/1"}, documents.SummaryShape)
    paper = get(served, "/api/v1/papers/beta/1", documents.WholePaperShape)
    spans = [paper["abstract"][span["start"] : span["end"]] for span in paper["sentences"]]
    assert spans[1] == "We propose Beta, which draws cats from noise."
    assert paper["summaries"] == {"sentence": made["text"], "paragraph": None}


def test_a_search_gives_the_best_papers_with_their_sentences(served: Running) -> None:
    body = {"query": "activation memory", "k": 2, "categories": ["cs.CL"]}
    found = post(served, "/api/v1/search", body, documents.SearchShape)
    assert [hit["paper_id"] for hit in found["hits"]] == ["alpha"]
    assert "84%" in found["hits"][0]["quote"]


def test_titles_are_suggested_while_one_types(served: Running) -> None:
    assert post(served, "/api/v1/suggest", {"text": "gam"}, documents.SuggestShape)["titles"] == [
        "Gamma: Sparse Activations"
    ]


def test_an_answer_is_kept_with_what_was_retrieved_for_it(served: Running) -> None:
    answer = post(served, "/api/v1/ask", {"question": QUESTION}, documents.NumberedAnswer)
    kept = get(served, f"/api/v1/answers/{answer['id']}", documents.KeptAnswerShape)
    assert kept["answer"] | {"id": answer["id"]} == answer
    best = kept["retrieved"][0]
    assert best["paper_id"] in ("alpha", "gamma")
    assert {"activation", "memory"} <= set(best["terms"])
    assert best["cosine"] > 0.3
    assert "draws" not in [term for paper in kept["retrieved"] for term in paper["terms"]]
    newest = get(served, "/api/v1/answers?limit=1", documents.AnswersShape)
    assert newest["answers"][0]["question"] == QUESTION


def test_an_answer_about_dates_is_kept_too_without_cosines(served: Running) -> None:
    answer = post(served, "/api/v1/ask", {"question": "what is the newest paper?"}, documents.NumberedAnswer)
    kept = get(served, f"/api/v1/answers/{answer['id']}", documents.KeptAnswerShape)
    assert [paper["cosine"] for paper in kept["retrieved"]] == [None] * len(answer["papers"])


def test_a_text_is_summarized_and_checked(served: Running) -> None:
    body = {"title": "Quick", "abstract": "It was slow. We propose Quick, which is 3 times as fast."}
    assert post(served, "/api/v1/summaries", body, documents.SummaryShape)["text"]
    bad = {"source": body["abstract"], "summary": "Quick is 4 times as fast."}
    checked = post(served, "/api/v1/verify", bad, documents.VerifyShape)
    assert not checked["faithful"]


def test_the_models_and_the_state_are_told(served: Running) -> None:
    assert get(served, "/api/v1/models", documents.ModelsShape)["models"]
    assert get(served, "/healthz", documents.HealthShape) == {"status": "alive"}
    assert get(served, "/readyz", documents.HealthShape) == {"status": "ready"}


def test_what_happens_is_counted(served: Running) -> None:
    def counted(name: str) -> float:
        lines = served.client.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = counted("paperboy_answers_total"), counted('paperboy_requests_total{method="POST",route="/api/v1/ask"')
    served.post("/api/v1/ask", {"question": "how do bees navigate in winter?"})
    after = counted("paperboy_answers_total"), counted('paperboy_requests_total{method="POST",route="/api/v1/ask"')
    assert after == (before[0] + 1, before[1] + 1)
    assert counted('paperboy_answers_total{abstained="true"}') >= 1
    assert counted('paperboy_tokens_total{kind="output"}') > 0
    assert "bees" not in served.client.get("/metrics").text


@pytest.mark.parametrize(
    "name",
    [
        'paperboy_requests_total{method="POST",route="/api/v1/ask",status="200"}',
        'paperboy_request_seconds_bucket{le="0.1",route="/api/v1/ask"}',
        "paperboy_waiting",
        "paperboy_under_way",
        'paperboy_tokens_total{kind="prompt"}',
        'paperboy_tokens_total{kind="output"}',
        "paperboy_tokens_per_second",
        'paperboy_texts_total{kept="true"}',
        'paperboy_texts_total{kept="false"}',
        'paperboy_answers_total{abstained="true"}',
        'paperboy_answers_total{abstained="false"}',
        'paperboy_claims_total{verdict="supported"}',
        'paperboy_claims_total{verdict="unsupported"}',
    ],
)
def test_each_figure_is_there_from_the_start(served: Running, name: str) -> None:
    for _ in range(2):
        served.post("/api/v1/ask", {"question": QUESTION})
    assert [line for line in served.client.get("/metrics").text.splitlines() if line.startswith(f"{name} ")]


def test_the_speed_is_that_of_the_last_minute() -> None:
    now = 0.0
    speed = Speed(lambda: now)
    assert speed() == 0
    speed.add(120)
    now = 30.0
    speed.add(60)
    assert speed() == 3
    now = 60.0
    assert speed() == 1
    now = 90.0
    assert speed() == 0


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("search", {}, "query"),
        ("search", {"query": "x" * 2_001}, "query"),
        ("search", {"query": "memory", "k": 0}, "k"),
        ("search", {"query": "memory", "grammar": "root ::= x"}, "grammar"),
        ("search", {"query": "the of"}, "no word to search for"),
        ("search", {"query": "memory", "day": "2026-02-30"}, "day"),
        ("search", {"query": "memory", "day": 0}, "day"),
        ("search", {"query": "memory", "since": "1767600000"}, "since"),
        ("digests", {"day": 1767600000}, "day"),
        ("search", {"query": "half a character \ud800"}, "query"),
        ("ask", {"question": " "}, "empty"),
        ("ask", {"question": "x", "mode": "grammar"}, "mode"),
        ("summaries", {"paper_id": "alpha", "abstract": "both"}, "either"),
        ("summaries", {}, "either"),
        ("digests", {}, "name a day"),
        ("digests", {"day": "2020-01-01"}, "no paper is from"),
        ("papers", {"papers": []}, "papers"),
        ("verify", {"source": "", "summary": "x"}, "source"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(served: Running, path: str, body: Any, said: str) -> None:
    document = problem(served.post(f"/api/v1/{path}", body), 422, "input")
    assert said in document["detail"]
    assert document["instance"] == f"/api/v1/{path}"


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"query": NaN}', b"null", b"[]"])
def test_a_body_that_is_no_object_is_refused(served: Running, body: bytes) -> None:
    response = served.client.post("/api/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    Problem.model_validate(response.json())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/papers/nobody", "paper-not-found"),
        ("/api/v1/answers/nobody", "answer-not-found"),
        ("/api/v1/digests/nobody", "digest-not-found"),
        ("/api/v1/nothing", "not-found"),
        ("/static/../app.py", "not-found"),
        ("/static/%2e%2e/app.py", "not-found"),
    ],
)
def test_what_is_not_there_is_a_problem_document(served: Running, path: str, name: str) -> None:
    problem(served.client.get(path), 404, name)


def test_a_method_that_a_route_does_not_have_is_a_problem_document(served: Running) -> None:
    problem(
        served.client.delete("/api/v1/days", headers={"Content-Type": "application/json"}), 405, "method-not-allowed"
    )


@pytest.mark.parametrize("path", ["/api/v1/days?until=0", "/api/v1/papers?day=1767600000"])
def test_a_number_is_no_day(served: Running, path: str) -> None:
    assert "day is expected" in problem(served.client.get(path), 422, "input")["detail"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/api/v1/digests", "GET, POST"), ("/api/v1/papers", "GET, POST"), ("/healthz", "GET"), ("/api/v1/ask", "POST")],
)
def test_a_refused_method_is_told_all_that_the_path_has(served: Running, path: str, allowed: str) -> None:
    for method in ("OPTIONS", "TRACE", "QUERY"):
        response = served.client.request(method, path)
        problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == allowed


@pytest.mark.parametrize("field", [{"stream": 0}, {"stream": True, "stream_options": {"include_usage": 1}}])
def test_a_number_is_no_switch(served: Running, field: dict[str, Any]) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION}], **field}
    problem(served.post("/v1/chat/completions", body), 422, "input")


def test_streams_and_texts_are_described_by_their_media_types(served: Running) -> None:
    paths = served.client.get("/openapi.json").json()["paths"]
    place = "/api/v1/digests/{job_id}"
    assert list(paths[f"{place}/events"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    texts = paths[f"{place}/document"]["get"]["responses"]["200"]["content"]
    assert {name.partition(";")[0] for name in texts} == {
        "text/markdown",
        "text/html",
        "application/json",
        "application/atom+xml",
        "text/plain",
    }


def test_every_route_is_described_with_an_example_of_all_that_it_answers(served: Running) -> None:
    document = served.client.get("/openapi.json").json()
    parts = (papers, questions, summaries, digests, corpus_map, feeds, health, openai)
    routes = {getattr(route, "path_format", "") for part in parts for route in part.router.routes}
    assert {path.replace(":path}", "}") for path in routes} == set(document["paths"])
    operations = [(path, method, op) for path, item in document["paths"].items() for method, op in item.items()]
    assert len(operations) >= 27
    for path, method, operation in operations:
        assert operation["description"], (path, method)
        status, answer = next(iter(operation["responses"].items()))
        assert status[0] == "2"
        assert answer["content"], (path, method)
        for media, content in answer["content"].items():
            assert content["example"], (path, method, media)
