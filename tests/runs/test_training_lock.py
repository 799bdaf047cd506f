import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import RunFolder, prepare, prepare_resumed
from priorkit.training import Observer


def test_a_run_that_two_processes_want_to_train_is_refused_to_the_second(
    run_config: Callable[..., RunConfig], registry: Registry, tmp_path: Path, at: Callable[..., Observer]
) -> None:
    path = tmp_path / "run"
    refused: list[str] = []

    def intrude() -> None:
        with pytest.raises(RunFolderError) as caught:
            prepare_resumed(path, registry=registry).run()
        refused.append(str(caught.value))

    assert prepare(run_config(), path, registry=registry).run([at(3, intrude)]).steps == 6
    assert refused == [f"another process is training the run {str(path)!r}: wait until it is done, or stop it"]
    stale, first = (prepare_resumed(path, {"steps": steps}, registry=registry) for steps in (7, 8))
    assert first.run().steps == 8
    with pytest.raises(RunFolderError, match=r"another process has trained the run .* since it was loaded"):
        stale.run()
    assert RunFolder.open(path).read_config().steps == 8


@pytest.mark.whole
def test_a_crash_frees_a_run(run_path: Path, registry: Registry) -> None:
    program = (
        "import os, sys, pathlib; from priorkit.runs.training_lock import training_lock\n"
        "with training_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(run_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(RunFolderError, match="another process is training"):
            prepare_resumed(run_path, {"steps": 7}, registry=registry).run()
        process.kill()
        process.wait()
        assert prepare_resumed(run_path, {"steps": 7}, registry=registry).run().steps == 7
