"""Small runs to watch, trained once, and copies of them to change."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from priorkit.config import RunConfig
from priorkit.registry import Registry
from priorkit.runs import prepare
from priorkit.watching import RunTable, WatchServer, open_server


@pytest.fixture(scope="session")
def watched_before(
    registry: Registry, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A complete run of six steps, which is never changed."""
    path = tmp_path_factory.mktemp("watched") / "complete"
    prepare(tiny_config(steps=6, log_every=1, sample_every=3, checkpoint_every=2), path, registry=registry).run()
    return path


@pytest.fixture
def make_run(watched_before: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of that run in the folder `runs`, by its name."""
    return lambda name="one": shutil.copytree(watched_before, tmp_path / "runs" / name)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., WatchServer]]:
    """Serves a page of the folder `runs`, until the test ends."""
    with ExitStack() as until_done:

        def start() -> WatchServer:
            opened = until_done.enter_context(open_server(RunTable([tmp_path / "runs"]), 0))
            thread = threading.Thread(target=opened.serve_forever, args=(0.01,))
            thread.start()
            until_done.callback(thread.join)
            until_done.callback(opened.shutdown)
            return opened

        yield start
