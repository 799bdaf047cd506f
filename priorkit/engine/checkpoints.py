"""Checkpoints on disk, saved atomically: each is either complete or absent."""

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
"""Names of checkpoint folders; users may keep other folders beside them."""
_NAMES = ("last", "best")
"""Names that runs use. A file that looks like a pointer of another name may belong to the user."""


def checkpoint_step(folder: Path) -> int:
    """The training step of a checkpoint, from its folder's name."""
    return int(folder.name.split("-")[1])


class CheckpointStore:
    """A folder of checkpoints, with names such as `last` and `best` that point at some of them.

    A checkpoint is a folder with `weights.safetensors`, `state.pt` and the checksums of both (BLAKE2b) in
    `checksums.json`; a name is a small file `NAME.json`. Both are written under a temporary name and then renamed, so a
    crash at any moment leaves the previous checkpoint in place. Reading compares the checksums, if there are any:
    earlier versions wrote none.

    Args:
        folder: The folder of the checkpoints; made when the first is saved.
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
        """Saves a checkpoint and makes names point at it.

        Checkpoints that no name points at are removed, except the last `keep` ones.

        Args:
            step: The step of training.
            weights: Tensors by name.
            state: Everything else: tensors, numbers, texts, lists and dicts.
            names: The names that shall point at this checkpoint.
            metadata: What `metadata` will return, without reading the tensors.
            keep: How many of the last checkpoints to keep, this one included.

        Raises:
            OSError: The checkpoint cannot be written, or the folder is a symbolic link.
        """
        # Without its parents: otherwise a run folder that was removed would reappear without the rest of the run.
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
        """An unused name for a checkpoint at a step: existing ones, such as the last, are never overwritten."""
        target, copies = self.folder / f"step-{step:08d}", 1
        while target.exists():
            copies += 1
            target = self.folder / f"step-{step:08d}-{copies}"
        return target

    def _point(self, name: str, checkpoint: str, keep: int) -> None:
        """Makes a name point at a checkpoint; `last` also lists the earlier checkpoints to keep."""
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
            # A pointer is damaged, so any checkpoint may be its target.
            return
        kept = {*named.values(), *self._earlier("last")}
        for folder in self.folder.iterdir():
            # Folders only: opening a named pipe would block.
            if _CHECKPOINT.fullmatch(folder.name) and folder.name not in kept and folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)

    def _pointer(self, name: str) -> dict[str, Any]:
        """The content of a pointer; empty if the file is missing, damaged or not a pointer."""
        try:
            pointer = parse_json(read_regular(self.folder / f"{name}.json").decode("utf-8"))
        except (OSError, ValueError):
            return {}
        return pointer if isinstance(pointer, dict) else {}

    def _target(self, name: str) -> str | None:
        """The name of the checkpoint that a name points at; None if the file is missing, damaged or not a pointer."""
        target = self._pointer(name).get("checkpoint")
        return target if isinstance(target, str) and _CHECKPOINT.fullmatch(target) else None

    def _earlier(self, name: str) -> list[str]:
        """The kept checkpoints that a name pointed at before, newest first."""
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
            + (" yet" if self.folder.exists() else ", or this is not a run folder")
            + ("; use --checkpoint last" if self._target("last") else "")
        )

    def _others(self, name: str) -> str:
        """Advice if a pointer is missing: the other names, and the newest folder."""
        advice = [f"use --checkpoint {other}" for other in _NAMES if other != name and self._target(other)]
        newest = self._all()[:1]
        if newest:
            pointer = json.dumps({"checkpoint": newest[0]})
            advice.append(f"write {pointer} into {str(self.folder / f'{name}.json')!r}")
        return f"; {', or '.join(advice)}" if advice else ""

    def _all(self) -> list[str]:
        """The names of all checkpoints, newest first."""
        return sorted(path.name for path in self.folder.glob("step-*") if _CHECKPOINT.fullmatch(path.name))[::-1]

    def _candidates(self, name: str) -> list[Path]:
        """The folder of the checkpoint that a name points at, and the folders of its possible substitutes."""
        if name == "last" and not self.has(name):
            # A crash or a full disk may have left the first checkpoint without a pointer.
            candidates = self._all()
            if candidates:
                return [self.folder / entry for entry in candidates]
        return [self.path(name), *(self.folder / entry for entry in self._earlier(name))]

    def intact(self, name: str = "last", *, state: bool = True) -> tuple[Path, str]:
        """The folder of the checkpoint that a name points at, or of the newest undamaged one that it pointed at before.

        If `last` is missing, this is the newest checkpoint of all.

        Args:
            name: The name.
            state: Whether the state will be read, too; otherwise damage to it does not matter.

        Returns:
            The folder; and what is wrong with the newer checkpoints that were skipped, or an empty string.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: This checkpoint and all earlier ones are damaged.
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
                        # The training process has saved another one and removed this one.
                        break
                else:
                    return folder, "; ".join(f"{str(error.file)!r}: {error.reason}" for error in damage)
            else:
                raise damage[0]

    def step(self, name: str = "last") -> int:
        """The step of a checkpoint, without reading its files.

        Raises:
            RunFolderError: There is no such checkpoint.
        """
        return checkpoint_step(self.path(name))

    def has(self, name: str) -> bool:
        """Whether a name has a pointer, even a damaged one."""
        return (self.folder / f"{name}.json").is_file()

    def is_empty(self) -> bool:
        """Whether nothing has been saved: there is neither a pointer nor a checkpoint."""
        if any(self.has(name) for name in _NAMES):
            return False
        return not self._all()

    def metadata(self, checkpoint: str | Path = "last") -> dict[str, str]:
        """A checkpoint's metadata, read without its tensors.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: The file is damaged.
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
            DamagedCheckpointError: The file is damaged.
        """
        return read_weights(self._folder_of(checkpoint))

    def load_state(self, checkpoint: str | Path = "last") -> dict[str, Any]:
        """The rest of a checkpoint, on the CPU.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint.
            DamagedCheckpointError: The file is damaged.
        """
        return read_state(self._folder_of(checkpoint))
