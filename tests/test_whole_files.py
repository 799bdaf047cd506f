import errno
import os
from pathlib import Path

import pytest

from priorkit.whole_files import drafts_of, read_regular, refuse_link, whole_file, write_whole


def test_a_file_is_replaced_by_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_whole(file, "first")
    write_whole(file, "Grüße", durable=True)
    assert file.read_text(encoding="utf-8") == "Grüße"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("existed", [True, False])
def test_a_failure_leaves_what_was_there(existed: bool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    if existed:
        file.write_text("before")

    def fail() -> None:
        with whole_file(file) as draft:
            draft.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=rf"No space left.*{file}"):
        fail()
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["before"] * existed


@pytest.mark.parametrize("name", ["file", ".file.draft"])
def test_a_link_is_replaced_and_not_followed(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).symlink_to(outside)
    write_whole(folder / "file", "text")
    assert outside.read_text() == "mine"
    assert [(entry.name, entry.is_symlink()) for entry in folder.iterdir()] == [("file", False)]


def test_processes_that_write_the_same_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with whole_file(file) as first:
        first.write(b"first")
        write_whole(file, "second")
        assert file.read_text() == "second"
        first.write(b" and last")
    assert file.read_text() == "first and last"
    assert list(tmp_path.iterdir()) == [file]


def test_drafts_that_were_left_behind_go_and_those_of_others_stay(tmp_path: Path) -> None:
    old, new = tmp_path / ".file.draft-0123abcd", tmp_path / ".file.draft-01234567"
    others = [tmp_path / name for name in (".file2.draft-0123abcd", ".file.draft-mine", "file.draft-0123abcd")]
    for path in (old, new, *others):
        path.write_text("half")
    for path in (old, *others):
        os.utime(path, (0, 0))
    assert sorted(drafts_of(tmp_path / "file")) == [new, old]
    write_whole(tmp_path / "file", "text")
    assert sorted(tmp_path.iterdir()) == sorted([new, *others, tmp_path / "file"])


def test_new_files_have_the_permissions_that_files_have(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_link_is_refused_where_something_is_written_below(tmp_path: Path) -> None:
    refuse_link(tmp_path)
    refuse_link(tmp_path / "missing")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError, match="link") as caught:
        refuse_link(tmp_path / "link")
    assert caught.value.errno == errno.ELOOP


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "file").write_bytes(b"content")
    for name in ("pipe", "device", ""):
        with pytest.raises(OSError, match=r"regular file|directory"):
            read_regular(tmp_path / name)
    assert read_regular(tmp_path / "file") == b"content"
