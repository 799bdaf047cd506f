from collections.abc import Callable
from typing import Any

import pytest

from priorkit.config import RunConfig
from priorkit.data import DataSummary
from priorkit.interfaces import ImageShape
from priorkit.models import build_system
from priorkit.models.active_components import active_slots
from priorkit.registry import Registry

ALWAYS = {"prior", "networks"}
AUTOENCODER = ALWAYS | {"encoder", "loss"}
ADVERSARIAL = AUTOENCODER | {"regularizer", "adversarial_loss"}


@pytest.mark.parametrize(
    ("recipe", "changes", "expected"),
    [
        ("learned", {}, ADVERSARIAL | {"code_generator"}),
        (
            "learned",
            {"condition": "categorical"},
            ADVERSARIAL | {"code_generator", "condition"},
        ),
        ("vae", {}, AUTOENCODER | {"regularizer"}),
        ("vae", {"loss": "perceptual"}, ADVERSARIAL),
        ("aae", {}, ADVERSARIAL),
        ("vae", {"regularizer": "none"}, AUTOENCODER),
        ("dcgan", {}, ALWAYS | {"adversarial_loss"}),
    ],
)
def test_what_takes_part(
    recipe: str, changes: dict[str, Any], expected: set[str], registry: Registry, tiny_config: Callable[..., RunConfig]
) -> None:
    system = build_system(tiny_config(recipe, registry, **changes), registry, DataSummary(ImageShape(1, 16)))
    assert active_slots(system) == expected


def test_of_a_fit_the_prior_takes_part_and_what_belongs_to_it(
    registry: Registry, tiny_config: Callable[..., RunConfig]
) -> None:
    system = build_system(tiny_config("learned", registry), registry, DataSummary(ImageShape(1, 16)))
    system.fits_codes = True
    assert active_slots(system) == {"prior", "code_generator"}
