import os
import subprocess
import sys
from pathlib import Path

import pytest

from priorkit.runs.folder_making import FolderTakenError, is_free, make_folder

FILES = {"config.toml": "a = 1\n", "environment.json": "{}\n"}
# Ends the process, as a kill does, before its n-th operation on files; afterwards, says that it came to the end.
_KILLED = """
import os, sys
from pathlib import Path
from priorkit.runs.folder_making import make_folder
left = int(sys.argv[2])
def counted(operation):
    def run(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return operation(*arguments, **options)
    return run
for name in ("mkdir", "rename", "replace", "rmdir", "write_text"):
    setattr(Path, name, counted(getattr(Path, name)))
make_folder(Path(sys.argv[1]), {"config.toml": "a = 1\\n", "environment.json": "{}\\n"})
"""


def entries(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.mark.parametrize("existed", [False, True])
def test_a_folder_is_made_with_all_that_is_in_it(existed: bool, tmp_path: Path) -> None:
    path = tmp_path / "runs" / "run"
    if existed:
        path.mkdir(parents=True)
    assert is_free(path)
    make_folder(path, FILES)
    assert entries(path) == ["config.toml", "environment.json", "samples"]
    assert (path / "config.toml").read_text() == "a = 1\n"
    assert entries(path.parent) == ["run"]
    assert not is_free(path)


@pytest.mark.parametrize("existed", [False, True])
def test_killed_at_any_operation_it_is_whole_or_free(existed: bool, tmp_path: Path) -> None:
    ended = False
    for operations in range(12):
        path = tmp_path / str(operations) / "run"
        path.parent.mkdir()
        if existed:
            path.mkdir()
        done = subprocess.run([sys.executable, "-c", _KILLED, str(path), str(operations)], env=dict(os.environ))
        assert done.returncode in (0, 9)
        ended = ended or done.returncode == 0
        if (path / "environment.json").is_file():
            assert {"config.toml", "environment.json", "samples"} <= set(entries(path))
            continue
        assert is_free(path)
        make_folder(path, FILES)
        assert entries(path) == ["config.toml", "environment.json", "samples"]
    assert ended


@pytest.mark.parametrize("name", ["config.toml", "samples", ".draft-mine"])
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
    with pytest.raises(FolderTakenError, match="exists already"):
        make_folder(path, FILES)
    assert entries(tmp_path) == ["run"]
    assert entries(path) == ["config.toml", "environment.json", "samples"]
