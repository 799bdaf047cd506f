import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.watching import RunTable


@pytest.fixture
def make_table(monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunTable]:
    """Makes a table that looks whenever it is asked."""
    monkeypatch.setattr("priorkit.watching.run_table._BETWEEN", 0.0)

    def looking(*folders: Path) -> RunTable:
        table = RunTable(folders)
        looked_at = table._looked_at

        def at_once() -> object:
            table._searched_at = -float("inf")
            return looked_at()

        table._looked_at = at_once  # type: ignore[method-assign]
        return table

    return looking


def states(table: RunTable) -> dict[str, str]:
    return {run["name"]: run["state"] for run in table.as_data()["runs"]}


def test_runs_appear_and_vanish(
    make_run: Callable[..., Path], make_table: Callable[..., RunTable], tmp_path: Path
) -> None:
    first = make_run("first")
    table = make_table(tmp_path / "runs")
    assert states(table) == {"first": "complete"}
    make_run("study/second")
    assert states(table) == {"first": "complete", "study/second": "complete"}
    shutil.rmtree(first)
    assert states(table) == {"first": "gone", "study/second": "complete"}
    shutil.rmtree(tmp_path / "runs")
    assert states(table) == {"first": "gone", "study/second": "gone"}
    assert table.as_data()["missing"] == [str(tmp_path / "runs")]
    make_run("third")
    assert states(table)["third"] == "complete"


def test_a_run_is_one_however_it_is_named(
    make_run: Callable[..., Path], make_table: Callable[..., RunTable], tmp_path: Path
) -> None:
    one = make_run("one")
    assert list(states(make_table(one, tmp_path / "runs", tmp_path))) == ["one"]
    make_run("a/one")
    both = make_table(one, tmp_path / "runs" / "a")
    assert set(states(both)) == {"one", "a/one"}
    make_run("b/a/one")
    three = make_table(one, tmp_path / "runs" / "a", tmp_path / "runs" / "b" / "a")
    assert set(states(three)) == {"one", "a/one", str(tmp_path / "runs" / "b" / "a" / "one")}


def test_a_damaged_run_leaves_the_others_alone(
    make_run: Callable[..., Path], make_table: Callable[..., RunTable], tmp_path: Path
) -> None:
    (make_run("damaged") / "config.toml").write_text("steps = ")
    make_run("whole")
    table = make_table(tmp_path / "runs")
    assert states(table) == {"damaged": "unreadable", "whole": "complete"}
    assert "config.toml" in next(run["error"] for run in table.as_data()["runs"] if run["name"] == "damaged")


def test_curves_of_several_runs_are_over_each_other(
    make_run: Callable[..., Path], make_table: Callable[..., RunTable], tmp_path: Path
) -> None:
    one, _ = make_run("one"), make_run("two")
    table = make_table(tmp_path / "runs")
    ids = {run["name"]: run["id"] for run in table.as_data()["runs"]}
    found = table.curves([ids["one"], ids["two"], 99], "images", "")
    assert found is not None
    json.dumps(found, allow_nan=False)
    first = found["panels"][0]
    assert (first["section"], first["across"]) == ("Held-out images", "images seen")
    assert (first["names"], first["colours"], first["dashed"]) == (["one", "two"], [0, 1], [False, False])
    assert table.curves([ids["one"], ids["two"], 99], "images", found["key"]) is None
    assert table.curves([ids["one"], ids["two"]], "step", found["key"]) is not None
    with (one / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "images": 99, "seconds": 1.0, "loss/new": 2.0}\n')
    again = table.curves([ids["one"], ids["two"]], "images", found["key"])
    assert again is not None
    assert any(panel["title"] == "New" and panel["data"] == [[99], [2.0]] for panel in again["panels"])


def test_of_hundreds_the_first_looks_are_spread(
    make_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run("one")
    monkeypatch.setattr("priorkit.watching.run_table._PATIENCE", 0.0)
    table = RunTable([tmp_path / "runs"])
    assert states(table) == {"one": "waiting"}
