"""The checks of tracking layers find planted defects, in an encoder without other defects."""

import re

import pytest
import torch
from torch import Tensor

from priorkit.interfaces import Encoder, ImageShape, Posterior, TrackingLayer
from priorkit.plugins import EncoderContext
from priorkit.testing import Case, Outcome, Situations
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(code_dims=(2,), codes=(), shapes=(ImageShape(1, 16),), examples=2)


class RunningMean(TrackingLayer):
    """A tracking layer that subtracts a running mean of its inputs. Without defects."""

    mean: Tensor

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(code_dim))

    def follows(self) -> bool:
        return self.training and self.track_running_stats

    def forward(self, values: Tensor) -> Tensor:
        code = values - self.mean.clone()
        if self.follows():
            with torch.no_grad():
                self.mean.lerp_(values.float().mean(0), 0.5)
        return code


class Restless(RunningMean):
    def follows(self) -> bool:
        return self.training


class Centred(Encoder):
    """An encoder with such a layer. Without defects."""

    needs_whole_batch = True
    layer: type[TrackingLayer] = RunningMean

    def __init__(self, context: EncoderContext) -> None:
        super().__init__()
        self.code_dim = context.code_dim
        self.body = context.networks.encoder(context.code_dim)
        self.mean = self.layer(context.code_dim)  # type: ignore[call-arg]

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = self.mean(self.body(image))
        return Posterior(code, code)


class RestlessCentred(Centred):
    layer = Restless


class OfAPart(Centred):
    needs_whole_batch = False


class RemembersMore(Centred):
    def __init__(self, context: EncoderContext) -> None:
        super().__init__(context)
        self.register_buffer("largest", torch.zeros(()))

    largest: Tensor

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        if self.training:
            self.largest.lerp_(image.detach().mean(), 0.5)
        found = super().forward(image)
        return Posterior(found.code + self.largest.clone(), found.mean + self.largest.clone())


PLANTED = [
    ("tracking_layers_can_be_held", RestlessCentred, ("changes 'mean.mean'", "track_running_stats")),
    ("tracking_layers_can_be_held", OfAPart, ("needs_whole_batch is False", "each would track")),
    ("training_leaves_no_memory", RemembersMore, ("in evaluation mode differs by up to",)),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(check: str, build: type[Encoder], words: tuple[str, ...]) -> None:
    [found] = [item for item in CATALOGUE["encoder"].checks if item.name == check]
    result = run_check(Case("encoder", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED, str(result)
    for word in words:
        assert re.search(word, str(result)), str(result)


@pytest.mark.parametrize("check", sorted({check for check, _, _ in PLANTED} | {"use_changes_nothing", "repeatable"}))
def test_a_sound_layer_passes(check: str) -> None:
    [found] = [item for item in CATALOGUE["encoder"].checks if item.name == check]
    assert run_check(Case("encoder", Centred, situations=SITUATIONS), found).outcome is Outcome.PASSED
