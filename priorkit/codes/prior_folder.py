"""The folder of a prior that was fitted to given codes."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from priorkit.codes.records import FORMAT, PriorRecord
from priorkit.codes.settings import settings_to_toml
from priorkit.config import RunConfig, parse_json, read_toml, validate_settings
from priorkit.engine import CheckpointStore
from priorkit.errors import RunFolderError
from priorkit.runs.folder import PRIOR_RECORD, explained_os_errors
from priorkit.runs.folder_making import whole_folder
from priorkit.runs.kept_settings import blaming_file
from priorkit.whole_files import write_whole

__all__ = ["PriorFolder"]


class PriorFolder:
    """The files of a fitted prior.

    Args:
        path: The folder.

    Attributes:
        config: `prior.toml`: the settings.
        record: `prior.json`: versions, plug-ins, and a description of the codes.
        metrics: `metrics.jsonl`: one line for each measurement of the fit; missing if the prior was saved from memory.
        checkpoints: `checkpoints/`: the weights, and the state for resuming a fit.

    Examples:
        >>> from pathlib import Path
        >>> import torch
        >>> from priorkit.codes import PriorFolder, fit_prior
        >>> codes = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> fitted = fit_prior(codes, "full-gaussian", device="cpu", out="priors/mine")
        >>> folder = PriorFolder.open(Path("priors/mine"))
        >>> folder.read_record().codes.count, folder.read_config().prior.name
        (500, 'full-gaussian')
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "prior.toml"
        self.record = path / PRIOR_RECORD
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = CheckpointStore(path / "checkpoints")

    @classmethod
    def check_free(cls, path: Path) -> None:
        """Checks that a new prior can use this folder.

        Raises:
            RunFolderError: The path is already in use.
        """
        with explained_os_errors("look at", None):
            if path.exists() and not (path.is_dir() and not any(path.iterdir())):
                raise RunFolderError(f"{str(path)!r} already exists and is left as it is; name another folder")

    @classmethod
    def create(
        cls,
        path: Path,
        config: RunConfig,
        record: PriorRecord,
        weights: Mapping[str, Tensor],
        state: Mapping[str, Any],
        step: int,
    ) -> "PriorFolder":
        """Makes a folder with a first checkpoint, atomically.

        Raises:
            RunFolderError: The folder already exists, or cannot be made; no part of it is left.
        """
        cls.check_free(path)

        def write(folder: PriorFolder) -> None:
            folder.save(step, weights, state)
            folder.config.write_text(settings_to_toml(config), encoding="utf-8")
            # Last: this file marks a folder as a prior's.
            folder.record.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")

        folder = cls(path)
        with explained_os_errors("make the folder of the prior", None):
            if not path.exists():
                with whole_folder(path) as draft:
                    write(cls(draft))
                return folder
            try:
                write(folder)
            except BaseException:
                _remove(folder)
                raise
        return folder

    def save(self, step: int, weights: Mapping[str, Tensor], state: Mapping[str, Any], *, keep: int = 1) -> None:
        """Saves a checkpoint.

        Args:
            step: The training step.
            weights: Tensors by name.
            state: The rest of the fit's state, for resuming it; empty if it is not needed.
            keep: Number of last checkpoints to keep, this one included.

        Raises:
            RunFolderError: The checkpoint cannot be written; the previous one is kept.
        """
        with explained_os_errors("save a checkpoint", "priorkit fit --resume PRIOR"):
            self.checkpoints.save(step, weights, state, ["last"], {"format": str(FORMAT)}, keep=keep)

    def write_config(self, config: RunConfig) -> None:
        """Replaces the settings.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        with explained_os_errors("write prior.toml", "priorkit fit --resume PRIOR"):
            write_whole(self.config, settings_to_toml(config))

    @classmethod
    def is_one(cls, path: Path) -> bool:
        """Whether a path is the folder of a fitted prior."""
        with suppress(OSError):
            return (path / PRIOR_RECORD).is_file()
        return False

    @classmethod
    def open(cls, path: Path) -> "PriorFolder":
        """Opens an existing folder.

        Raises:
            RunFolderError: There is no folder of a prior at this path.
        """
        if not cls.is_one(path):
            found = "it has no prior.json" if path.exists() else "there is no such folder"
            raise RunFolderError(
                f"{str(path)!r} is not a prior fitted to given codes: {found}; name a folder that `priorkit fit "
                "--codes` or FittedPrior.save has made"
            )
        return cls(path)

    def read_record(self) -> PriorRecord:
        """Reads the record of the fit and its codes.

        Raises:
            RunFolderError: The file is damaged, or a newer version has written it.
        """
        try:
            record = parse_json(self.record.read_text(encoding="utf-8"))
            number = record.get("format") if isinstance(record, dict) else None
            if isinstance(number, int) and number > FORMAT:
                raise RunFolderError(
                    f"the prior {str(self.path)!r} was written by a newer priorkit (its format is {number}, but this "
                    f"version reads up to {FORMAT}); upgrade priorkit: pip install --upgrade priorkit"
                )
            return PriorRecord.model_validate(record)
        except RunFolderError:
            raise
        except ValidationError as error:
            first = error.errors()[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except (OSError, ValueError) as error:
            reason = str(error)
        raise RunFolderError(f"cannot read {str(self.record)!r}: {reason}; restore the file, or fit the prior again")

    def read_config(self) -> RunConfig:
        """Reads the settings.

        Raises:
            ConfigurationError: The file is damaged.
        """
        with blaming_file(self.config, None):
            return validate_settings(read_toml(self.config))


def _remove(folder: PriorFolder) -> None:
    """Removes an incomplete folder, which could neither be resumed nor reused."""
    shutil.rmtree(folder.checkpoints.folder, ignore_errors=True)
    for file in (folder.config, folder.record):
        with suppress(OSError):
            file.unlink()
