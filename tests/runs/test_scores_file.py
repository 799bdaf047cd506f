import json
import threading
from pathlib import Path

import pytest

from priorkit.errors import RunFolderError
from priorkit.runs import append_evaluation, read_evaluations
from priorkit.runs.file_lock import file_lock


def test_evaluations_are_kept_the_newest_last(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "scores.json"
    assert read_evaluations(path) == []
    for number in range(3):
        append_evaluation(path, {"scores": [], "number": number})
    assert [item["number"] for item in read_evaluations(path)] == [0, 1, 2]
    assert json.loads(path.read_text())["evaluations"] == read_evaluations(path)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".scores.json.lock", "scores.json"]


@pytest.mark.parametrize(
    "content",
    [
        *("", "no JSON", "[]", "{}", '{"evaluations": 3}', '{"evaluations": [{}]}', '{"evaluations": [[]]}'),
        *('{"evaluations": [{"scores": [[]]}]}', '{"evaluations": [{"scores": 3}]}'),
        '{"evaluations": [{"scores": [{"name": "psnr", "value": 1.0}]}]}',
        '{"evaluations": [{"scores": [{"name": "psnr", "label": "PSNR", "value": "high"}]}]}',
        pytest.param("[" * 100_000 + "]" * 100_000, id="nested"),
    ],
)
def test_what_is_none_of_ours_is_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "scores.json"
    path.write_text(content)
    for act in (lambda: read_evaluations(path), lambda: append_evaluation(path, {"scores": []})):
        with pytest.raises(RunFolderError, match="left as it is; move it away, or name another file") as caught:
            act()
        assert "\n" not in str(caught.value)
    assert path.read_text() == content


def test_who_comes_second_waits(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    second = threading.Thread(target=append_evaluation, args=(path, {"scores": []}))
    with file_lock(tmp_path / ".scores.json.lock"):
        second.start()
        second.join(0.2)
        assert read_evaluations(path) == []
    second.join(60)
    assert len(read_evaluations(path)) == 1


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot read the scores"):
        read_evaluations(tmp_path)


def test_several_at_a_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    threads = [
        threading.Thread(target=append_evaluation, args=(path, {"scores": [], "number": number})) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item["number"] for item in read_evaluations(path)) == list(range(8))


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scores.json"
    append_evaluation(path, {"scores": []})
    before = path.read_bytes()

    def full(*arguments: object, **keywords: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("priorkit.runs.scores_file.write_whole", full)
    with pytest.raises(RunFolderError, match="No space left on device"):
        append_evaluation(path, {"scores": []})
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".scores.json.lock", "scores.json"]
