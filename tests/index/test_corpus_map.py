from pathlib import Path

import numpy as np
import pytest

from service.index import corpus_map
from service.index.corpus_map import kept_map, map_source
from service.index.projection import neighbours_kept, principal_components, project
from service.library import Library
from tests.fakes import FakeEmbedder
from tests.index.small_home import opened


def test_every_paper_of_the_sample_is_a_point_with_a_topic(sample: Library, tmp_path: Path) -> None:
    made = kept_map(map_source(sample.workbench().stores), tmp_path / "map.json")
    assert made.papers == len(made.points) == 426
    assert len({point.paper_id for point in made.points}) == 426
    assert sum(topic.papers for topic in made.topics) == 426
    assert {point.topic for point in made.points} == set(range(len(made.topics)))
    assert all(topic.terms for topic in made.topics)
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in made.points)


def test_on_the_sample_a_papers_neighbours_are_near_it_far_more_often_than_by_main_components(sample: Library) -> None:
    vectors = map_source(sample.workbench().stores).vectors
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(426), abs=1e-5)
    assert neighbours_kept(vectors, project(vectors)) > 0.42
    assert neighbours_kept(vectors, principal_components(vectors)) < 0.2


def test_a_map_is_made_once_and_again_where_a_text_changed(
    sample: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = map_source(sample.workbench().stores)
    first = kept_map(source, tmp_path / "map.json")
    monkeypatch.setattr(corpus_map, "project", lambda vectors: np.zeros((len(vectors), 2), np.float32))
    assert kept_map(source, tmp_path / "map.json") == first
    changed = source.papers[0].model_copy(update={"abstract": "Another abstract."})
    again = kept_map(source._replace(papers=(changed, *source.papers[1:])), tmp_path / "map.json")
    assert {(point.x, point.y) for point in again.points} == {(0.0, 0.0)}


def test_of_a_large_catalog_the_newest_are_shown(
    sample: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_map, "MOST_POINTS", 40)
    source = map_source(sample.workbench().stores)
    made = kept_map(source, tmp_path / "map.json")
    assert (len(made.points), made.papers) == (40, 426)
    days = [paper.day for paper in source.papers if paper.day]
    assert days == sorted(days, reverse=True)
    newest = sample.workbench().stores.catalog.latest_day()
    assert days[0] == newest


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"key": 1}'])
def test_a_damaged_file_is_made_again(sample: Library, tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "map.json"
    source = map_source(sample.workbench().stores)
    source = source._replace(papers=source.papers[:30], vectors=source.vectors[:30])
    path.write_text(damaged)
    made = kept_map(source, path)
    assert len(made.points) == 30
    assert kept_map(source, path) == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.json"]


def test_a_map_that_cannot_be_kept_is_shown_all_the_same(sample: Library, tmp_path: Path) -> None:
    source = map_source(sample.workbench().stores)
    source = source._replace(papers=source.papers[:30], vectors=source.vectors[:30])
    assert len(kept_map(source, tmp_path / "missing" / "map.json").points) == 30


def test_a_catalog_without_papers_has_an_empty_map(tmp_path: Path) -> None:
    with opened(tmp_path / "home", FakeEmbedder()) as stores:
        assert kept_map(map_source(stores), tmp_path / "map.json") == ((), (), 0)
