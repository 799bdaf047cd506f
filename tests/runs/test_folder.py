import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.config import RunConfig, resolve_config
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder
from priorkit.runs.folder import FolderTakenError, explained_os_errors, next_free_folder


def test_a_new_folder_has_configuration_and_environment(
    tmp_path: Path, run_config: Callable[..., RunConfig], registry: Registry, environment: dict[str, Any]
) -> None:
    config = run_config()
    made = RunFolder.create(tmp_path / "a" / "b" / "run", config, environment)
    opened = RunFolder.open(tmp_path / "a" / "b" / "run")
    assert resolve_config(opened.read_config(), registry) == config
    assert opened.read_environment() == environment
    assert made.samples.is_dir()
    assert not made.checkpoints.has("last")


def test_an_empty_folder_is_taken(
    tmp_path: Path, run_config: Callable[..., RunConfig], environment: dict[str, Any]
) -> None:
    (tmp_path / "run").mkdir()
    RunFolder.check_free(tmp_path / "run")
    RunFolder.create(tmp_path / "run", run_config(), environment)
    assert RunFolder.open(tmp_path / "run").config.is_file()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_there_is_left_as_it_is(
    kind: str,
    tmp_path: Path,
    run_config: Callable[..., RunConfig],
    contents_of: Callable[[Path], Any],
    environment: dict[str, Any],
) -> None:
    path = tmp_path / "run"
    if kind == "folder":
        path.mkdir()
        (path / "notes.txt").write_text("mine")
    else:
        path.write_text("mine")
    before = contents_of(tmp_path)
    for attempt in (RunFolder.check_free, lambda path: RunFolder.create(path, run_config(), environment)):
        with pytest.raises(RunFolderError, match=r"already exists and is left as it is: .*--resume .*--out") as caught:
            attempt(path)
        assert "\n" not in str(caught.value)
    assert contents_of(tmp_path) == before


def test_a_path_through_a_file_is_refused(
    tmp_path: Path, run_config: Callable[..., RunConfig], environment: dict[str, Any]
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="a part of the path is a file"):
        RunFolder.create(tmp_path / "file" / "run", run_config(), environment)


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.EACCES, "choose a folder that you may write to"),
        (errno.EPERM, "choose a folder that you may write to"),
        (errno.EROFS, "choose a folder that you may write to"),
        (errno.ENOSPC, "free some space, then give the command again"),
        (errno.EDQUOT, "your quota is used up: free some space, then give the command again"),
        (errno.ENAMETOOLONG, "choose a shorter path"),
        (errno.EIO, "choose another path"),
    ],
)
@pytest.mark.parametrize("existed", [True, False])
@pytest.mark.parametrize("function", ["mkdir", "open"])
def test_a_folder_that_cannot_be_made_leaves_nothing(
    number: int,
    fix: str,
    existed: bool,
    function: str,
    tmp_path: Path,
    run_config: Callable[..., RunConfig],
    monkeypatch: pytest.MonkeyPatch,
    contents_of: Callable[[Path], Any],
    environment: dict[str, Any],
) -> None:
    path = tmp_path / "run"
    if existed:
        path.mkdir()
    before = contents_of(tmp_path)
    original = getattr(Path, function)

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == "samples" or "environment.json" in self.name:
            raise OSError(number, os.strerror(number), str(self))
        return original(self, *arguments, **options)

    config = run_config()
    with monkeypatch.context() as patch:
        patch.setattr(Path, function, refuse)
        with pytest.raises(RunFolderError, match=f"cannot make the run folder '.*': .*{fix}") as caught:
            RunFolder.create(path, config, environment)
    assert os.strerror(number) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert contents_of(tmp_path) == before
    RunFolder.create(path, config, environment)


@pytest.mark.parametrize("kind", ["missing", "a file", "empty", "no environment"])
def test_what_is_no_run_is_not_opened(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    if kind == "a file":
        path.write_text("")
    elif kind != "missing":
        path.mkdir()
        if kind == "no environment":
            (path / "config.toml").write_text("")
    expected = "there is no such folder" if kind == "missing" else "is not a run: .*`priorkit train`"
    with pytest.raises(RunFolderError, match=expected):
        RunFolder.open(path)


DAMAGES: dict[str, Any] = {
    "data: {}": {"data": {}},
    "components: 3": {"components": 3},
    "a component without its distribution": {"components": {"prior": {"name": "learned", "version": "1"}}},
    "no channels": {"data": {"channels": None, "size": 16, "train": 20, "held_out": 6, "fingerprint": "0"}},
    "precision": {"precision": "float8"},
    "parameters": {"parameters": ["many"]},
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_an_environment_that_lacks_something_is_an_error_of_one_line(
    damage: str, folder: RunFolder, environment: dict[str, Any]
) -> None:
    folder.environment.write_text(json.dumps(environment))
    assert folder.read_environment() == environment
    folder.environment.write_text(json.dumps({**environment, **DAMAGES[damage]}))
    with pytest.raises(
        RunFolderError, match=rf"cannot read .*environment\.json': {next(iter(DAMAGES[damage]))}"
    ) as caught:
        folder.read_environment()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["{", "", "[]", "{}", "\udcff"])
def test_a_damaged_environment_is_an_error_of_one_line(damage: str, folder: RunFolder) -> None:
    folder.environment.write_bytes(damage.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunFolderError, match=r"cannot read .*environment\.json") as caught:
        folder.read_environment()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["steps = ", "steps = 'many'", "stepz = 3"])
def test_a_damaged_configuration_is_an_error_of_one_line(damage: str, folder: RunFolder) -> None:
    folder.config.write_text(damage)
    with pytest.raises(ConfigurationError) as caught:
        folder.read_config()
    assert "\n" not in str(caught.value)


def test_numbers_of_folders_go_up(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert next_free_folder(runs, "vae-digits") == runs / "vae-digits-001"
    for name in ("vae-digits-002", "vae-digits-009", "aae-digits-050", "vae-digits-x", "vae-digits-more-070"):
        (runs / name).mkdir(parents=True)
    assert next_free_folder(runs, "vae-digits") == runs / "vae-digits-010"
    (runs / "vae-digits-1234").mkdir()
    assert next_free_folder(runs, "vae-digits") == runs / "vae-digits-1235"
    assert next_free_folder(runs, "vae.digits") == runs / "vae.digits-001"


def test_other_errors_are_not_explained_away() -> None:
    with pytest.raises(ZeroDivisionError), explained_os_errors("divide"):
        raise ZeroDivisionError
    message = "cannot write: out of ideas; choose another path"
    with pytest.raises(RunFolderError, match=message), explained_os_errors("write"):
        raise OSError("out of ideas")


def test_of_those_that_start_together_one_gets_the_folder(
    tmp_path: Path, run_config: Callable[..., RunConfig], environment: dict[str, Any]
) -> None:
    """The others are refused, and what the one has made stays whole."""
    config = run_config()
    for existed in (False, True):
        path = tmp_path / f"run-{existed}"
        if existed:
            path.mkdir()
        together = threading.Barrier(4)
        outcomes: list[str] = []

        def start(path: Path = path, together: threading.Barrier = together, outcomes: list[str] = outcomes) -> None:
            together.wait()
            try:
                RunFolder.create(path, config, environment)
                outcomes.append("made")
            except FolderTakenError:
                outcomes.append("refused")

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
        assert RunFolder.open(path).read_environment() == environment


@pytest.mark.parametrize("existed", [True, False])
def test_a_folder_taken_at_the_last_moment_stays_whole(
    existed: bool,
    tmp_path: Path,
    run_config: Callable[..., RunConfig],
    environment: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    contents_of: Callable[[Path], Any],
) -> None:
    path, config = tmp_path / "run", run_config()
    if existed:
        path.mkdir()
    original = RunFolder.check_free

    def check_and_lose(path: Path) -> None:
        original(path)
        monkeypatch.setattr(RunFolder, "check_free", original)
        RunFolder.create(path, config, environment)

    monkeypatch.setattr(RunFolder, "check_free", check_and_lose)
    with pytest.raises(FolderTakenError, match="already exists and is left as it is"):
        RunFolder.create(path, run_config(seed=7), environment)
    assert set(contents_of(path)) - {".lock"} == {"config.toml", "environment.json", "samples"}
    assert RunFolder.open(path).read_config().seed == config.seed


def test_a_name_that_is_too_long_is_an_error_of_one_line(tmp_path: Path) -> None:
    for attempt in (RunFolder.open, RunFolder.check_free):
        with pytest.raises(RunFolderError, match="choose a shorter path") as caught:
            attempt(tmp_path / ("x" * 300))
        assert "\n" not in str(caught.value)
