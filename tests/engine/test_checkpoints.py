import errno
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.engine import CheckpointStore
from priorkit.engine.checkpoint_files import check_checkpoint
from priorkit.errors import DamagedCheckpointError, RunFolderError


def weights(value: float = 1.0) -> dict[str, Tensor]:
    return {"net/weight": torch.full((2, 3), value), "net/steps": torch.tensor(int(value))}


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    (tmp_path / "run").mkdir()
    return CheckpointStore(tmp_path / "run" / "checkpoints")


def entries(store: CheckpointStore) -> list[str]:
    return sorted(entry.name for entry in store.folder.iterdir())


def test_gives_back_what_it_was_given(store: CheckpointStore) -> None:
    tensors = {
        "matrix": torch.randn(3, 4),
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "transposed": torch.randn(3, 4).T,
        "scalar": torch.tensor(2.5),
        "counter": torch.tensor(7),
        "half": torch.randn(3).bfloat16(),
        "trained": torch.nn.Parameter(torch.randn(2)),
    }
    state = {"text": "a", "list": [1, 2.5, None], "nested": {"betas": (0.5, 0.9), 3: torch.randn(2)}, "flag": True}
    store.save(12, tensors, state, ["last"])
    loaded = store.load_weights()
    assert loaded.keys() == tensors.keys()
    for key, value in tensors.items():
        assert loaded[key].dtype == value.dtype
        assert torch.equal(loaded[key], value)
    restored = store.load_state()
    assert torch.equal(restored["nested"].pop(3), state["nested"].pop(3))
    assert restored == state


def test_the_folder_around_it_is_not_made_again(store: CheckpointStore) -> None:
    store.folder.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        store.save(12, weights(), {}, ["last"])
    assert not store.folder.parent.exists()


def test_who_reads_while_another_saves_finds_the_new_one(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.save(1, weights(1), {}, ["last"])
    assert store.intact() == (first, "")
    checked = []

    def check(folder: Path, *, state: bool = True) -> None:
        if not checked:
            # Another process saves at this moment.
            store.save(2, weights(2), {}, ["last"])
        checked.append(folder)
        check_checkpoint(folder, state=state)

    monkeypatch.setattr("priorkit.engine.checkpoints.check_checkpoint", check)
    assert store.intact() == (store.folder / "step-00000002", "")
    assert checked == [first, store.folder / "step-00000002"]


def test_tensors_that_share_memory_are_saved_each(store: CheckpointStore) -> None:
    shared = torch.arange(6.0)
    store.save(1, {"first": shared, "second": shared, "part": shared[2:4]}, {}, ["last"])
    loaded = store.load_weights()
    assert torch.equal(loaded["first"], shared)
    assert torch.equal(loaded["second"], shared)
    assert torch.equal(loaded["part"], shared[2:4])


def test_names_point_and_what_no_name_points_at_goes(store: CheckpointStore) -> None:
    store.save(1, weights(1), {"step": 1}, ["last", "best"])
    store.save(2, weights(2), {"step": 2}, ["last"])
    store.save(3, weights(3), {"step": 3}, ["last"])
    assert store.load_state("last") == {"step": 3}
    assert store.load_state("best") == {"step": 1}
    assert torch.equal(store.load_weights("best")["net/weight"], weights(1)["net/weight"])
    assert entries(store) == ["best.json", "last.json", "step-00000001", "step-00000003"]
    assert store.has("last")
    assert not store.has("first")


def test_a_second_checkpoint_of_a_step_replaces_the_first(store: CheckpointStore) -> None:
    store.save(4, weights(1), {"best": 1}, ["last"])
    path = store.save(4, weights(2), {"best": 2}, ["last", "best"])
    for name in ("last", "best"):
        assert store.path(name) == path
        assert store.load_state(name) == {"best": 2}
        assert torch.equal(store.load_weights(name)["net/weight"], weights(2)["net/weight"])
    assert len([entry for entry in entries(store) if entry.startswith("step-")]) == 1


def count_syncs(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> int:
    syncs: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", syncs.append)
        store.save(1, weights(1), {"step": 1}, ["last", "best"])
    return len(syncs)


def test_a_full_disk_at_any_moment_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = count_syncs(CheckpointStore(tmp_path / "count"), monkeypatch)
    assert moments >= 5  # two files, their folder, two names
    for moment in range(moments):
        store = CheckpointStore(tmp_path / str(moment))
        store.save(1, weights(1), {"step": 1}, ["last", "best"])
        calls: list[int] = []

        def sync(descriptor: int, calls: list[int] = calls, moment: int = moment) -> None:
            calls.append(descriptor)
            if len(calls) > moment:
                raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", sync)
            with pytest.raises(OSError, match="No space"):
                store.save(2, weights(2), {"step": 2}, ["last", "best"])
        for name in ("last", "best"):
            # Each name points at a whole checkpoint: the previous one or the new one.
            step = store.load_state(name)["step"]
            assert torch.equal(store.load_weights(name)["net/weight"], weights(step)["net/weight"])
            if moment < 3:
                assert step == 1
        assert not [entry for entry in entries(store) if entry.startswith(".")]
        store.save(2, weights(2), {"step": 2}, ["last", "best"])
        assert store.load_state("best") == {"step": 2}
        assert len(entries(store)) == 3


@pytest.mark.parametrize("function", ["rename", "replace", "write_bytes"])
def test_a_failure_in_the_middle_leaves_no_drafts(
    function: str, store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(1, weights(1), {"step": 1}, ["last"])

    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, function, fail)
        with pytest.raises(OSError, match="Input/output"):
            store.save(2, weights(2), {"step": 2}, ["last"])
    assert store.load_state() == {"step": 1}
    assert not [entry for entry in entries(store) if entry.startswith(".")]


def test_what_a_killed_process_left_is_cleared_away(store: CheckpointStore) -> None:
    store.save(1, weights(1), {"step": 1}, ["last", "best"])
    (store.folder / ".draft-best.json").touch()
    (store.folder / ".draft-123-00000002").mkdir()
    (store.folder / ".draft-123-00000002" / "weights.safetensors").write_bytes(b"half")
    # The folder was renamed, but no name pointed at it yet when the process died.
    (store.folder / "step-00000002").mkdir()
    (store.folder / "step-00000002" / "state.pt").write_bytes(b"")
    assert store.load_state() == {"step": 1}
    path = store.save(2, weights(2), {"step": 2}, ["last"])
    assert store.load_state() == {"step": 2}
    assert store.load_state("best") == {"step": 1}
    assert entries(store) == ["best.json", "last.json", "step-00000001", path.name]


def test_files_of_others_are_left_alone(store: CheckpointStore) -> None:
    store.save(1, weights(1), {}, ["last"])
    store.save(2, weights(2), {}, ["best"])
    for name in ("step-00000002-keep", "step-2", "old"):
        (store.folder / name).mkdir()
    (store.folder / "notes.json").write_text('["mine"]')
    (store.folder / "more.json").write_text("mine")
    (store.folder / "step-00000009").write_text("a file")
    store.save(3, weights(3), {}, ["last"])
    assert entries(store) == [
        "best.json",
        "last.json",
        "more.json",
        "notes.json",
        "old",
        "step-00000002",
        "step-00000002-keep",
        "step-00000003",
        "step-00000009",
        "step-2",
    ]


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"checkpoint": 3}', '{"checkpoint": "../elsewhere"}'])
def test_a_damaged_pointer_stops_no_saving_and_loses_no_checkpoint(damage: str, store: CheckpointStore) -> None:
    best = store.save(1, weights(1), {"step": 1}, ["last", "best"])
    (store.folder / "best.json").write_text(damage)
    store.save(2, weights(2), {"step": 2}, ["last"])
    assert store.load_state() == {"step": 2}
    with pytest.raises(RunFolderError, match=r"no checkpoint 'best': '.*best\.json' is damaged") as caught:
        store.path("best")
    assert "\n" not in str(caught.value)
    # The broken name no longer says which checkpoint it meant, but the checkpoint still exists.
    assert best.is_dir()
    store.save(3, weights(3), {"step": 3}, ["last", "best"])
    assert entries(store) == ["best.json", "last.json", "step-00000003"]


def test_a_full_disk_is_the_operating_systems_error(store: CheckpointStore) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = {"weight": torch.zeros(100_000)}
    for tensors, state in ((large, {}), ({}, large)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        try:
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
                store.save(1, tensors, state, ["last"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert entries(store) == []


def test_without_a_checkpoint(store: CheckpointStore) -> None:
    with pytest.raises(RunFolderError, match=r"no checkpoint 'last' in .* not a run folder"):
        store.load_weights()
    store.save(1, weights(), {}, ["last"])
    with pytest.raises(RunFolderError, match=r"no checkpoint 'best' in .* yet"):
        store.load_state("best")
    (store.folder / "last.json").write_text(json.dumps(["step-00000001"]))
    with pytest.raises(RunFolderError, match="no checkpoint 'last'"):
        store.path()


def test_advice_where_a_pointer_is_missing(store: CheckpointStore) -> None:
    assert store.is_empty()
    for step in (1, 2):
        store.save(step, weights(step), {}, ["last", "best"], keep=2)
    store.save(3, weights(3), {}, ["last"], keep=2)
    assert not store.is_empty()
    last = store.folder / "last.json"
    last.unlink()
    pointer = '{"checkpoint": "step-00000003"}'
    with pytest.raises(RunFolderError) as caught:
        store.path("last")
    assert str(caught.value) == (
        f"no checkpoint 'last': {str(last)!r} is missing; use --checkpoint best, or write {pointer} into {str(last)!r}"
    )
    (store.folder / "best.json").unlink()
    with pytest.raises(RunFolderError, match=f"is missing; write .*step-00000003.* into {str(last)!r}$"):
        store.path("last")
    assert not store.is_empty()


def test_the_earlier_checkpoints_of_a_damaged_pointer_are_no_substitutes(store: CheckpointStore) -> None:
    """Which checkpoint was the last one is not known then."""
    for step in (1, 2):
        store.save(step, weights(step), {}, ["last"], keep=2)
    (store.folder / "last.json").write_text("{")
    with pytest.raises(RunFolderError, match="is damaged; it should hold"):
        store.intact()


class Intruder:
    """An object that a manipulated file could contain."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (os.environ["INTRUDER"],))


def test_loading_runs_no_code(store: CheckpointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTRUDER", str(tmp_path / "intruded"))
    store.save(1, weights(), {}, ["last"])
    torch.save({"engine": Intruder()}, store.path() / "state.pt")
    with pytest.raises(RunFolderError, match="cannot read the checkpoint") as caught:
        store.load_state()
    assert "\n" not in str(caught.value)
    (store.path() / "state.pt").write_bytes(pickle.dumps(Intruder(), protocol=2))
    with pytest.raises(RunFolderError):
        store.load_state()
    assert not (tmp_path / "intruded").exists()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


DAMAGES: Mapping[str, Any] = {
    "truncated": truncate,
    "empty": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(b"garbage" * 100),
    "missing": lambda file: file.unlink(),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
@pytest.mark.parametrize("file", ["weights.safetensors", "state.pt"])
def test_a_damaged_file_is_an_error_of_one_line(damage: str, file: str, store: CheckpointStore) -> None:
    store.save(1, weights(), {"step": 1}, ["last"])
    DAMAGES[damage](store.path() / file)
    with pytest.raises(RunFolderError, match=f"cannot read the checkpoint .*{file}") as caught:
        store.load_state() if file == "state.pt" else store.load_weights()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_earlier_checkpoints_stay_as_many_as_are_to_be_kept(store: CheckpointStore) -> None:
    for step in range(1, 6):
        store.save(step, weights(step), {}, ["last", "best"] if step == 1 else ["last"], keep=3)
    kept = ["step-00000001", "step-00000003", "step-00000004", "step-00000005"]
    assert entries(store) == ["best.json", "last.json", *kept]
    store.save(6, weights(6), {}, ["last"])
    assert entries(store) == ["best.json", "last.json", "step-00000001", "step-00000006"]
    assert (store.step(), store.step("best")) == (6, 1)


def test_metadata_are_read_alone(store: CheckpointStore) -> None:
    store.save(1, weights(), {}, ["last"], {"format": "4"})
    assert store.metadata() == store.metadata(store.path()) == {"format": "4"}
    store.save(2, weights(), {}, ["last"])
    assert store.metadata() == {}


@pytest.mark.parametrize("file", ["weights.safetensors", "state.pt", "checksums.json"])
def test_damage_at_any_place_is_found_and_the_checkpoint_before_is_offered(file: str, store: CheckpointStore) -> None:
    for step in (1, 2):
        store.save(step, weights(step), {"step": step}, ["last"], {"format": "4"}, keep=2)
    damaged = store.path() / file
    content = damaged.read_bytes()
    generator = torch.Generator().manual_seed(0)
    for place in [*torch.randint(len(content), (30,), generator=generator).tolist(), len(content) - 1]:
        changed = bytearray(content)
        changed[place] ^= 1
        for wrong in (bytes(changed), content[:place], b""):
            damaged.write_bytes(wrong)
            folder, damage = store.intact()
            assert folder.name == "step-00000001", (place, wrong)
            assert str(damaged.parent) in damage
            with pytest.raises(DamagedCheckpointError, match="restore the file") as caught:
                store.load_weights() and store.load_state()
            assert "\n" not in str(caught.value)
    assert store.load_state(folder) == {"step": 1}
    damaged.write_bytes(content)
    assert store.intact() == (damaged.parent, "")


def test_every_skipped_checkpoint_is_told_with_its_reason(store: CheckpointStore) -> None:
    for step in (1, 2, 3):
        store.save(step, weights(step), {}, ["last"], keep=3)
    reasons = []
    for step in (3, 2):
        file = store.folder / f"step-0000000{step}" / "weights.safetensors"
        truncate(file)
        reasons.append(f"{str(file)!r}: it is damaged: its checksum differs from the recorded one")
    assert store.intact() == (store.folder / "step-00000001", "; ".join(reasons))


def test_an_error_without_words_is_named_by_its_kind(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(1, weights(), {}, ["last"])

    def fails(*args: object, **kwargs: object) -> None:
        raise EOFError

    monkeypatch.setattr("priorkit.engine.checkpoint_files.safe_open", fails)
    with pytest.raises(DamagedCheckpointError, match=r"weights\.safetensors.*EOFError"):
        store.metadata()


def test_the_newest_checkpoint_is_the_last_where_its_pointer_is_missing(store: CheckpointStore) -> None:
    """This state is left by a disk that was full after the checkpoint and before its pointer was written."""
    for step in (1, 2):
        store.save(step, weights(step), {}, ["last"], keep=2)
    (store.folder / "last.json").unlink()
    assert store.intact() == (store.folder / "step-00000002", "")
    assert not store.is_empty()


def test_damaged_state_is_of_no_interest_to_who_reads_weights_alone(store: CheckpointStore) -> None:
    store.save(1, weights(1), {}, ["last"])
    (store.path() / "state.pt").write_bytes(b"")
    assert store.intact(state=False) == (store.path(), "")
    with pytest.raises(DamagedCheckpointError, match=r"state\.pt"):
        store.intact()


def test_nothing_is_written_through_a_link(store: CheckpointStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.folder.symlink_to(outside)
    with pytest.raises(OSError, match="link"):
        store.save(1, weights(), {}, ["last"])
    assert list(outside.iterdir()) == []
