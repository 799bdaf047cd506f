from collections.abc import Callable
from pathlib import Path

from priorkit.watching.discovery import runs_below


def test_runs_are_found_at_any_depth_and_nothing_else(make_run: Callable[..., Path], tmp_path: Path) -> None:
    expected = {make_run("b"), make_run("a"), make_run("study/aae-seed0")}
    make_run(".a.draft-0123abcd")
    inside = make_run("a/samples/another")
    (tmp_path / "runs" / "notes").mkdir()
    prior = make_run("prior")
    (prior / "prior.json").write_text("{}")
    (tmp_path / "runs" / "loop").symlink_to(tmp_path / "runs", target_is_directory=True)
    found = list(runs_below(tmp_path / "runs"))
    assert set(found) == expected
    assert found == sorted(found)
    assert list(runs_below(inside)) == [inside]


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list(runs_below(tmp_path / "absent")) == []
