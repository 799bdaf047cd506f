"""The loss `vgg`, with random weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, ReconstructionLoss
from priorkit.plugins import LossContext
from priorkit_plugins.vgg import VGGOptions, priorkit_losses

# torchvision's numbers of the ReLUs, from its documentation of VGG's layers.
INDICES = {"relu1_2": 3, "relu2_2": 8, "relu3_3": 15, "relu4_3": 22, "relu5_3": 29}


@pytest.fixture(scope="module")
def features() -> nn.Sequential:
    """The convolutions of torchvision's VGG-16; the rest of it would take half a gigabyte."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: nn.Sequential = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
    return layers.requires_grad_(False)


@pytest.fixture(scope="module")
def file(features: nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, path)
    return path


def make(file: Path | None, *, trained: bool = False, **options: Any) -> ReconstructionLoss:
    (component,) = priorkit_losses()
    assert component.name == "vgg"
    return component.build(VGGOptions(weights=file, **options), LossContext(ImageShape(1, 16), trained))


def images(channels: int, size: int = 16) -> tuple[Tensor, Tensor]:
    reconstruction, image = 2 * torch.rand(2, 2, channels, size, size, generator=torch.Generator().manual_seed(0)) - 1
    return reconstruction, image


@pytest.mark.parametrize(("channels", "size"), [(1, 16), (3, 32)])
@pytest.mark.parametrize("layers", [("relu2_2",), ("relu1_2", "relu3_3"), ("relu5_3", "relu4_3")])
def test_the_features_are_those_of_torchvisions_network(
    layers: tuple[str, ...], channels: int, size: int, features: nn.Sequential, file: Path
) -> None:
    normalise = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    reconstruction, image = images(channels, size)
    given, wanted = (normalise(((1 + batch) / 2).expand(-1, 3, -1, -1)) for batch in (reconstruction, image))
    expected = sum(
        (features[: INDICES[layer] + 1](given) - features[: INDICES[layer] + 1](wanted)).square().mean()
        for layer in layers
    )
    found = make(file, layers=layers, weight=3)(reconstruction, image)
    assert found.shape == ()
    torch.testing.assert_close(found, 3 * expected, rtol=1e-4, atol=1e-8)


def test_a_layer_named_twice_counts_once(file: Path) -> None:
    one, two = (make(file, layers=("relu1_1",) * times)(*images(1)) for times in (1, 2))
    assert torch.equal(one, two)


def test_the_network_stands_still_moves_with_the_run_and_is_not_saved(file: Path) -> None:
    loss = make(file)
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}
    # Four convolutions, and the two constants of ImageNet.
    assert len(list(loss.buffers())) == 2 * 4 + 2
    assert {buffer.device.type for buffer in loss.to("meta").buffers()} == {"meta"}
    image = torch.empty(2, 1, 16, 16, device="meta", requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(image, image.detach()), image)
    assert gradient.is_meta


def test_a_trained_run_needs_no_weights(tmp_path: Path) -> None:
    assert make(tmp_path / "lost.pth", trained=True)(*images(1)) == 0


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--loss\.weights: there is no file '.*lost\.pth'"):
        make(tmp_path / "lost.pth")


def test_a_file_that_is_something_else(tmp_path: Path) -> None:
    text, tensor, other = (tmp_path / name for name in ("text", "tensor", "other"))
    text.write_text("weights\n")
    torch.save(torch.zeros(3), tensor)
    torch.save(nn.Linear(2, 2).state_dict(), other)
    for path, told in (
        (text, "cannot be read .*torchvision's file"),
        (tmp_path, "cannot be read"),
        (tensor, "holds no weights, but a Tensor"),
        (other, r"not torchvision's weights of VGG-16: features\.0\.weight is missing"),
    ):
        with pytest.raises(ConfigurationError, match=rf"--loss\.weights: .*{told}") as error:
            make(path)
        assert "\n" not in str(error.value)


def test_weights_of_another_shape(features: nn.Sequential, tmp_path: Path) -> None:
    weights = {f"features.{name}": value for name, value in features.state_dict().items()}
    weights["features.2.weight"] = torch.zeros(64, 64, 1, 1)
    torch.save(weights, tmp_path / "vgg.pth")
    with pytest.raises(ConfigurationError, match=r"features\.2\.weight has shape \(64, 64, 1, 1\), and should .* 3, 3"):
        make(tmp_path / "vgg.pth")


def test_the_download(monkeypatch: pytest.MonkeyPatch, features: nn.Sequential, capsys: Any) -> None:
    weights = {f"features.{name}": value for name, value in features.state_dict().items()}

    def downloads(self: object, *args: Any, **kwargs: Any) -> Mapping[str, Tensor]:
        print("Downloading")
        return weights

    def fails(self: object, *args: Any, **kwargs: Any) -> Mapping[str, Tensor]:
        raise OSError("no network")

    monkeypatch.setattr(torchvision.models.VGG16_Weights, "get_state_dict", downloads)
    assert make(None)(*images(1)) > 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(torchvision.models.VGG16_Weights, "get_state_dict", fails)
    with pytest.raises(ConfigurationError, match=r"https://.*vgg16.*no network.* name it with --loss\.weights"):
        make(None)


def test_a_path_is_found_from_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert VGGOptions(weights=Path("vgg.pth")).weights == tmp_path / "vgg.pth"


@pytest.mark.parametrize("options", [{"layers": []}, {"layers": ["relu2_3"]}, {"weight": 0}, {"network": "vgg19"}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VGGOptions.model_validate(options)
