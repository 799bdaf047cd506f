import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.errors import RunFolderError
from priorkit.registry import Registry
from priorkit.runs import prepare
from priorkit.runs.removed_folder import noticing_removal
from priorkit.training import Observer, Session


@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_training_says_that_its_folder_is_gone(
    how: str, tmp_path: Path, registry: Registry, run_config: Callable[..., RunConfig]
) -> None:
    path = tmp_path / "run"

    class Taken(Observer):
        def stepped(self, session: Session) -> None:
            if session.steps == 2:
                shutil.rmtree(path) if how == "removed" else path.rename(tmp_path / "elsewhere")

    run = prepare(run_config(), path, registry=registry)
    with pytest.raises(RunFolderError, match="has been removed or renamed while it was used") as caught:
        run.run([Taken()])
    assert repr(str(path)) in str(caught.value)
    assert not path.exists()


def test_other_failures_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space"), noticing_removal(lambda: tmp_path):
        raise full
    with pytest.raises(FileNotFoundError), noticing_removal(lambda: None):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")
