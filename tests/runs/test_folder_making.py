import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.runs.folder_making import FolderTakenError, is_free, make_folder

FILES = {"config.toml": "a = 1\n", "environment.json": "{}\n"}


def make_killed(path: Path, at: int) -> int:
    """Makes a folder in another process, which is killed before an operation on files; gives its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = at

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return operation(*arguments, **options)

        return run

    for name in ("mkdir", "rename", "replace", "rmdir", "write_text", "open", "unlink", "touch"):
        setattr(Path, name, counted(getattr(Path, name)))
    make_folder(path, FILES)
    os._exit(0)


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.mark.parametrize("existed", [False, True])
def test_a_folder_is_made_with_all_that_is_in_it(existed: bool, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "run"
    if existed:
        path.mkdir(parents=True)
    assert is_free(path)
    make_folder(path, FILES)
    assert [name for name in entries(path) if name != ".lock"] == ["config.toml", "environment.json", "samples"]
    assert (path / "config.toml").read_text() == "a = 1\n"
    assert entries(path.parent) == ["run"]
    assert not is_free(path)


@pytest.mark.parametrize("existed", [False, True])
def test_killed_at_any_operation_it_is_whole_or_free(existed: bool, tmp_path: Path) -> None:
    for operations in itertools.count():
        path = tmp_path / str(operations) / "run"
        path.parent.mkdir()
        if existed:
            path.mkdir()
        status = make_killed(path, operations)
        assert status in (0, 9)
        if (path / "environment.json").is_file():
            assert {"config.toml", "environment.json", "samples"} <= set(entries(path))
        else:
            assert is_free(path)
            make_folder(path, FILES)
        assert [name for name in entries(path) if name != ".lock"] == ["config.toml", "environment.json", "samples"]
        if status == 0:
            break
    assert operations > 4


@pytest.mark.parametrize("name", ["config.toml", "samples", ".draft-mine", ".lock.mine"])
def test_what_somebody_else_has_put_there_is_not_free(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    assert not is_free(tmp_path)


def test_another_process_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        make_folder(path, FILES)
        return self.rename(target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(FolderTakenError, match="already exists"):
        make_folder(path, FILES)
    assert entries(tmp_path) == ["run"]
    assert entries(path) == ["config.toml", "environment.json", "samples"]
