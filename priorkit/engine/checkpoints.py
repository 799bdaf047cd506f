"""Checkpoints on disk that are either whole or not there."""

import io
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor

from priorkit.config import parse_json
from priorkit.errors import RunFolderError

__all__ = ["CheckpointStore"]

_CHECKPOINT = re.compile(r"step-\d{8,}(-\d+)?")
"""Names of the folders that are ours; users may keep others beside them."""
_NAMES = ("last", "best")
"""Names that runs use. What looks like the pointer of another name may be anybody's file."""


def _sync(path: Path) -> None:
    """Has the operating system write a file, or a folder's entries, to the disk now."""
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such thing for folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unreadable(file: Path, error: Exception) -> RunFolderError:
    # torch's own messages go on for many lines.
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return RunFolderError(
        f"cannot read the checkpoint {str(file)!r}: {reason}; restore the file, or train the run again"
    )


class CheckpointStore:
    """A folder of checkpoints, and names such as `last` and `best` that point at some of them.

    A checkpoint is a folder with `weights.safetensors` and `state.pt`; a name is a small file `NAME.json`. Both appear
    by renaming something complete, so a crash at any moment leaves the previous checkpoint in place.

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
    ) -> Path:
        """Saves a checkpoint and lets names point at it; checkpoints that no name points at any more are removed.

        Args:
            step: The step that it was taken at.
            weights: Tensors by name.
            state: Everything else: tensors, numbers, texts, lists and dicts.
            names: Which names shall point at it.
            metadata: What `metadata` gives without reading the tensors.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_drafts()
        target = self._unused(step)
        draft = self.folder / f".draft-{target.name}"
        try:
            self._write(draft, weights, state, metadata)
            draft.rename(target)
            _sync(self.folder)
            for name in names:
                self._point(name, target.name)
            _sync(self.folder)
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

    @staticmethod
    def _write(
        folder: Path, weights: Mapping[str, Tensor], state: Mapping[str, Any], metadata: Mapping[str, str] | None
    ) -> None:
        folder.mkdir()
        # Copies, because safetensors takes no tensors that share memory, as those of tied weights do.
        tensors = {
            key: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for key, value in weights.items()
        }
        rest = io.BytesIO()
        torch.save(dict(state), rest)
        packed = to_safetensors(tensors, dict(metadata) if metadata else None)
        # Written from here, a full disk is an OSError; the two libraries have errors of their own for it.
        for name, content in (("weights.safetensors", packed), ("state.pt", rest.getvalue())):
            (folder / name).write_bytes(content)
            _sync(folder / name)
        _sync(folder)

    def _point(self, name: str, checkpoint: str) -> None:
        draft = self.folder / f".draft-{name}.json"
        draft.write_text(json.dumps({"checkpoint": checkpoint}) + "\n", encoding="utf-8")
        _sync(draft)
        draft.replace(self.folder / f"{name}.json")

    def _remove_drafts(self) -> None:
        for draft in self.folder.glob(".draft-*"):
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)

    def _remove_unnamed(self) -> None:
        named = {pointer.stem: self._target(pointer.stem) for pointer in self.folder.glob("*.json")}
        if any(target is None and name in _NAMES for name, target in named.items()):
            # A pointer is damaged: any checkpoint may be the one that it was for.
            return
        for folder in self.folder.iterdir():
            if _CHECKPOINT.fullmatch(folder.name) and folder.name not in named.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _target(self, name: str) -> str | None:
        """The checkpoint's name that a pointer holds; None if the file is missing, damaged or no pointer."""
        try:
            pointer = parse_json((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        target = pointer.get("checkpoint") if isinstance(pointer, dict) else None
        return target if isinstance(target, str) and _CHECKPOINT.fullmatch(target) else None

    def path(self, name: str = "last") -> Path:
        """The folder of the checkpoint that a name points at.

        Raises:
            RunFolderError: There is no such checkpoint.
        """
        target = self._target(name)
        if target is not None:
            return self.folder / target
        if self.has(name):
            raise RunFolderError(
                f"no checkpoint {name!r}: {str(self.folder / f'{name}.json')!r} is damaged; it should hold "
                '{"checkpoint": "step-..."}, the name of one of the folders beside it'
            )
        raise RunFolderError(
            f"no checkpoint {name!r} in {str(self.folder)!r}: the run has not saved one"
            + (" yet" if self.folder.exists() else ", or this is no run folder")
        )

    def step(self, name: str = "last") -> int:
        """The step that a checkpoint was taken at, without reading it.

        Raises:
            RunFolderError: There is no such checkpoint.
        """
        return int(self.path(name).name.split("-")[1])

    def has(self, name: str) -> bool:
        """Whether a name points at a checkpoint."""
        return (self.folder / f"{name}.json").is_file()

    def metadata(self, name: str = "last") -> dict[str, str]:
        """What a checkpoint was saved with, without reading its tensors.

        Raises:
            RunFolderError: There is no such checkpoint, or its file is damaged.
        """
        file = self.path(name) / "weights.safetensors"
        try:
            with safe_open(file, framework="pt") as opened:
                return dict(opened.metadata() or {})
        except Exception as error:
            raise _unreadable(file, error) from None

    def load_weights(self, name: str = "last") -> dict[str, Tensor]:
        """The tensors of a checkpoint, on the CPU.

        Raises:
            RunFolderError: There is no such checkpoint, or its file is damaged.
        """
        file = self.path(name) / "weights.safetensors"
        try:
            return load_file(file)
        except Exception as error:
            raise _unreadable(file, error) from None

    def load_state(self, name: str = "last") -> dict[str, Any]:
        """The rest of a checkpoint, on the CPU.

        Raises:
            RunFolderError: There is no such checkpoint, or its file is damaged.
        """
        file = self.path(name) / "state.pt"
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise TypeError(f"it holds a {type(state).__name__}, no state of a run")
        except Exception as error:
            raise _unreadable(file, error) from None
        return state
