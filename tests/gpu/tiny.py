"""Tiny runs of every recipe: small networks of its own family, and images with labels, embeddings and captions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from check import Asked
from priorkit.config import RunConfig, merge_settings, resolve_config, validate_settings
from priorkit.interfaces import Captions, ImageData, ImageSet
from priorkit.registry import Registry, installed_plugins
from priorkit.training import Session

__all__ = [
    "EXACT",
    "RECIPES",
    "SIZE",
    "bars",
    "exact_float32",
    "make_config",
    "make_session",
    "registry",
    "settings_of",
]

SIZE = 16
"""Height and width of the images, in pixels."""

_SMALL_NETWORKS: Mapping[str, Mapping[str, int]] = {
    "residual": {"width": 4, "critic_hidden": 8, "code_critic_width": 10},
    "dcgan": {"width": 4, "code_critic_width": 10},
    "mlp": {"hidden": 8},
    "began": {"width": 4, "code_critic_width": 10},
}
_STEPS = 4
_STEPS_OF_A_STAGE = 2
_CODE_DIM = 4
_BATCH = 8

EXACT: Mapping[str, Any] = {"precision": "float32", "optimizer": "sgd", "beta1": 0.0, "learning_rate": 0.01}
"""Settings for comparing two ways to compute. SGD, because Adam turns small differences into large ones."""


@cache
def registry() -> Registry:
    """Returns the registry of the installed components."""
    return installed_plugins()


RECIPES = tuple(recipe.name for recipe in registry().recipes())
"""The names of all recipes."""


@cache
def bars() -> ImageData:
    """Returns images with a bright bar in one of several places, with two classes, embeddings and captions."""
    return ImageData(_bars(40, 1), _bars(16, 2), ("odd", "even"))


def _bars(n: int, seed: int) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, 1, SIZE, SIZE), generator=generator)
    places = torch.randint(SIZE - 2, (n,), generator=generator)
    for image, place in zip(images, places.tolist(), strict=True):
        image[:, :, place : place + 3] += 150
    described = torch.stack([places / SIZE, (places / SIZE - 0.5).square(), torch.ones(n)], dim=1)
    captions = Captions((f"a bar in row {place}", f"row {place}") for place in places.tolist())
    return ImageSet(images.to(torch.uint8), places % 2, embeddings=described, captions=captions)


def settings_of(recipe: str, asked: Asked) -> dict[str, Any]:
    """Returns the recipe's settings with small networks, few steps and small batches."""
    settings: dict[str, Any] = dict(registry().recipe(recipe).settings)
    chosen = settings.get("networks", "residual")
    networks = {"name": chosen} if isinstance(chosen, str) else {"name": "residual", **chosen}
    small: dict[str, Any] = {
        "networks": {**networks, **_SMALL_NETWORKS[networks["name"]]},
        "code_dim": _CODE_DIM,
        "batch_size": _BATCH,
        "steps": _STEPS,
        "device": str(asked.device),
        "seed": asked.seed,
    }
    condition, prior = _chosen(settings, "condition"), _chosen(settings, "prior")
    if condition.get("name") == "categorical":
        # One class more than the images have. Continuous codes need further dimensions of the code.
        small |= {"condition": {"classes": 3}, "code_dim": _CODE_DIM + int(condition.get("continuous", 0))}
    if prior.get("name") == "categorical":
        small |= {"prior": {"classes": 2}, "encoder": {"classes": 2}}
    if stages := settings.get("stages"):
        steps = [min(stage.get("steps", _STEPS_OF_A_STAGE), _STEPS_OF_A_STAGE) for stage in stages]
        *former, last = ({**stage, "batch_size": _BATCH} for stage in stages)
        # The last stage lasts until the run ends.
        last.pop("steps", None)
        small["stages"] = [*({**stage, "steps": n} for stage, n in zip(former, steps[:-1], strict=True)), last]
        small["steps"] = sum(steps)
    return dict(merge_settings(settings, small))


def _chosen(settings: Mapping[str, Any], slot: str) -> Mapping[str, Any]:
    chosen = settings.get(slot, {})
    return {"name": chosen} if isinstance(chosen, str) else chosen


def make_config(recipe: str, asked: Asked, **changes: Any) -> RunConfig:
    """Returns the resolved configuration of a tiny run, with changes to single settings."""
    return resolve_config(validate_settings(merge_settings(settings_of(recipe, asked), changes)), registry())


def make_session(recipe: str, asked: Asked, **changes: Any) -> Session:
    """Makes a session of a tiny run on `bars`."""
    return Session(make_config(recipe, asked, **changes), registry(), bars())


@contextmanager
def exact_float32() -> Iterator[None]:
    """A context without TF32, to which products and cuDNN's convolutions on CUDA devices would round their inputs."""
    matmul = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = matmul
