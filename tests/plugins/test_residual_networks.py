import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from priorkit.interfaces import ImageShape
from priorkit.plugins import NetworksContext
from priorkit_plugins.residual_networks import ResidualNetworksOptions, priorkit_networks
from priorkit_plugins.residual_networks.networks import ResidualNetworks
from priorkit_plugins.residual_networks.residual_block import BlockNorm, ResidualBlock, Upsampling


def build(channels: int = 3, size: int = 32, **options: Any) -> ResidualNetworks:
    [component] = priorkit_networks()
    networks = component.build(ResidualNetworksOptions(**options), NetworksContext(ImageShape(channels, size)))
    assert isinstance(networks, ResidualNetworks)
    return networks


@pytest.fixture
def paper() -> Iterator[ResidualNetworks]:
    """The paper's networks for CIFAR-10, as outlines without weights."""
    with torch.device("meta"):
        yield build(width=64, norm="none", upsampling="transposed")


def outputs(module: nn.Module, inputs: Tensor, kinds: tuple[type[nn.Module], ...]) -> list[tuple[int, ...]]:
    """The shapes that modules of these kinds return for one image or code, in the order of execution."""
    shapes = []
    for part in module.modules():
        if isinstance(part, kinds):
            part.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    module(inputs)
    return shapes


def convolutions(module: nn.Module) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Kernel size and stride of every convolution."""
    return [
        (part.kernel_size, part.stride)
        for part in module.modules()
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d) and part.kernel_size != (1, 1)
    ]


def same(kernel: int, stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (kernel, kernel), (stride, stride)


def test_encoder_is_that_of_table_a1(paper: ResidualNetworks) -> None:
    encoder = paper.encoder(64)
    assert isinstance(encoder[0], nn.Conv2d)
    kinds = (ResidualBlock, nn.AvgPool2d, nn.Linear)
    assert outputs(encoder, torch.empty(2, 3, 32, 32), kinds) == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
        (512, 2, 2),
        (512, 1, 1),
        (128,),
        (64,),
    ]
    blocks = [same(3, 1), same(3, 1)] + 3 * [same(3, 2), same(3, 1)]
    assert convolutions(encoder) == [same(3, 2), *blocks]
    tail = [type(part) for part in encoder[-2].modules()][1:]
    assert tail == [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert isinstance(encoder[-1], nn.Linear)


def test_decoder_is_that_of_table_a1(paper: ResidualNetworks) -> None:
    decoder = paper.decoder(64)
    kinds = (nn.BatchNorm2d, ResidualBlock, nn.Tanh)
    assert outputs(decoder, torch.empty(2, 64), kinds) == [
        (512, 4, 4),
        (256, 8, 8),
        (128, 16, 16),
        (64, 32, 32),
        (3, 32, 32),
    ]
    assert convolutions(decoder) == 3 * [same(4, 2), same(3, 1)] + [same(3, 1)]


def test_image_critic_is_that_of_table_a3(paper: ResidualNetworks) -> None:
    critic = paper.image_critic()
    kinds = (nn.LeakyReLU, nn.Linear)
    assert outputs(critic, torch.empty(2, 3, 32, 32), kinds) == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
        (1000,),
        (1000,),
        (1,),
    ]
    assert [critic.features(torch.empty(2, 3, 32, 32), layer).shape[1:] for layer in range(critic.layers)] == [
        (64, 16, 16),
        (128, 8, 8),
        (256, 4, 4),
    ]
    assert convolutions(critic) == 3 * [same(4, 2)]
    norms = [any(isinstance(part, nn.BatchNorm2d) for part in layer.modules()) for layer in critic.trunk]
    assert norms == [False, True, True]
    assert {part.negative_slope for part in critic.modules() if isinstance(part, nn.LeakyReLU)} == {0.2}


def test_code_critic_is_that_of_table_a3(paper: ResidualNetworks) -> None:
    assert outputs(paper.code_critic(64), torch.empty(2, 64), (nn.Linear,)) == [(1000,), (500,), (200,), (1,)]


def test_norm_is_inside_the_residual_blocks_only_when_asked_for() -> None:
    for norm in ("batch", "none"):
        networks = build(width=2, norm=norm)
        for module in (networks.encoder(4), networks.decoder(4)):
            blocks = [part for part in module.modules() if isinstance(part, ResidualBlock)]
            assert all(
                any(isinstance(part, nn.BatchNorm2d) for part in block.modules()) == (norm == "batch")
                for block in blocks
            )
            # The table's own batch norm stays.
            assert any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in module.modules())


@pytest.mark.parametrize(("size", "channels"), [(16, [2, 4, 8]), (128, [2, 4, 8, 16, 16, 16])])
def test_other_sizes_have_more_or_fewer_blocks(size: int, channels: list[int]) -> None:
    networks = build(size=size, width=2)
    encoded = outputs(networks.encoder(4), torch.zeros(2, 3, size, size), (ResidualBlock,))
    assert encoded == [(count, size >> level, size >> level) for level, count in enumerate(channels, start=1)]
    decoded = outputs(networks.decoder(4), torch.zeros(2, 4), (ResidualBlock,))
    assert decoded == [(count, size >> level, size >> level) for level, count in enumerate(channels[:-1])][::-1]
    critic = networks.image_critic()
    assert critic.features(torch.zeros(2, 3, size, size)).shape == (2, channels[-2], 4, 4)


@pytest.mark.parametrize(
    ("options", "hidden"), [({"width": 16}, 250), ({"width": 1}, 16), ({"width": 16, "critic_hidden": 7}, 7)]
)
def test_hidden_layer_of_the_image_critic(options: dict[str, int], hidden: int) -> None:
    critic = build(**options).image_critic()
    linear = [part for part in critic.head.modules() if isinstance(part, nn.Linear)]
    assert [(part.in_features, part.out_features) for part in linear] == [
        (16 * 4 * options["width"], hidden),
        (hidden, 1),
    ]


@pytest.mark.parametrize("resample", [None, "down", "up"])
@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 2**32 - 1),
    norm=st.sampled_from(["batch", "group", "none"]),
    upsampling=st.sampled_from(["transposed", "nearest"]),
)
def test_residual_block_against_its_formula(
    resample: Literal["down", "up"] | None, seed: int, norm: BlockNorm, upsampling: Upsampling
) -> None:
    torch.manual_seed(seed)
    block = ResidualBlock(3, 6, resample, norm=norm, upsampling=upsampling)
    image = torch.randn(4, 3, 8, 8)
    weights = dict(block.named_parameters())

    def normalise(x: Tensor) -> Tensor:
        if norm == "group":
            return functional.group_norm(x, 2)
        return functional.batch_norm(x, None, None, training=True) if norm == "batch" else x

    def enlarged(x: Tensor) -> Tensor:
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    nearest = resample == "up" and upsampling == "nearest"
    first, second = (nearest, nearest + (2 if norm == "none" else 3))
    weight, bias = weights[f"residual.{int(first)}.weight"], weights.get(f"residual.{int(first)}.bias")
    if resample == "up" and not nearest:
        hidden = functional.conv_transpose2d(image, weight, bias, stride=2, padding=1)
    else:
        wide = enlarged(image) if nearest else image
        hidden = functional.conv2d(wide, weight, bias, stride=2 if resample == "down" else 1, padding=1)
    hidden = functional.relu(normalise(hidden))
    hidden = normalise(
        functional.conv2d(
            hidden, weights[f"residual.{second}.weight"], weights.get(f"residual.{second}.bias"), padding=1
        )
    )
    skip = enlarged(image) if resample == "up" else image
    skip = skip[:, :, ::2, ::2] if resample == "down" else skip
    skip = normalise(functional.conv2d(skip, weights["skip.0.weight"], weights.get("skip.0.bias")))
    torch.testing.assert_close(block(image), functional.relu(hidden + skip), rtol=1e-4, atol=1e-4)


def test_with_group_norm_encoder_and_decoder_have_no_statistics() -> None:
    networks = build(width=2, norm="group")
    for module, inputs in ((networks.encoder(4), torch.randn(3, 3, 32, 32)), (networks.decoder(4), torch.randn(3, 4))):
        assert not list(module.buffers())
        trained = module(inputs)
        assert torch.equal(module.eval()(inputs), trained)


def test_nearest_neighbours_leave_no_checkerboard() -> None:
    """A constant image stays constant away from the border; transposed convolutions have weights for each position."""
    torch.manual_seed(0)
    insides = []
    for upsampling in ("nearest", "transposed"):
        block = ResidualBlock(3, 4, "up", norm="none", upsampling=upsampling)
        insides.append(block(torch.ones(1, 3, 8, 8))[:, :, 4:-4, 4:-4].std(dim=(2, 3)).max())
    assert insides[0] < 1e-5
    assert insides[1] > 1e-2


def test_residual_block_skips_unchanged_where_the_shape_stays() -> None:
    block = ResidualBlock(3, 3, norm="none")
    for parameter in block.residual.parameters():
        nn.init.zeros_(parameter)
    image = torch.randn(2, 3, 4, 4)
    assert torch.equal(block(image), functional.relu(image))


@pytest.mark.parametrize(("resample", "size"), [("down", 64), ("up", 4)])
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_signal_keeps_its_size_without_norm(resample: Literal["down", "up"], size: int, seed: int) -> None:
    torch.manual_seed(seed)
    image = torch.randn(4, 32, size, size).relu()
    blocks = nn.Sequential(*(ResidualBlock(32, 32, resample, norm="none") for _ in range(4)))
    # Torch's default initialisation leaves about 0.01 of it.
    assert 0.03 < blocks(image).square().mean() / image.square().mean() < 20


@pytest.mark.parametrize(("channels", "transposed"), [(1, True), (3, False)])
def test_colour_images_are_enlarged_without_transposed_convolutions(channels: int, transposed: bool) -> None:
    for name, expected in (("auto", transposed), ("transposed", True), ("nearest", False)):
        decoder = build(channels, 16, width=2, upsampling=name).decoder(4)
        # The last layer of the table is a transposed convolution in any case.
        blocks = [layer for block in decoder if isinstance(block, ResidualBlock) for layer in block.modules()]
        assert any(isinstance(layer, nn.ConvTranspose2d) for layer in blocks) is expected, name


@pytest.mark.whole
def test_few_channels_corrupt_no_memory() -> None:
    """OneDNN's gradients of strided 1x1 convolutions do where there is AVX2 alone, and so end the process."""
    program = """
import torch
from priorkit_plugins.residual_networks.residual_block import ResidualBlock

projection = ResidualBlock(2, 4, "down").skip[0].to(memory_format=torch.channels_last)
for _ in range(300):
    image = torch.randn(8, 2, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    output = projection(image)
    torch.autograd.grad(output, [image, projection.weight], torch.randn_like(output))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("inputs", [2, 8])
def test_the_memory_layout_changes_nothing(inputs: int) -> None:
    torch.manual_seed(0)
    block = ResidualBlock(inputs, 6, "down").double()
    image = torch.randn(3, inputs, 8, 8, dtype=torch.float64)
    plain = block(image)
    torch.testing.assert_close(block(image.to(memory_format=torch.channels_last)), plain)
    stepped = torch.nn.functional.conv2d(image[:, :, ::2, ::2], block.skip[0].weight)
    torch.testing.assert_close(block.skip[0](image), stepped)
