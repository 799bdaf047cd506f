"""The run folder: the places of a run's files, and operations on the folder."""

import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from priorkit.config import RunConfig, config_to_toml, parse_json, read_toml, validate_settings
from priorkit.engine import CheckpointStore
from priorkit.errors import DamagedCheckpointError, RunFolderError, RunFolderWarning
from priorkit.runs.environment import check_environment
from priorkit.runs.folder_making import FolderTakenError, is_free, make_folder
from priorkit.runs.formats import (
    FORMAT,
    migrated_environment,
    migrated_settings,
    migrated_state,
    migrated_weights,
    require_readable,
)
from priorkit.runs.kept_settings import blaming_file
from priorkit.runs.os_errors import explained_os_errors
from priorkit.whole_files import write_whole

__all__ = [
    "PRIOR_RECORD",
    "FolderTakenError",
    "RunFolder",
    "explained_os_errors",
    "find_checkpoint",
    "next_free_folder",
]

PRIOR_RECORD = "prior.json"
"""The file that marks the folder of a prior fitted to given codes, which is not a run: it has no images."""


def find_checkpoint(checkpoints: CheckpointStore, name: str = "last", *, state: bool = False) -> Path:
    """Returns the folder of a checkpoint; if it is damaged, warns, and returns the newest undamaged one before it.

    Args:
        checkpoints: The run's checkpoints.
        name: `last` or `best`.
        state: Whether the state of the training must be undamaged, too, not only the weights.

    Raises:
        RunFolderError: There is no such checkpoint, or all are damaged.
    """
    folder, damage = checkpoints.intact(name, state=state)
    if damage:
        warnings.warn(
            f"{damage}; {folder.name}, the checkpoint before it, is used instead", RunFolderWarning, stacklevel=3
        )
    return folder


def next_free_folder(parent: Path, stem: str) -> Path:
    """Returns `parent/stem-001`, or the path with the next free number."""
    pattern = re.compile(re.escape(stem) + r"-(\d+)")
    with explained_os_errors("look at"):
        names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    used = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    return parent / f"{stem}-{max(used, default=0) + 1:03d}"


class RunFolder:
    """The files of a run.

    Args:
        path: The folder.

    Attributes:
        config: `config.toml`, the resolved configuration.
        environment: `environment.json`: versions, hardware, plug-ins and a description of the data.
        metrics: `metrics.jsonl`, one line for each measurement.
        samples: `samples/`, the folder of pictures.
        checkpoints: The store of checkpoints in `checkpoints/`.
        report: `report.html`.
        scores: `scores.json`, the results of `priorkit evaluate`, if any.
        diagnosis: `diagnosis.json`, the last result of `priorkit diagnose`, if any.
        diagnosis_picture: `diagnosis.png`, the picture of that diagnosis.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.runs import RunFolder
        >>> folder = RunFolder.open(Path("runs/first"))
        >>> folder.read_config().prior.name
        'learned'
        >>> folder.checkpoints.step("last"), folder.find_checkpoint().name
        (2, 'step-00000002')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.environment = path / "environment.json"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.report = path / "report.html"
        self.scores = path / "scores.json"
        self.diagnosis = path / "diagnosis.json"
        self.diagnosis_picture = path / "diagnosis.png"
        self.checkpoints = CheckpointStore(path / "checkpoints")

    @classmethod
    def create(cls, path: Path, config: RunConfig, environment: Mapping[str, Any]) -> "RunFolder":
        """Makes a new run folder with its configuration and environment.

        Raises:
            FolderTakenError: The folder already exists, or another process has just made it.
            RunFolderError: The folder cannot be made; no part of it is left.
        """
        cls.check_free(path)
        with explained_os_errors("make the run folder", None):
            make_folder(
                path,
                {"config.toml": config_to_toml(config), "environment.json": json.dumps(environment, indent=2) + "\n"},
            )
        return cls(path)

    @staticmethod
    def check_free(path: Path) -> None:
        """Checks that a new run can use this folder.

        Raises:
            FolderTakenError: The path is already in use.
        """
        with explained_os_errors("look at"):
            if not is_free(path):
                raise FolderTakenError(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Opens an existing run folder.

        Raises:
            RunFolderError: There is no run at this path, or a newer version of priorkit has written it.
        """
        folder = cls(path)
        with explained_os_errors("open the run"):
            if not path.exists():
                raise RunFolderError(f"no run {str(path)!r}: there is no such folder")
            if (path / PRIOR_RECORD).is_file():
                raise RunFolderError(
                    f"{str(path)!r} is a prior that was fitted to given codes: it has no images, encoder or decoder. "
                    f"Use priorkit sample {path} for codes, and priorkit fit --resume {path} to resume it"
                )
            complete = folder.config.is_file() and folder.environment.is_file()
        if not complete:
            raise RunFolderError(
                f"{str(path)!r} is not a run: it has no config.toml and environment.json; name a folder that "
                "`priorkit train` has made"
            )
        require_readable(folder._number(), f"the run {str(path)!r}")
        return folder

    def _number(self) -> Any:
        """The folder's recorded format number; None if it has none, or cannot be read."""
        return self._said().get("format")

    def _said(self) -> dict[str, Any]:
        """The folder's recorded environment; empty if it cannot be read."""
        try:
            environment = parse_json(self.environment.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Code that reads the file reports the error.
            return {}
        return environment if isinstance(environment, dict) else {}

    def read_config(self) -> RunConfig:
        """Reads the run's configuration, migrated from earlier formats.

        Raises:
            ConfigurationError: The file is damaged, or of a version with other settings; the message names the file.
        """
        with blaming_file(self.config, self._version()):
            return validate_settings(migrated_settings(read_toml(self.config), self._number()))

    def _version(self) -> str | None:
        """The folder's recorded version of priorkit, or None."""
        version = self._said().get("priorkit")
        return version if isinstance(version, str) else None

    def write_config(self, config: RunConfig) -> None:
        """Replaces the run's configuration.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        self._replace(self.config, config_to_toml(config))

    def bring_up_to_date(self, config: RunConfig) -> None:
        """Upgrades the folder to the current format, if necessary; checkpoints have their own format numbers.

        Args:
            config: The run's configuration, in the current format.

        Raises:
            RunFolderError: The folder cannot be written, or its environment is damaged.
        """
        if self._number() != FORMAT:
            environment = {"format": FORMAT, **self.read_environment()} | {"format": FORMAT}
            # In this order: a current configuration without a format number is still read correctly.
            self.write_config(config)
            self._replace(self.environment, json.dumps(environment, indent=2) + "\n")

    def find_checkpoint(self, name: str = "last", *, state: bool = False) -> Path:
        """Returns the folder of a checkpoint of the run, like the function `find_checkpoint`."""
        return find_checkpoint(self.checkpoints, name, state=state)

    def find_weights(self, name: str = "last") -> tuple[Path, dict[str, Tensor]]:
        """Returns the folder of a checkpoint, like `find_checkpoint`, and its tensors, like `load_weights`.

        If another process meanwhile saves the next checkpoint and removes this one, the next one is used.
        """
        while True:
            folder = self.find_checkpoint(name)
            try:
                return folder, self.load_weights(folder)
            except DamagedCheckpointError:
                if folder.is_dir():
                    raise

    def load_weights(self, checkpoint: str | Path = "last") -> dict[str, Tensor]:
        """Loads the tensors of a checkpoint onto the CPU, migrated from earlier formats.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint, its file is damaged, or a newer version has written it.
        """
        number = self._checkpoint_number(checkpoint)
        return migrated_weights(self.checkpoints.load_weights(checkpoint), number)

    def load_state(self, checkpoint: str | Path = "last") -> dict[str, Any]:
        """Loads the rest of a checkpoint, the state of the training, like `load_weights`.

        Args:
            checkpoint: A name, or the checkpoint's folder.

        Raises:
            RunFolderError: There is no such checkpoint, its file is damaged, or a newer version has written it.
        """
        number = self._checkpoint_number(checkpoint)
        return migrated_state(self.checkpoints.load_state(checkpoint), number)

    def _checkpoint_number(self, checkpoint: str | Path) -> int | None:
        text = self.checkpoints.metadata(checkpoint).get("format")
        number = int(text) if text is not None and text.isdecimal() else text
        folder = checkpoint if isinstance(checkpoint, Path) else self.checkpoints.path(checkpoint)
        require_readable(number, f"the checkpoint {str(folder)!r}")
        assert number is None or isinstance(number, int)
        return number

    def _replace(self, file: Path, text: str) -> None:
        with explained_os_errors(f"write {file.name}"):
            write_whole(file, text)

    def read_environment(self) -> dict[str, Any]:
        """Reads the run's environment, migrated from earlier formats.

        Raises:
            RunFolderError: The file is damaged.
        """
        try:
            environment = parse_json(self.environment.read_text(encoding="utf-8"))
            if isinstance(environment, dict):
                environment = migrated_environment(environment, environment.get("format"))
            return check_environment(environment)
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"cannot read {str(self.environment)!r}: {error}; restore the file, or train the run again"
            ) from None
