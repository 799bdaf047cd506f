"""The run folder: where a run's files lie, and what may be done with the folder."""

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from priorkit.config import RunConfig, config_to_toml, read_toml, validate_settings
from priorkit.engine import CheckpointStore
from priorkit.errors import RunFolderError
from priorkit.runs.environment import check_environment

__all__ = ["FolderTakenError", "RunFolder", "explained_os_errors", "next_free_folder"]


class FolderTakenError(RunFolderError):
    """A new run cannot have this folder, because there is something in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{str(path)!r} exists already and is left as it is: go on with it by "
            f"`priorkit train --resume {path}`, or name another folder with --out"
        )


@contextmanager
def explained_os_errors(doing: str) -> Iterator[None]:
    """Turns the operating system's refusals (no permission, no space) into one-line errors with the fix.

    Args:
        doing: What was being attempted, as in "cannot DOING".
    """
    try:
        yield
    except OSError as error:
        fixes = {
            errno.ENOSPC: "free some space, then go on with `priorkit train --resume RUN`",
            errno.EDQUOT: "your quota is used up: free some space, then go on with `priorkit train --resume RUN`",
            errno.EACCES: "choose a folder that you may write to",
            errno.EPERM: "choose a folder that you may write to",
            errno.EROFS: "choose a folder that you may write to",
            errno.ENOTDIR: "a part of the path is a file; choose another path",
            errno.EEXIST: "a part of the path is a file; choose another path",
            errno.ENAMETOOLONG: "choose a shorter path",
        }
        where = f" {str(error.filename)!r}" if error.filename else ""
        fix = fixes.get(error.errno or 0, "choose another path")
        raise RunFolderError(f"cannot {doing}{where}: {error.strerror or error}; {fix}") from error


def next_free_folder(parent: Path, stem: str) -> Path:
    """`parent/stem-001`, or the next number that no folder has."""
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
        environment: `environment.json`, versions, hardware, plug-ins and what the data was.
        metrics: `metrics.jsonl`, one line for each measurement.
        samples: `samples/`, pictures.
        checkpoints: `checkpoints/`.
        report: `report.html`.
        scores: `scores.json`, what `priorkit evaluate` has found, once it has.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.toml"
        self.environment = path / "environment.json"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.report = path / "report.html"
        self.scores = path / "scores.json"
        self.checkpoints = CheckpointStore(path / "checkpoints")

    @classmethod
    def create(cls, path: Path, config: RunConfig, environment: Mapping[str, Any]) -> "RunFolder":
        """Makes a new run folder with its configuration and environment.

        Raises:
            FolderTakenError: It exists already, or another process has just made it.
            RunFolderError: It cannot be made; nothing of it is left then.
        """
        cls.check_free(path)
        folder = cls(path)
        made: list[Path] = []
        with explained_os_errors("make the run folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with suppress(FileExistsError):
                    path.mkdir()
                    made.append(path)
                try:
                    # Of processes that start together, one alone can make this: the folder is its.
                    folder.samples.mkdir()
                except FileExistsError:
                    raise FolderTakenError(path) from None
                made.append(folder.samples)
                for file, text in (
                    (folder.config, config_to_toml(config)),
                    (folder.environment, json.dumps(environment, indent=2) + "\n"),
                ):
                    made.append(file)
                    file.write_text(text, encoding="utf-8")
            except BaseException:
                # Half a run folder could neither be gone on with nor be used again.
                for entry in reversed(made):
                    with suppress(OSError):
                        entry.rmdir() if entry in (path, folder.samples) else entry.unlink()
                raise
        return folder

    @staticmethod
    def check_free(path: Path) -> None:
        """Makes sure that a new run can have this folder.

        Raises:
            FolderTakenError: There is something there already.
        """
        with explained_os_errors("look at"):
            if path.is_dir() and not any(path.iterdir()):
                return
            if path.exists():
                raise FolderTakenError(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run folder.

        Raises:
            RunFolderError: There is none at that path.
        """
        folder = cls(path)
        with explained_os_errors("open the run"):
            if not path.exists():
                raise RunFolderError(f"no run {str(path)!r}: there is no such folder")
            complete = folder.config.is_file() and folder.environment.is_file()
        if not complete:
            raise RunFolderError(
                f"{str(path)!r} is no run: it has no config.toml and environment.json; name a folder that "
                "`priorkit train` has made"
            )
        return folder

    def read_config(self) -> RunConfig:
        """The run's configuration.

        Raises:
            ConfigurationError: The file is damaged.
        """
        return validate_settings(read_toml(self.config))

    def write_config(self, config: RunConfig) -> None:
        """Replaces the run's configuration.

        Raises:
            RunFolderError: The folder cannot be written.
        """
        draft = self.config.with_name(f".{self.config.name}.draft")
        with explained_os_errors("write the configuration"):
            try:
                draft.write_text(config_to_toml(config), encoding="utf-8")
                draft.replace(self.config)
            finally:
                draft.unlink(missing_ok=True)

    def read_environment(self) -> dict[str, Any]:
        """What the run was made with.

        Raises:
            RunFolderError: The file is damaged.
        """
        try:
            environment = json.loads(self.environment.read_text(encoding="utf-8"))
            return check_environment(environment)
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"cannot read {str(self.environment)!r}: {error}; restore the file, or train the run again"
            ) from None
