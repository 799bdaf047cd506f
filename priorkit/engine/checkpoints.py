"""Checkpoints on disk that are either whole or not there."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from priorkit.config import parse_json
from priorkit.engine.checkpoint_files import (
    check_checkpoint,
    read_metadata,
    read_state,
    read_weights,
    write_checkpoint,
)
from priorkit.errors import DamagedCheckpointError, RunFolderError
from priorkit.whole_files import read_regular, refuse_link, sync, write_whole

__all__ = ["CheckpointStore", "checkpoint_step"]

_CHECKPOINT = re.compile(r"step-\d{8,}(-\d+)?")
"""Names of the folders that are ours; users may keep others beside them."""
_NAMES = ("last", "best")
"""Names that runs use. What looks like the pointer of another name may be anybody's file."""


def checkpoint_step(folder: Path) -> int:
    """The step that the checkpoint in a folder was taken at, by the folder's name."""
    return int(folder.name.split("-")[1])


class CheckpointStore:
    """A folder of checkpoints, and names such as `last` and `best` that point at some of them.

    A checkpoint is a folder with `weights.safetensors`, `state.pt` and the checksums of both (BLAKE2b) in
    `checksums.json`; a name is a small file `NAME.json`. Both appear by renaming something complete, so a crash at any
    moment leaves the previous checkpoint in place. Every reading compares the checksums, where there are any: earlier
    versions wrote none.

    Args:
        folder: Where they lie; made when the first is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        step: int,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
        names: list[str],
        metadata: Mapping[str, str] | None = None,
        *,
        keep: int = 1,
    ) -> Path:
        """Saves a checkpoint and lets names point at it.

        Checkpoints that no name points at, and that are none of the last ones, are removed.

        Args:
            step: The step that it was taken at.
            weights: Tensors by name.
            state: Everything else: tensors, numbers, texts, lists and dicts.
            names: Which names shall point at it.
            metadata: What `metadata` gives without reading the tensors.
            keep: How many of the last checkpoints stay, this one included.

        Raises:
            OSError: It cannot be written, or the folder is a symbolic link.
        """
        # Not with its parents: a run folder that has been removed would be there again, without the rest of the run.
        self.folder.mkdir(exist_ok=True)
        refuse_link(self.folder)
        self._remove_drafts()
        target = self._unused(step)
        draft = self.folder / f".draft-{target.name}"
        try:
            write_checkpoint(draft, weights, state, metadata)
            draft.rename(target)
            sync(self.folder)
            for name in names:
                self._point(name, target.name, keep)
            sync(self.folder)
        finally:
            self._remove_drafts()
        self._remove_unnamed()
        return target

    def _unused(self, step: int) -> Path:
        """A name for a checkpoint at a step. What has that name already is never touched: it may be the last one."""
        target, copies = self.folder / f"step-{step:08d}", 1
        while target.exists():
            copies += 1
            target = self.folder / f"step-{step:08d}-{copies}"
        return target

    def _point(self, name: str, checkpoint: str, keep: int) -> None:
        """Lets a name point at a checkpoint; `last` remembers those before it that are to be kept."""
        pointer: dict[str, Any] = {"checkpoint": checkpoint}
        if name == "last" and keep > 1:
            before = [self._target(name), *self._earlier(name)]
            kept = [entry for entry in before if entry is not None and (self.folder / entry).is_dir()]
            pointer["earlier"] = kept[: keep - 1]
        write_whole(self.folder / f"{name}.json", json.dumps(pointer) + "\n", durable=True)

    def _remove_drafts(self) -> None:
        for draft in self.folder.glob(".draft-*"):
            if draft.is_dir() and not draft.is_symlink():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)

    def _remove_unnamed(self) -> None:
        named = {pointer.stem: self._target(pointer.stem) for pointer in self.folder.glob("*.json")}
        if any(target is None and name in _NAMES for name, target in named.items()):
            # A pointer is damaged: any checkpoint may be the one that it was for.
            return
        kept = {*named.values(), *self._earlier("last")}
        for folder in self.folder.iterdir():
            # Of what is no folder, removing its content would wait for a pipe's.
            if _CHECKPOINT.fullmatch(folder.name) and folder.name not in kept and folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)

    def _pointer(self, name: str) -> dict[str, Any]:
        """What a pointer holds; nothing if the file is missing, damaged or no pointer."""
        try:
            pointer = parse_json(read_regular(self.folder / f"{name}.json").decode("utf-8"))
        except (OSError, ValueError):
            return {}
        return pointer if isinstance(pointer, dict) else {}

    def _target(self, name: str) -> str | None:
        """The name of the checkpoint that a name points at; None if the file is missing, damaged or no pointer."""
        target = self._pointer(name).get("checkpoint")
        return target if isinstance(target, str) and _CHECKPOINT.fullmatch(target) else None

    def _earlier(self, name: str) -> list[str]:
        """The names of the checkpoints that a name pointed at before, the newest first, as far as they are kept."""
        earlier = self._pointer(name).get("earlier")
        entries = earlier if isinstance(earlier, list) else []
        return [entry for entry in entries if isinstance(entry, str) and _CHECKPOINT.fullmatch(entry)]

    def path(self, name: str = "last") -> Path:
        """The folder of the checkpoint that a name points at.

        Raises:
            RunFolderError: There is no such checkpoint.
        """
        target = self._target(name)
        if target is not None:
            return self.folder / target
        others = self._others(name)
        if self.has(name):
            raise RunFolderError(
                f"no checkpoint {name!r}: {str(self.folder / f'{name}.json')!r} is damaged; it should hold "
                f'{{"checkpoint": "step-..."}}, the name of one of the folders beside it{others}'
            )
        if others and name == "last":
            # Every checkpoint is the last one first.
            raise RunFolderError(f"no checkpoint {name!r}: {str(self.folder / f'{name}.json')!r} is missing{others}")
        raise RunFolderError(
            f"no checkpoint {name!r} in {str(self.folder)!r}: the run has not saved one"
            + (" yet" if self.folder.exists() else ", or this is no run folder")
            + ("; use --checkpoint last" if self._target("last") else "")
        )

    def _others(self, name: str) -> str:
        """What to do without a pointer: the other names that there are, and the newest folder."""
        advice = [f"use --checkpoint {other}" for other in _NAMES if other != name and self._target(other)]
        newest = self._all()[:1]
        if newest:
            pointer = json.dumps({"checkpoint": newest[0]})
            advice.append(f"write {pointer} into {str(self.folder / f'{name}.json')!r}")
        return f"; {', or '.join(advice)}" if advice else ""

    def _all(self) -> list[str]:
        """The names of all checkpoints, the newest first."""
        return sorted(path.name for path in self.folder.glob("step-*") if _CHECKPOINT.fullmatch(path.name))[::-1]

    def _candidates(self, name: str) -> list[Path]:
        """The folder of the checkpoint that a name points at, and those that may take its place."""
        if name == "last" and not self.has(name):
            # A crash, or a full disk, may come between the first checkpoint and its pointer.
            candidates = self._all()
            if candidates:
                return [self.folder / entry for entry in candidates]
        return [self.path(name), *(self.folder / entry for entry in self._earlier(name))]

    def intact(self, name: str = "last", *, state: bool = True) -> tuple[Path, str]:
        """The folder of the checkpoint that a name points at, or of the newest undamaged one that it pointed at before.

        Where `last` is missing, it is the newest checkpoint of all.

        Args:
            name: The name.
            state: Whether its state will be read, too; otherwise damage to it is of no interest.

        Returns:
            The folder; and what is wrong with those that were passed over, or an empty text.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: It is damaged, and so are those before it.
        """
        while True:
            damage: list[DamagedCheckpointError] = []
            candidates = self._candidates(name)
            for folder in candidates:
                try:
                    check_checkpoint(folder, state=state)
                except DamagedCheckpointError as error:
                    damage.append(error)
                    if not folder.is_dir() and self._candidates(name) != candidates:
                        # Whoever trains has saved another, and removed this one.
                        break
                else:
                    return folder, "; ".join(f"{str(error.file)!r}: {error.reason}" for error in damage)
            else:
                raise damage[0]

    def step(self, name: str = "last") -> int:
        """The step that a checkpoint was taken at, without reading it.

        Raises:
            RunFolderError: There is no such checkpoint.
        """
        return checkpoint_step(self.path(name))

    def has(self, name: str) -> bool:
        """Whether a name points at a checkpoint, or did: its pointer may be damaged."""
        return (self.folder / f"{name}.json").is_file()

    def is_empty(self) -> bool:
        """Whether nothing has been saved: neither a name nor a checkpoint is there."""
        if any(self.has(name) for name in _NAMES):
            return False
        return not self._all()

    def metadata(self, checkpoint: str | Path = "last") -> dict[str, str]:
        """What a checkpoint was saved with, without reading its tensors.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: Its file is damaged.
        """
        return read_metadata(self._folder_of(checkpoint))

    def _folder_of(self, checkpoint: str | Path) -> Path:
        return checkpoint if isinstance(checkpoint, Path) else self.path(checkpoint)

    def load_weights(self, checkpoint: str | Path = "last") -> dict[str, Tensor]:
        """The tensors of a checkpoint, on the CPU.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: Its file is damaged.
        """
        return read_weights(self._folder_of(checkpoint))

    def load_state(self, checkpoint: str | Path = "last") -> dict[str, Any]:
        """The rest of a checkpoint, on the CPU.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: Its file is damaged.
        """
        return read_state(self._folder_of(checkpoint))
