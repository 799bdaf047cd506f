"""The feature extractor `torchscript`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import FeatureExtractor, ImageData, ImageSet, ImageShape
from priorkit.plugins import ExtractorContext
from priorkit_plugins.torchscript import TorchScriptOptions, priorkit_extractors

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

IMAGES = torch.randint(0, 256, (105, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
DATA = ImageData(ImageSet(IMAGES), ImageSet(IMAGES))


class Moments(nn.Module):
    """Mean and maximum of every channel, in the pixels' own units."""

    def forward(self, image: Tensor) -> Tensor:
        flat = image.flatten(2).float()
        return torch.cat([flat.mean(2), flat.amax(2)], 1)


class WithLogits(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        flat = image.flatten(1).float()
        return flat[:, :5], flat[:, :3]


class Needy(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        assert image.shape[1] == 3, "RGB, please"
        return image.flatten(1)


class Flat(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.flatten(1).float().sum(1)


def make(module: nn.Module | None, folder: Path, **options: Any) -> FeatureExtractor:
    (component,) = priorkit_extractors()
    assert component.name == "torchscript"
    if module is not None:
        options["file"] = folder / "module.pt"
        torch.jit.save(torch.jit.script(module), str(options["file"]))
    context = ExtractorContext(ImageShape(1, 16), folder, torch.device("cpu"))
    return component.build(TorchScriptOptions(**options), context)


@pytest.mark.parametrize("kind", ["symmetric", "unit", "uint8"])
@pytest.mark.parametrize("rgb", [False, True])
def test_pixels_come_as_asked(kind: str, rgb: bool, tmp_path: Path) -> None:
    extractor = make(Moments(), tmp_path, input=kind, rgb=rgb)
    extractor.prepare(DATA)
    pixels = IMAGES.flatten(1).double()
    scaled = {"symmetric": pixels / 127.5 - 1, "unit": pixels / 255, "uint8": pixels}[kind]
    found = extractor.extract(IMAGES)
    channels = 3 if rgb else 1
    expected = torch.stack([scaled.mean(1)] * channels + [scaled.amax(1)] * channels, 1).float()
    torch.testing.assert_close(found.features, expected)
    assert found.probabilities is None


def test_images_come_in_the_size_asked(tmp_path: Path) -> None:
    extractor = make(Moments(), tmp_path, size=8, input="unit")
    extractor.prepare(DATA)
    quartered = IMAGES.flatten(1).float().mean(1) / 255
    found = extractor.extract(IMAGES).features
    torch.testing.assert_close(found[:, 0], quartered, rtol=0, atol=0.02)
    assert (found[:, 1] < IMAGES.flatten(1).amax(1) / 255).all(), "small images have averaged pixels"
    assert extractor.description()["resolution"] == 8


def test_logits_become_probabilities(tmp_path: Path) -> None:
    extractor = make(WithLogits(), tmp_path, input="unit")
    extractor.prepare(DATA)
    found = extractor.extract(IMAGES)
    assert found.features.shape == (105, 5)
    torch.testing.assert_close(found.probabilities, (IMAGES.flatten(1)[:, :3] / 255).softmax(1))
    assert extractor.description()["name"] == "torchscript"
    assert not extractor.standard


def test_another_module_has_another_hash(tmp_path: Path) -> None:
    hashes = []
    for module in (Moments(), WithLogits()):
        extractor = make(module, tmp_path)
        extractor.prepare(DATA)
        hashes.append(extractor.description()["weights"])
    assert hashes[0] != hashes[1]


def test_mistakes(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("no module")
    mistakes = [
        (make(None, tmp_path), "name its file with --extractor.file"),
        (make(None, tmp_path, file=tmp_path / "none.pt"), "there is no such file"),
        (make(None, tmp_path, file=tmp_path / "text.pt"), "not a TorchScript module"),
        (make(Needy(), tmp_path / "."), "RGB, please.*--extractor.rgb define its input"),
    ]
    for extractor, message in mistakes:
        with pytest.raises(ConfigurationError, match=message) as caught:
            extractor.prepare(DATA)
        assert "\n" not in str(caught.value)
    make(Needy(), tmp_path, rgb=True).prepare(DATA)
    with pytest.raises(ConfigurationError, match=r"returns \(2,\) for 2 images; expected features \(2, D\)"):
        make(Flat(), tmp_path).prepare(DATA)
