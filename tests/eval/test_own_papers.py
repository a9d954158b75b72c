"""Questions made from any catalog: what is asked with stands nowhere in what is searched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.own_papers import catalog_papers, drawn, sentence_corpus, title_corpus
from eval.retrieval import Plan, run
from eval.summaries import own_abstracts
from eval.writing import measure
from service.errors import EmptyCatalogError, InputError, PaperboyError
from service.library import Library
from service.settings import Settings
from service.text import title_key
from service.types import Paper
from tests.conftest import ROOT


def _paper(number: int, title: str = "", abstract: str = "") -> Paper:
    text = f"We study question number {number} of our field. Its answer is {number} in all cases known. It is useful."
    return Paper(paper_id=f"p{number}", title=title or f"The {number}th question", abstract=abstract or text)


PAPERS = [_paper(number) for number in range(30)]


def test_a_sentence_is_gone_from_its_paper_and_stands_in_no_other() -> None:
    corpus = sentence_corpus(PAPERS, 10, 0)
    assert len(corpus.tasks) == 10
    assert [paper.paper_id for paper in corpus.papers] == [paper.paper_id for paper in PAPERS]
    assert sum(new != old for new, old in zip(corpus.papers, PAPERS, strict=True)) == 10
    for task in corpus.tasks:
        assert all(task.text not in paper.abstract for paper in corpus.papers)
        original = next(paper for paper in PAPERS if paper.paper_id == task.paper_id)
        assert task.text in original.abstract


def test_sentences_that_two_papers_share_or_that_are_most_of_a_paper_are_not_asked() -> None:
    shared = [_paper(1), _paper(2, abstract=_paper(1).abstract), _paper(3, abstract="We do one thing only here. Yes.")]
    assert sentence_corpus(shared, 10, 0).tasks == []


def test_titles_are_gone_from_all_papers() -> None:
    corpus = title_corpus(PAPERS, 10, 0)
    assert len(corpus.tasks) == 10
    for task in corpus.tasks:
        assert all(title_key(task.text) not in title_key(f"{p.title} {p.abstract}") for p in corpus.papers)
    assert len({paper.title for paper in corpus.papers}) == len(PAPERS)


def test_a_title_that_two_papers_have_or_that_its_abstract_repeats_is_not_asked() -> None:
    papers = [_paper(1, "Twice"), _paper(2, "Twice"), _paper(3, "Of our field"), _paper(4)]
    assert [task.paper_id for task in title_corpus(papers, 10, 0).tasks] == ["p4"]


def test_the_draws_depend_on_the_seed_only() -> None:
    assert drawn(PAPERS, 5, 3) == drawn(PAPERS, 5, 3) != drawn(PAPERS, 5, 4)
    assert drawn(PAPERS, 50, 3) == PAPERS
    assert sentence_corpus(PAPERS, 5, 3) == sentence_corpus(PAPERS, 5, 3) != sentence_corpus(PAPERS, 5, 4)
    assert title_corpus(PAPERS, 5, 3).tasks != title_corpus(PAPERS, 5, 4).tasks


def test_a_home_without_papers_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(EmptyCatalogError, match="paperboy ingest PATH"):
        catalog_papers(Settings(home=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_a_catalog_is_measured_with_one_command(own_sample_home: Path, tmp_path: Path) -> None:
    before = (own_sample_home / "catalog.sqlite3").read_bytes()
    arguments = ["retrieval", "--home", str(own_sample_home), "--papers", "24", "--limit", "6", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["sets"] == ["sentences", "titles"]
    assert [(kind["kind"], kind["questions"]) for kind in found["kinds"]] == [("sentences", 6), ("titles", 6)]
    for kind in found["kinds"]:
        ours = kind["systems"][-1]
        assert ours["system"] == "Paperboy"
        assert ours["recall@20"]["mean"] >= 0.8
        assert ours["F1"] is None
    assert [Path(path).name for path in found["reports"]] == ["report.md", "report.html"]
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert (own_sample_home / "catalog.sqlite3").read_bytes() == before


def test_what_is_written_is_examined_on_the_papers_of_a_catalog(own_sample_home: Path, tmp_path: Path) -> None:
    draw = own_abstracts(Settings(home=own_sample_home))
    known = {paper.paper_id: paper for paper in catalog_papers(Settings(home=own_sample_home))}
    drawn_ones = draw(20, "summaries")
    assert len({one.id for one in drawn_ones}) == 20
    assert all(one.title == known[one.id].title for one in drawn_ones)
    assert draw(20, "summaries") == drawn_ones != draw(20, "bystanders")
    with Library.open(Settings(home=tmp_path / "home")) as library:
        result = measure(library, "extractive", draw, 4, 2, 0)
    assert [written.papers for written in result.written] == [4, 4]
    assert result.safe
    with (
        Library.open(Settings(home=tmp_path / "home")) as library,
        pytest.raises(InputError, match="4 to 16 sentences"),
    ):
        measure(library, "extractive", lambda _count, _salt: [], 4, 2, 0)


def test_another_embedder_leaves_the_baselines_as_they_are(own_sample_home: Path, tmp_path: Path) -> None:
    same = tmp_path / "tuned.gguf"
    same.symlink_to(ROOT / "models" / "all-MiniLM-L6-v2-Q8_0.gguf")
    plan = Plan(["titles"], tmp_path, Settings(home=own_sample_home), 4, 12, 0)
    stock = run(plan)
    other = run(plan._replace(settings=Settings(home=own_sample_home, embedder=str(same))))
    for first, second in zip(stock, other, strict=True):
        assert first.case == second.case
        for system in ("BM25", "chunks", "BM25 + chunks", "Paperboy"):
            assert first.curves[system].tolist() == second.curves[system].tolist()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--home", "nowhere", "eval", "retrieval"], "the catalog in nowhere has no papers to measure on"),
        (["eval", "retrieval", "--set", "trec"], "--set trec: known are development, own, sentences"),
        (["eval", "retrieval", "--set", "cacm"], "the data of the set cacm are not here: PAPERS_DATA must name"),
        (["eval", "retrieval", "--set", "own", "--work", "/dev/null/x"], "home directory /dev/null/x/sample cannot be"),
        (["eval", "retreival"], "No such command"),
    ],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERS_DATA", str(tmp_path / "no data"))
    command = [sys.executable, "-m", "service.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_checkout_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import doctor

    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "service" / "doctor.py"))
    with pytest.raises(PaperboyError, match="clone the repository, call `make setup-dev` in it"):
        doctor.run_evaluation(["retrieval"])


def test_a_folder_named_eval_where_one_stands_is_not_taken_for_the_evaluation(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "__main__.py").write_text("raise SystemExit('wrong')")
    command = [str(Path(sys.executable).with_name("paperboy")), "eval", "retrieval", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "sentences" in done.stdout
