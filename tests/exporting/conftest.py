"""Runs of two steps, each trained once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from priorkit.config import RunConfig
from priorkit.registry import Registry
from priorkit.runs import Run, load_run, prepare

MakeRun = Callable[..., Run]

_STAGES = [{"phases": ["autoencoder"], "steps": 1}, {"phases": ["code-fitting"]}]
_RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "grey": ("aae", {}),
    "colour": ("aae", {"dataset": {"channels": 3}}),
    "gaussian encoder": ("vae", {}),
    "classes": ("learned-supervised", {}),
    "maps": ("vae", {"code_dim": 3, "code_size": 4}),
    "codebook": ("vq-vae", {"prior": {"name": "index-frequencies"}, "stages": _STAGES}),
    "full mixture": ("vae", {"prior": {"name": "mixture", "em": True, "components": 2}, "stages": _STAGES}),
    "no encoder": ("dcgan", {"networks": "normed"}),
}


@pytest.fixture(scope="session")
def make_run(
    registry: Registry, tiny_config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory
) -> MakeRun:
    """Gives a run by its name above, on the CPU."""
    paths: dict[str, Path] = {}

    def make(name: str) -> Run:
        if name not in paths:
            recipe, changes = _RUNS[name]
            path = tmp_path_factory.mktemp("exported") / "run"
            prepare(tiny_config(recipe, **{"steps": 2, **changes}), path, registry=registry).run()
            paths[name] = path
        return load_run(paths[name], device="cpu", registry=registry)

    return make
