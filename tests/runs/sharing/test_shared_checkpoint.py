import shutil
from pathlib import Path

import pytest

from priorkit.errors import RunFolderError
from priorkit.runs import RunFolder
from priorkit.runs.sharing.packing import pack_run
from priorkit.runs.sharing.publishing import push_run
from priorkit.runs.sharing.shared_checkpoint import share_checkpoint

_LAST = "step-00000006"


def _replaced(folder: RunFolder) -> None:
    """Whoever trains the run saves a checkpoint and removes the last one."""
    shutil.move(folder.checkpoints.folder / _LAST, folder.checkpoints.folder / "step-00000008")
    (folder.checkpoints.folder / "last.json").write_text('{"checkpoint": "step-00000008"}')


@pytest.mark.parametrize("error", [RunFolderError("gone"), FileNotFoundError(2, "gone", "weights")])
def test_the_next_checkpoint_is_shared_where_one_vanishes(folder: RunFolder, error: Exception) -> None:
    seen = []

    def share(found: Path) -> str:
        seen.append(found.name)
        if len(seen) == 1:
            _replaced(folder)
            raise error
        return "shared"

    assert share_checkpoint(folder, "last", share) == "shared"
    assert seen == [_LAST, "step-00000008"]


def test_other_failures_are_told(folder: RunFolder) -> None:
    def share(found: Path) -> None:
        raise RunFolderError("the disk is full")

    with pytest.raises(RunFolderError, match="the disk is full"):
        share_checkpoint(folder, "last", share)


def test_a_push_goes_on_with_the_next_checkpoint(hub, folder, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from priorkit.runs.sharing import publishing

    operations, seen = publishing._operations, []

    def vanishing(*arguments):  # type: ignore[no-untyped-def]
        if not seen:
            seen.append(_replaced(folder))
        return operations(*arguments)

    monkeypatch.setattr(publishing, "_operations", vanishing)
    push_run(folder, "user/name")
    assert "checkpoints/step-00000008/weights.safetensors" in hub.files("user/name")
    assert hub.messages == ["Run copied, 8 steps"]


def test_a_checkpoint_by_its_own_name_is_checked(folder: RunFolder, tmp_path: Path) -> None:
    weights = folder.checkpoints.folder / _LAST / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(RunFolderError, match="checksum"):
        pack_run(folder, tmp_path / "run.zip", checkpoint=_LAST)
    assert not (tmp_path / "run.zip").exists()
