import errno
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from priorkit.runs.file_lock import file_lock, is_locked


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    with file_lock(file):
        with pytest.raises(Timeout), file_lock(file, 0.0):
            pass
        with file_lock(tmp_path / ".other", 0.0):
            pass
    with file_lock(file, 0.0):
        pass


@pytest.mark.parametrize("error", [NotImplementedError("no locks"), OSError(errno.ENOLCK, "no locks available")])
def test_a_file_system_without_locks_locks_nothing(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with file_lock(tmp_path / ".lock"):
        pass
    with pytest.raises(ZeroDivisionError) as caught, file_lock(tmp_path / ".lock"):
        _ = 1 / 0
    assert caught.value.__context__ is None


def test_a_file_that_cannot_be_made_is_no_lack_of_locks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), file_lock(tmp_path / "absent" / ".lock"):
        pass


def test_who_asks_for_the_holder_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".lock"
    assert not is_locked(file)
    assert not file.exists()
    with file_lock(file):
        assert is_locked(file)
        assert is_locked(file)
    before = file.stat()
    assert not is_locked(file)
    assert file.stat() == before
    with file_lock(file, 0.0):
        pass
    (tmp_path / "link").symlink_to(file)
    assert not is_locked(tmp_path / "link")
    assert not is_locked(tmp_path)
