"""Families of networks in all sizes, and what they refuse; tests/testing holds them to their interface."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, Networks
from priorkit.plugins import NetworksContext
from priorkit.registry import installed_plugins

CODE_DIM = 6
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "residual": ("residual", {"width": 4, "code_critic_width": 20}),
    "residual without norm": ("residual", {"width": 4, "norm": "none", "code_critic_width": 20}),
    "residual of spectral norm 1": ("residual", {"width": 4, "decoder_spectral_norm": True, "code_critic_width": 20}),
    "dcgan": ("dcgan", {"width": 4, "code_critic_width": 20}),
    "began": ("began", {"width": 4, "hidden": 8, "code_critic_width": 20}),
    "mlp": ("mlp", {"hidden": 24}),
}
PARTS: dict[str, Callable[[Networks], nn.Module]] = {
    "encoder": lambda networks: networks.encoder(CODE_DIM),
    "decoder": lambda networks: networks.decoder(CODE_DIM),
    "image critic": lambda networks: networks.image_critic(),
    "code critic": lambda networks: networks.code_critic(CODE_DIM),
}

families = pytest.mark.parametrize("family", FAMILIES)
parts = pytest.mark.parametrize("part", PARTS)
seeds = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=5)


def component(name: str) -> Any:
    [found] = importlib.import_module(f"priorkit_plugins.{name}_networks").priorkit_networks()
    return found


def build(family: str, channels: int = 1, size: int = 16) -> Networks:
    name, options = FAMILIES[family]
    found = component(name)
    networks: Networks = found.build(found.options(**options), NetworksContext(ImageShape(channels, size)))
    return networks


def seeded_with(name: str, **options: Any) -> Networks:
    torch.manual_seed(0)
    found = component(name)
    networks: Networks = found.build(found.options(width=4, **options), NetworksContext(ImageShape(1, 16)))
    return networks


def seeded(family: str, part: str, seed: int, channels: int = 1, size: int = 16) -> nn.Module:
    torch.manual_seed(seed)
    return PARTS[part](build(family, channels, size))


def batch(part: str, seed: int, n: int, channels: int = 1, size: int = 16) -> Tensor:
    """Images in [-1, 1], or codes."""
    generator = torch.Generator().manual_seed(seed)
    if part in ("encoder", "image critic"):
        return torch.rand(n, channels, size, size, generator=generator) * 2 - 1
    return torch.randn(n, CODE_DIM, generator=generator)


def expected_shape(part: str, n: int, channels: int = 1, size: int = 16) -> tuple[int, ...]:
    return {"encoder": (n, CODE_DIM), "decoder": (n, channels, size, size)}.get(part, (n,))


@pytest.mark.parametrize("name", ["residual", "dcgan", "mlp", "began"])
def test_is_installed_under_its_name(name: str) -> None:
    found = installed_plugins().get("networks", name)
    assert found.distribution == "priorkit"
    assert found.component.build is component(name).build


@families
@parts
@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes_dtype_and_finiteness(family: str, part: str, size: int, channels: int) -> None:
    module = seeded(family, part, 0, channels, size)
    for training, n in ((True, 3), (False, 1)):
        output = module.train(training)(batch(part, 1, n, channels, size))
        assert output.shape == expected_shape(part, n, channels, size)
        assert output.dtype == torch.float32
        assert output.isfinite().all()


@families
@pytest.mark.parametrize("part", ["encoder", "image critic"])
@few
@given(seed=seeds, pixel=st.sampled_from([-1.0, 0.0, 1.0]), training=st.booleans())
def test_blank_images_give_finite_outputs_and_gradients(
    family: str, part: str, seed: int, pixel: float, training: bool
) -> None:
    module = seeded(family, part, seed).train(training)
    image = torch.full((3, 1, 16, 16), pixel, requires_grad=True)
    output = module(image)
    output.square().sum().backward()
    assert output.isfinite().all()
    assert image.grad is not None
    assert image.grad.isfinite().all()


@families
def test_features_of_the_image_critic_are_not_rectified(family: str) -> None:
    torch.manual_seed(0)
    critic = build(family).image_critic().eval()
    for layer in range(critic.layers):
        assert (critic.features(batch("image critic", 0, 3), layer) < 0).any(), (
            "leaky ReLU lets negative values through"
        )


@pytest.mark.parametrize("name", ["residual", "dcgan"])
def test_norms_of_the_image_critic(name: str) -> None:
    kinds = {"batch": nn.BatchNorm2d, "layer": nn.GroupNorm}
    image = batch("image critic", 0, 4)
    for chosen in ("batch", "layer", "none"):
        critic = seeded_with(name, critic_norm=chosen).image_critic()
        norms = [layer for layer in critic.modules() if isinstance(layer, nn.BatchNorm2d | nn.GroupNorm)]
        assert all(type(layer) is kinds[chosen] for layer in norms)
        assert bool(norms) is (chosen != "none")
        # In training, only batch norm makes an image's logit depend on the other images.
        alone = torch.cat([critic(image[:2]), critic(image[2:])])
        assert torch.allclose(critic(image), alone, atol=1e-5) is (chosen != "batch")


@families
@pytest.mark.parametrize("beyond", [0, 1, 10])
def test_unknown_feature_layers_are_refused(family: str, beyond: int) -> None:
    critic = build(family).image_critic()
    for layer in (critic.layers + beyond, -critic.layers - 1 - beyond):
        valid = rf"no layer {layer}: it has {critic.layers}, so choose from {-critic.layers} to {critic.layers - 1}\b"
        with pytest.raises(ValueError, match=valid):
            critic.features(torch.zeros(1, 1, 16, 16), layer)


@pytest.mark.parametrize("family", ["residual", "dcgan", "began"])
@pytest.mark.parametrize("size", [8, 28, 48, 256])
def test_sizes_that_convolutional_networks_cannot_have(family: str, size: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"{size}x{size} pixels .* 16, 32, 64, 128: resize .* 'mlp'"):
        build(family, size=size)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("residual", {"width": 0}),
        ("residual", {"norm": "layer"}),
        ("residual", {"critic_hidden": 0}),
        ("residual", {"code_critic_width": 0}),
        ("dcgan", {"width": 0}),
        ("dcgan", {"norm": "none"}),
        ("dcgan", {"critic_norm": "instance"}),
        ("residual", {"critic_norm": True}),
        ("began", {"width": 0}),
        ("began", {"hidden": 0}),
        ("began", {"code_critic_width": 0}),
        ("mlp", {"hidden": 0}),
        ("mlp", {"layers": 0}),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        component(name).options(**options)


MAP_FAMILIES = [name for name in FAMILIES if name != "began"]
_POWERS = {16: (1, 2, 4, 8), 32: (1, 2, 4, 8, 16), 64: (4, 32)}


@pytest.mark.parametrize("family", MAP_FAMILIES)
@pytest.mark.parametrize(("image_size", "size"), [(image, size) for image, each in _POWERS.items() for size in each])
def test_maps_of_every_size_are_made_and_decoded(family: str, image_size: int, size: int) -> None:
    networks = build(family, 3, image_size)
    images = torch.randn(2, 3, image_size, image_size)
    maps = networks.map_encoder(5, size)(images)
    assert maps.shape == (2, 5, size, size)
    decoded = networks.map_decoder(5, size)(maps)
    assert decoded.shape == images.shape
    assert float(decoded.detach().abs().max()) <= 1


@pytest.mark.parametrize("family", [name for name in MAP_FAMILIES if name != "mlp"])
@pytest.mark.parametrize("part", ["map_encoder", "map_decoder"])
@pytest.mark.parametrize("size", [0, 3, 16, 64])
def test_maps_of_other_sizes_are_refused(family: str, part: str, size: int) -> None:
    with pytest.raises(ConfigurationError, match=r"--code-size may be 1, 2, 4, 8$"):
        getattr(build(family, 1, 16), part)(5, size)


@pytest.mark.parametrize("part", ["map_encoder", "map_decoder"])
def test_began_has_no_maps(part: str) -> None:
    with pytest.raises(ConfigurationError, match=r"do not support maps as codes.*--networks residual, dcgan or mlp"):
        getattr(build("began", 1, 16), part)(5, 4)


@pytest.mark.parametrize("family", ["residual without norm", "dcgan"])
def test_a_place_of_a_map_sees_the_image_around_it(family: str) -> None:
    """Convolutions keep places: what changes in one corner leaves the opposite corner of the map alone."""
    torch.manual_seed(0)
    encoder = build(family, 1, 64).map_encoder(3, 16).eval()
    blank = torch.zeros(1, 1, 64, 64)
    marked = blank.clone()
    marked[..., :4, :4] = 1
    with torch.no_grad():
        change = (encoder(marked) - encoder(blank)).abs().sum(1)[0]
    assert change[0, 0] > 0
    assert change[-4:, -4:].max() == 0
