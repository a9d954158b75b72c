"""The command line and its JSON, as scripts rely on them: run as processes over the sample pages."""

import json
from pathlib import Path

import pytest

from service.sources import FORMATS
from tests.command_line import one_clear_line, paperboy
from tests.conftest import SAMPLE_PAGES

CLAIM_KEYS = {"text", "verdict", "citations", "quotes"}
ACTIVATION_PAPERS = ("MEFT", "S2A", "LST", "UniPT", "SHERL", "KVQuant", "RotateKV")
ACTIVATION_TITLES = {
    "MEFT": "Make Pre-trained Model Reversible",
    "S2A": "S2A:",
    "LST": "LST:",
    "UniPT": "UniPT:",
    "SHERL": "SHERL:",
    "KVQuant": "KVQuant:",
    "RotateKV": "RotateKV:",
}


@pytest.fixture(scope="module")
def home(sample_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    copy = tmp_path_factory.mktemp("contract") / "home"
    shutil.copytree(sample_home, copy)
    return copy


def test_ingest_reports_the_counts_of_the_contract_and_changes_nothing_the_second_time(home: Path) -> None:
    done = paperboy(home, "ingest", SAMPLE_PAGES, "--json")
    assert done.status == 0
    document = done.document
    assert set(document) == {"papers", "added", "updated", "unchanged", "duplicates", "failures", "seconds"}
    counts = {name: document[name] for name in ("papers", "added", "updated", "unchanged", "duplicates", "failures")}
    assert counts == {
        "papers": 426, "added": 0, "updated": 0, "unchanged": 426, "duplicates": 99, "failures": [],
    }  # fmt: skip


def test_search_gives_one_hit_per_paper_best_first_with_a_quote_of_it(home: Path) -> None:
    done = paperboy(home, "search", "activation memory", "-k", "5", "--json")
    hits = done.document["hits"]
    assert done.document["query"] == "activation memory"
    assert [set(hit) for hit in hits] == [{"paper_id", "title", "published", "score", "quote"}] * 5
    assert len({hit["paper_id"] for hit in hits}) == 5
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_search_keeps_to_the_days_it_is_given(home: Path) -> None:
    hits = paperboy(home, "search", "pre-trained models", "--day", "2023-07-27", "--json").document["hits"]
    assert {hit["published"] for hit in hits} == {"2023-07-27"}
    assert len(hits) == 3


def test_ask_lists_at_least_four_of_the_papers_that_reduce_activation_memory_each_with_its_reason(home: Path) -> None:
    done = paperboy(home, "ask", "which papers reduce activation memory?", "--json")
    document = done.document
    assert set(document) == {"question", "text", "abstained", "kind", "claims", "papers", "provenance"}
    assert document["kind"] == "list"
    titles = [paper["title"] for paper in document["papers"]]
    found = [name for name in ACTIVATION_PAPERS if any(t.startswith(ACTIVATION_TITLES[name]) for t in titles)]
    assert len(found) >= 4, titles
    assert [paper["marker"] for paper in document["papers"]] == list(range(1, len(titles) + 1))
    assert all(set(claim) == CLAIM_KEYS for claim in document["claims"])
    cited = {marker for claim in document["claims"] for marker in claim["citations"]}
    assert cited == {paper["marker"] for paper in document["papers"]}


def test_summarize_takes_an_id_a_title_and_stdin(home: Path) -> None:
    by_title = paperboy(home, "summarize", "kvquant", "--json").document
    assert set(by_title) == {"paper_id", "title", "text", "claims", "provenance"}
    by_id = paperboy(home, "summarize", by_title["paper_id"], "--json").document
    assert by_id["text"] == by_title["text"]
    abstract = "Language models are slow. We propose Quick, a method that makes them twice as fast. It is simple."
    from_stdin = paperboy(home, "summarize", "-", "--json", stdin=abstract).document
    assert from_stdin["text"] == "We propose Quick, a method that makes them twice as fast."


def test_digest_of_a_day_is_json_markdown_html_and_atom(home: Path, tmp_path: Path) -> None:
    document = paperboy(home, "digest", "2023-07-27", "--json").document
    assert set(document) == {"day", "papers", "summaries", "failures"}
    assert (document["day"], document["papers"], len(document["summaries"])) == ("2023-07-27", 3, 3)
    for form, beginning in (("md", "# Papers of 2023-07-27"), ("html", "<!doctype html>"), ("atom", "<?xml")):
        out = tmp_path / f"digest.{form}"
        assert paperboy(home, "digest", "2023-07-27", "--format", form, "--out", out).status == 0
        assert out.read_text().startswith(beginning)
    assert paperboy(home, "digest", "2023-07-27", "--format", "json").document == document


def test_latest_is_the_newest_day_with_papers(home: Path) -> None:
    assert paperboy(home, "digest", "latest", "--json").document["day"] == "2025-09-20"


def test_verify_says_which_claim_does_not_hold(home: Path, tmp_path: Path) -> None:
    source, summary = tmp_path / "source.txt", tmp_path / "summary.txt"
    source.write_text("MEFT cuts activation memory by 84% on GLUE. It needs no additional pre-training.")
    summary.write_text("MEFT cuts activation memory by 94% on GLUE.")
    document = paperboy(home, "verify", "--source", source, "--summary", summary, "--json").document
    assert document["faithful"] is False
    assert 0 <= document["score"] <= 1
    assert "94" in document["claims"][0]["reason"]


def test_batches_give_one_line_per_line_in_order_and_go_on_after_a_bad_one(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text(
        '{"id": "a", "question": "which papers reduce activation memory?"}\n'
        "no json\n"
        '{"id": "c", "question": "what is the newest paper?"}\n'
    )
    done = paperboy(home, "ask", "--batch", file)
    assert done.status == 1
    assert [line["id"] for line in done.lines] == ["a", None, "c"]
    assert "error" in done.lines[1]
    assert done.lines[2]["kind"] == "metadata"


def test_batches_exist_for_search_summarize_and_verify(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text(json.dumps({"id": 1, "question": "sparse fine-tuning"}))
    assert paperboy(home, "search", "--batch", file).lines[0]["hits"]
    file.write_text(
        json.dumps({"id": 2, "title": "Quick", "abstract": "It was slow. We propose Quick, which is fast."})
    )
    assert paperboy(home, "summarize", "--batch", file).lines[0]["text"] == "We propose Quick, which is fast."
    file.write_text(json.dumps({"id": 3, "source": "Quick is fast.", "summary": "Quick is fast."}))
    assert paperboy(home, "verify", "--batch", file).lines[0]["faithful"] is True


def test_json_goes_before_the_command_too(home: Path) -> None:
    assert paperboy(home, "--json", "digest", "latest").document["papers"] == 1


def test_an_unknown_option_is_one_clear_line(home: Path) -> None:
    assert "--nonsense" in one_clear_line(paperboy(home, "search", "x", "--nonsense"))


def test_the_help_of_ingest_names_every_format_and_an_unknown_one_lists_them(tmp_path: Path) -> None:
    # Lines are broken at hyphens too.
    text = "".join(paperboy(tmp_path, "ingest", "--help").out.split())
    refused = one_clear_line(paperboy(tmp_path, "ingest", tmp_path, "--format", "docx"))
    for name in FORMATS:
        assert name in text
        assert f" {name}" in refused
