"""Every built-in reconstruction loss keeps its contract."""

from collections.abc import Callable
from functools import cache

import torch
import torchvision
from torch import Tensor

from priorkit.interfaces import ImageShape, ReconstructionLoss
from priorkit.plugins import Component, LossContext
from priorkit.registry import installed_plugins
from priorkit.testing import Case, Situations
from priorkit_plugins.vgg import VGGOptions
from priorkit_plugins.vgg.loss import VGGLoss
from quick_choices import contracts

BRIEFLY = Situations(shapes=(ImageShape(1, 16),))
"""Situations for further options of components that other cases check thoroughly."""

LIKELIHOOD = ("likelihoods_normalise", "likelihoods_agree_with_the_loss")


@cache
def random_weights() -> dict[str, Tensor]:
    """Random weights of VGG-16, in place of the trained weights, a download of half a gigabyte."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"][:5])
    return {f"features.{name}": value for name, value in layers.state_dict().items()}


def untrained(options: VGGOptions, context: LossContext) -> ReconstructionLoss:
    return VGGLoss(random_weights(), options.layers, options.weight)


VGG = Component("vgg", VGGOptions, untrained, summary="with random weights", source="")

CASES = [
    Case("loss", "learned-similarity"),
    Case("loss", "learned-similarity", {"layer": 2, "weight": 3.0}, situations=BRIEFLY),
    Case("loss", "ms-ssim"),
    Case("loss", "ms-ssim", {"window": 5, "scales": 2}, situations=BRIEFLY),
    Case("loss", "perceptual"),
    Case("loss", "perceptual", {"layer": 0, "reduction": "sum"}, situations=BRIEFLY),
    *(
        Case(
            "loss",
            "pixel",
            {"distance": distance, "reduction": "sum", "weight": weight},
            required=LIKELIHOOD,
            situations=BRIEFLY,
        )
        for distance, weight in (("squared", 1.0), ("squared", 0.3), ("absolute", 4.0), ("cross-entropy", 1.0))
    ),
    *(Case("loss", "pixel", {"distance": distance}) for distance in ("squared", "absolute", "cross-entropy")),
    Case("loss", "pixel", {"tolerance": 0.1}, situations=BRIEFLY),
    Case("loss", "pixel", {"distance": "cross-entropy", "reduction": "sum", "weight": 2.0}, situations=BRIEFLY),
    Case("loss", VGG, {"layers": ("relu1_2", "relu2_1")}),
]

NO_LOSS = "none"
"""Losses for systems without an encoder: they build None, so there is nothing to check."""


@contracts(CASES)
def test_conforms(check: Callable[[], None]) -> None:
    check()


def test_no_built_in_is_forgotten(built_in: Callable[[str], set[str]]) -> None:
    assert built_in("loss") == {NO_LOSS, *(case.component.name for case in CASES if case.component is not None)}


def test_the_loss_none_is_none() -> None:
    component = installed_plugins().get("loss", NO_LOSS).component
    assert component.build(component.options(), LossContext(ImageShape(1, 16))) is None
