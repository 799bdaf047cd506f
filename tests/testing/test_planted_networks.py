"""The checks of networks find planted defects, in families without other defects."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic, ImageShape, Networks
from priorkit.plugins import NetworksContext
from priorkit.testing import Case, Outcome, Situations, check_component
from priorkit.testing.catalogue import CATALOGUE
from priorkit.testing.checks import precision
from priorkit.testing.checks.image_critics import IMAGE_CRITICS
from priorkit.testing.checks.networks import NETWORKS
from priorkit.testing.conformance import run_check

SITUATIONS = Situations(shapes=(ImageShape(3, 16),), examples=2)


class Critic(ImageCritic):
    """Two convolutions and a linear layer."""

    layers = 2

    def __init__(self, shape: ImageShape, condition_dim: int = 0) -> None:
        super().__init__()
        self.trunk = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(shape.channels, 4, 4, stride=4), nn.LeakyReLU(0.2)),
                nn.Sequential(nn.Conv2d(4, 6, 4, stride=4), nn.LeakyReLU(0.2)),
            ]
        )
        self.head = nn.Linear(6 * (shape.size // 16) ** 2 + condition_dim, 1)

    def refuse_unknown(self, layer: int) -> None:
        if not -self.layers <= layer < self.layers:
            raise ValueError(f"there is no layer {layer} among {self.layers}")

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        self.refuse_unknown(layer)
        for block in list(self.trunk)[: layer % len(self.trunk) + 1]:
            image = block(image)
        return image

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        seen = features.flatten(1)
        logits: Tensor = self.head(seen if condition is None else torch.cat([seen, condition], dim=1))
        return logits.flatten()


class Family(Networks):
    """A sound family."""

    critic: type[Critic] = Critic

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(self.pixels, outputs))

    def decoder(self, code_dim: int) -> nn.Module:
        return nn.Sequential(self.map(code_dim), *self.ending())

    def map(self, code_dim: int) -> nn.Module:
        image = (self.shape.channels, self.shape.size, self.shape.size)
        return nn.Sequential(nn.Linear(code_dim, self.pixels), nn.Unflatten(1, image))

    def ending(self) -> list[nn.Module]:
        return [nn.Tanh()]

    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        return self.critic(self.shape, condition_dim)

    def recogniser(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(6 * (self.shape.size // 16) ** 2, outputs))

    def code_critic(self, code_dim: int) -> nn.Module:
        return nn.Sequential(nn.Linear(code_dim, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1), nn.Flatten(0))

    @property
    def pixels(self) -> int:
        return self.shape.channels * self.shape.size**2


class Maps(Family):
    """A sound family with maps of 4x4 alone."""

    def map_encoder(self, channels: int, size: int) -> nn.Module:
        self.refuse_others(size)
        return nn.Sequential(self.encoder(channels * size**2), nn.Unflatten(1, (channels, size, size)))

    def map_decoder(self, channels: int, size: int) -> nn.Module:
        self.refuse_others(size)
        return nn.Sequential(nn.Flatten(), self.decoder(channels * size**2))

    def refuse_others(self, size: int) -> None:
        if size != 4:
            raise ConfigurationError("maps are 4x4")


class EncodesMapsOnly(Maps):
    def map_decoder(self, channels: int, size: int) -> nn.Module:
        return Networks.map_decoder(self, channels, size)


class FlatMaps(Maps):
    def map_encoder(self, channels: int, size: int) -> nn.Module:
        self.refuse_others(size)
        return self.encoder(channels * size**2)


class FixedChannels(Maps):
    def map_decoder(self, channels: int, size: int) -> nn.Module:
        self.refuse_others(size)
        return super().map_decoder(3, size)


class LinearMaps(Maps):
    def map_decoder(self, channels: int, size: int) -> nn.Module:
        self.refuse_others(size)
        return nn.Sequential(nn.Flatten(), self.map(channels * size**2))


class BreaksOnOtherSizes(Maps):
    def refuse_others(self, size: int) -> None:
        assert size == 4


class DropsOut(Family):
    """A sound family with dropout in all networks except the image critic."""

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.1), super().encoder(outputs))

    def map(self, code_dim: int) -> nn.Module:
        return nn.Sequential(super().map(code_dim), nn.Dropout(0.1))

    def recogniser(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.1), super().recogniser(outputs))

    def code_critic(self, code_dim: int) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.1), super().code_critic(code_dim))


class Signs(nn.Module):
    """Signs, with straight-through gradients."""

    def forward(self, value: Tensor) -> Tensor:
        # In bfloat16, numbers near 8 are coarse.
        return value + (torch.where(value + 8 > 8, 1.0, -1.0) - value).detach()


class BinaryImages(Family):
    """A sound decoder to black and white images. In bfloat16, some pixels flip."""

    def ending(self) -> list[nn.Module]:
        return [Signs()]


class LinearEnding(Family):
    def ending(self) -> list[nn.Module]:
        return []


class SigmoidEnding(Family):
    def ending(self) -> list[nn.Module]:
        return [nn.Sigmoid()]


class NoShape(Family):
    def __init__(self, shape: ImageShape) -> None:
        super().__init__(ImageShape(shape.channels, shape.size))
        self.kept = shape
        del self.shape

    @property
    def pixels(self) -> int:
        return self.kept.channels * self.kept.size**2


class LateRefusal(Family):
    def image_critic(self, condition_dim: int = 0) -> ImageCritic:
        if condition_dim:
            raise ValueError("conditions are not supported")
        return super().image_critic()


class MadeOnce(Family):
    def __init__(self, shape: ImageShape) -> None:
        super().__init__(shape)
        self.made = super().encoder(6)

    def encoder(self, outputs: int) -> nn.Module:
        return self.made if outputs == 6 else super().encoder(outputs)


class Seeded(Family):
    def code_critic(self, code_dim: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return super().code_critic(code_dim)


class FixedWidth(Family):
    def encoder(self, outputs: int) -> nn.Module:
        return super().encoder(6)


class NothingInTheMiddle(Family):
    def code_critic(self, code_dim: int) -> nn.Module:
        middle = code_dim // 2
        if not middle:
            raise RuntimeError("non-positive width")
        return nn.Sequential(nn.Linear(code_dim, middle), nn.LeakyReLU(), nn.Linear(middle, 1), nn.Flatten(0))


class Part(nn.Module):
    """Passes a slice of the input to a module."""

    def __init__(self, *where: slice) -> None:
        super().__init__()
        self.where = where

    def forward(self, value: Tensor) -> Tensor:
        return value[(slice(None), *self.where)]


class HalfOfTheCode(Family):
    def decoder(self, code_dim: int) -> nn.Module:
        half = max(1, code_dim // 2)
        return nn.Sequential(Part(slice(half)), super().decoder(half))


class OneDimension(Family):
    def code_critic(self, code_dim: int) -> nn.Module:
        return nn.Sequential(Part(slice(1)), super().code_critic(1))


class TopLeft(Family):
    def encoder(self, outputs: int) -> nn.Module:
        quarter = Part(slice(None), slice(self.shape.size // 2), slice(self.shape.size // 2))
        return nn.Sequential(quarter, nn.Flatten(), nn.Linear(self.pixels // 4, outputs))


class RedAlone(Critic):
    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        return super().features(image[:, :1].expand_as(image), layer)


class ViewOfAnImage(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.view(len(image), -1)


class MemoryAsItLies(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.as_strided((len(image), image[0].numel()), (image[0].numel(), 1))


class Views(Family):
    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(ViewOfAnImage(), nn.Linear(self.pixels, outputs))


class Strides(Family):
    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(MemoryAsItLies(), nn.Linear(self.pixels, outputs))


class RecogniserOfTheFirstLayer(Family):
    def recogniser(self, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(4 * (self.shape.size // 4) ** 2, outputs))


class RecogniserThatIsNot(Family):
    def recogniser(self, outputs: int) -> nn.Module:
        raise NotImplementedError


class RecogniserOfMaps(Family):
    def recogniser(self, outputs: int) -> nn.Module:
        return nn.Conv2d(6, outputs, 1)


def with_critic(critic: type[Critic]) -> Callable[[NetworksContext], Networks]:
    def build(context: NetworksContext) -> Networks:
        family = Family(context.shape)
        family.critic = critic
        return family

    return build


class NoLayers(Critic):
    layers = None  # type: ignore[assignment]

    def refuse_unknown(self, layer: int) -> None:
        pass


class TooManyLayers(Critic):
    layers = 4

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        self.refuse_unknown(layer)
        return super().features(image, min(layer % 4, 1))

    def refuse_unknown(self, layer: int) -> None:
        if not -4 <= layer < 4:
            raise ValueError("no such layer")


class NegativeOffByOne(Critic):
    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        self.refuse_unknown(layer)
        for block in list(self.trunk)[: layer if layer < 0 else layer + 1]:
            image = block(image)
        return image


class FirstByDefault(Critic):
    def features(self, image: Tensor, layer: int = 0) -> Tensor:
        return super().features(image, layer)

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.score(self.features(image, -1), condition)


class LostBatch(Critic):
    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        return super().features(image, layer).flatten()


class AnyLayer(Critic):
    def refuse_unknown(self, layer: int) -> None:
        pass


class IndexedFirst(Critic):
    def refuse_unknown(self, layer: int) -> None:
        self.trunk[layer]


class Wordless(Critic):
    def refuse_unknown(self, layer: int) -> None:
        if not -self.layers <= layer < self.layers:
            raise ValueError


class OtherForward(Critic):
    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        return 2 * super().forward(image, condition)


class Blind(Critic):
    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().score(features, None if condition is None else torch.zeros_like(condition))


class HalfBlind(Critic):
    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().score(features, None if condition is None else condition[:, :1].expand_as(condition))


class MinibatchDeviation(Critic):
    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().score(features + features.std(0, unbiased=False).mean(), condition)


class RemembersImages(Critic):
    """A custom batch norm, whose statistics priorkit does not recognise."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.norm = nn.InstanceNorm2d(1, track_running_stats=True)

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        return super().features(self.norm(image.mean(1, keepdim=True)).expand_as(image), layer)


class PositiveErrors(Critic):
    is_autoencoder = True

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        return super().forward(image, condition).square()


class NegativeErrors(Critic):
    is_autoencoder = True

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        return -super().forward(image, condition).square()


def planted(check: str, build: Callable[..., Any], *words: str) -> Any:
    return pytest.param(check, build, words, id=f"{check}: {words[0]}")


PLANTED = [
    planted("builds", lambda context: nn.Linear(1, 1), "not Networks"),
    planted("every_part_is_there", lambda context: NoShape(context.shape), "its shape is None", "call super"),
    planted("every_part_is_there", lambda context: LateRefusal(context.shape), "conditions are not", "in `build`"),
    planted("maps_go_both_ways", lambda context: EncodesMapsOnly(context.shape), "only the map_encoder", "missing"),
    planted("maps_go_both_ways", lambda context: FlatMaps(context.shape), r"not \(3, 2, 4, 4\)", "flattened"),
    planted("maps_go_both_ways", lambda context: FixedChannels(context.shape), "RuntimeError", "hard-coded"),
    planted("maps_go_both_ways", lambda context: BreaksOnOtherSizes(context.shape), "AssertionError"),
    planted("images_are_in_range", lambda context: LinearMaps(context.shape), r"not in \[-1, 1\]", "decoder of maps"),
    planted("parts_are_new_each_time", lambda context: MadeOnce(context.shape), "share", "made once"),
    planted("parts_are_new_each_time", lambda context: Seeded(context.shape), "same weights", "seeds torch"),
    planted(
        "sizes_are_taken_as_asked", lambda context: FixedWidth(context.shape), r"encoder\(1\) returns", "hard-coded"
    ),
    planted("sizes_are_taken_as_asked", lambda context: NothingInTheMiddle(context.shape), "1 dimensions", "halved"),
    planted("images_are_in_range", lambda context: LinearEnding(context.shape), r"not in \[-1, 1\]", "linear"),
    planted(
        "images_are_in_range",
        lambda context: SigmoidEnding(context.shape),
        "many images is below",
        "sigmoid",
    ),
    planted(
        "inputs_are_read_whole", lambda context: HalfOfTheCode(context.shape), "on dimension 3 of the codes", "sliced"
    ),
    planted("inputs_are_read_whole", lambda context: OneDimension(context.shape), "code_critic does not depend"),
    planted("inputs_are_read_whole", lambda context: TopLeft(context.shape), "channel 0 of the top right quarter"),
    planted("inputs_are_read_whole", with_critic(RedAlone), "image_critic does not depend on channel 1"),
    planted("channels_last_agrees", lambda context: Views(context.shape), "view size", "flatten"),
    planted("channels_last_agrees", lambda context: Strides(context.shape), "channels-last memory", "as_strided"),
    planted("feature_layers_are_all_there", with_critic(NoLayers), "layers is None", "not set"),
    planted("feature_layers_are_all_there", with_critic(TooManyLayers), "are the same", "larger than"),
    planted("feature_layers_are_all_there", with_critic(NegativeOffByOne), "differ from features", "from the end"),
    planted("feature_layers_are_all_there", with_critic(FirstByDefault), "not those of the last", "default"),
    planted("feature_layers_are_all_there", with_critic(LostBatch), "for 3 images", "batch dimension"),
    planted("unknown_layers_are_refused", with_critic(AnyLayer), "returns features nevertheless", "remainder"),
    planted("unknown_layers_are_refused", with_critic(IndexedFirst), "raises IndexError", "ModuleList"),
    planted("unknown_layers_are_refused", with_critic(Wordless), "without a message", "no message"),
    planted(
        "samples_are_independent",
        with_critic(MinibatchDeviation),
        "image_critic of a sample changes",
        "expected_failures",
    ),
    planted(
        "training_leaves_no_memory",
        with_critic(RemembersImages),
        "image_critic in evaluation mode differs",
        "track_running_stats",
    ),
    planted("logits_are_scores_of_features", with_critic(OtherForward), "differs from the logits", "overridden"),
    planted("errors_give_negative_logits", with_critic(PositiveErrors), "a logit is", "with a positive sign"),
    planted("conditions_change_the_logits", with_critic(HalfBlind), "2 of 6 logits are the same", "ignores"),
    planted("conditions_change_the_logits", with_critic(Blind), "6 of 6 logits are the same", "ignores"),
    planted(
        "features_fit_the_recogniser",
        lambda context: RecogniserOfTheFirstLayer(context.shape),
        "the recogniser fails on features of shape",
        "another layer",
    ),
    planted(
        "features_fit_the_recogniser",
        lambda context: RecogniserThatIsNot(context.shape),
        "NotImplementedError",
        "ConfigurationError",
    ),
    planted(
        "features_fit_the_recogniser", lambda context: RecogniserOfMaps(context.shape), "returns shape", "flattened"
    ),
]


@pytest.mark.parametrize(("check", "build", "words"), PLANTED)
def test_planted_defects_are_found(check: str, build: Callable[..., Any], words: tuple[str, ...]) -> None:
    [found] = [item for item in CATALOGUE["networks"].checks if item.name == check]
    result = run_check(Case("networks", build, situations=SITUATIONS), found)
    assert result.outcome is Outcome.FAILED
    for word in words:
        assert re.search(word, str(result)), str(result)


def test_every_special_check_finds_something() -> None:
    assert {param.values[0] for param in PLANTED} >= {check.name for check in (*NETWORKS, *IMAGE_CRITICS)}


def test_a_few_flipped_signs_are_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for share in (precision._MAY_FLIP, 0.0):
        monkeypatch.setattr(precision, "_MAY_FLIP", share)
        case = Case("networks", lambda context: BinaryImages(context.shape), situations=SITUATIONS)
        [found] = [item for item in CATALOGUE["networks"].checks if item.name == "bfloat16_agrees"]
        outcomes.append(run_check(case, found).outcome)
    assert outcomes == [Outcome.PASSED, Outcome.FAILED]


def test_sound_maps_pass() -> None:
    report = check_component(Case("networks", lambda context: Maps(context.shape), situations=SITUATIONS))
    report.raise_if_failed()
    assert "maps_go_both_ways" in {result.check for result in report.passed}


@pytest.mark.parametrize("critic", [Critic, NegativeErrors])
def test_sound_networks_pass(critic: type[Critic]) -> None:
    report = check_component(Case("networks", with_critic(critic), situations=SITUATIONS))
    report.raise_if_failed()
    skipped = {"errors_give_negative_logits"} if critic is Critic else {"logits_are_scores_of_features"}
    assert {result.check for result in report.skipped} == {
        *skipped,
        "maps_go_both_ways",
        "options_survive_a_file",
        "options_are_usable",
        "listing_imports_no_torch",
        "tracking_layers_can_be_held",
    }


def test_networks_may_drop_out() -> None:
    check_component(Case("networks", lambda context: DropsOut(context.shape), situations=SITUATIONS)).raise_if_failed()
