"""Small runs, and pages of them."""

from collections.abc import Callable, Iterator

import pytest

from chromium import Chromium, chromium
from priorkit.config import RunConfig
from priorkit.exploring import WrittenPage, explore
from priorkit.registry import Registry
from priorkit.runs import Run, load_run, prepare

_SETTINGS = {"steps": 4, "log_every": 2, "sample_every": 2, "average": 0.9}


@pytest.fixture(scope="session")
def train_tiny(
    registry: Registry, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Run]:
    """Trains a tiny run of a recipe, once for each recipe."""
    made: dict[tuple[str, str], Run] = {}

    def make(recipe: str = "learned", name: str = "run", **changes: object) -> Run:
        if (recipe, name) not in made:
            path = tmp_path_factory.mktemp("runs") / name
            prepare(tiny_config(recipe, **{**_SETTINGS, **changes}), path, registry=registry).run()
            made[recipe, name] = load_run(path, device="cpu", precision="float32", registry=registry)
        return made[recipe, name]

    return make


@pytest.fixture(scope="session")
def text_run(train_tiny: Callable[..., Run]) -> Run:
    """A run that reads texts."""
    return train_tiny("learned", "texts", condition="text", text_encoder={"name": "gru", "dim": 4, "word_dim": 3})


@pytest.fixture(scope="session")
def page(train_tiny: Callable[..., Run]) -> WrittenPage:
    """The page of a run whose prior takes no condition."""
    return explore(train_tiny(), codes=20)


@pytest.fixture(scope="session")
def page_of_two(train_tiny: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> WrittenPage:
    """A page of a run with classes and one without."""
    out = tmp_path_factory.mktemp("pages") / "two.html"
    return explore([train_tiny("learned-supervised"), train_tiny()], out, codes=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started
