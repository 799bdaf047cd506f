"""Networks whose layers have spectral norm 1, and the decoders that are made of such."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import ImageShape, Networks
from priorkit.plugins import NetworksContext
from priorkit.registry import installed_plugins
from priorkit.training import Session
from priorkit_plugins.spectral_norm import with_spectral_norm

SPECTRAL = {"name": "residual", "width": 2, "critic_hidden": 8, "decoder_spectral_norm": True}
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def matrix(layer: nn.Module) -> Tensor:
    """The weights as a matrix of outputs by all other entries."""
    weight: Tensor = layer.weight
    return (weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight).flatten(1)


def norms(network: nn.Module) -> list[float]:
    with torch.no_grad():
        return [
            float(torch.linalg.svdvals(matrix(layer))[0]) for layer in network.modules() if isinstance(layer, WEIGHTED)
        ]


def family(name: str, **options: Any) -> Networks:
    component = installed_plugins().get("networks", name).component
    networks: Networks = component.build(component.options(**options), NetworksContext(ImageShape(1, 16)))
    return networks


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 50.0]))
def test_the_largest_singular_value_is_1(seed: int, scale: float) -> None:
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.ConvTranspose2d(5, 4, 4), nn.Flatten(), nn.Linear(324, 7))
    with torch.no_grad():
        for weight in layers.parameters():
            weight.mul_(scale)
    directions = [matrix(layer).detach() for layer in layers if isinstance(layer, WEIGHTED)]
    network = with_spectral_norm(layers)
    assert network is layers
    for _ in range(60):  # of power iterations
        network(torch.zeros(1, 3, 8, 8))
    network.eval()
    assert norms(network) == pytest.approx([1, 1, 1], abs=0.02)
    for layer, before in zip((layers[0], layers[2], layers[4]), directions, strict=True):
        after = matrix(layer).detach()
        torch.testing.assert_close(after / after.norm(), before / before.norm())


@pytest.mark.parametrize(("name", "small"), [("residual", {"width": 4}), ("dcgan", {"width": 4}), ("mlp", {})])
@pytest.mark.parametrize(
    ("make", "codes"),
    [(lambda family: family.decoder(6), (6,)), (lambda family: family.map_decoder(3, 4), (3, 4, 4))],
    ids=["vectors", "maps"],
)
def test_every_layer_of_a_decoder_has_spectral_norm_1(
    name: str, small: dict[str, int], make: Callable[[Networks], nn.Module], codes: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    networks = family(name, decoder_spectral_norm=True, **small)
    decoder = make(networks)
    for _ in range(40):
        decoder(torch.zeros(1, *codes))
    found = norms(decoder.eval())
    assert len(found) == len([layer for layer in make(family(name, **small)).modules() if isinstance(layer, WEIGHTED)])
    assert found == pytest.approx([1] * len(found), abs=0.02)
    # What divides by the scale of its input would undo it.
    kinds = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
    assert not any(isinstance(layer, kinds) for layer in decoder.modules())
    assert not any("parametrizations" in key for key in networks.encoder(6).state_dict())
    assert not any("parametrizations" in key for key in networks.image_critic().state_dict())


def test_a_decoder_does_not_stretch_more_than_its_layers_do() -> None:
    """Of a fully connected one, ReLU and tanh stretch nothing: distances of images are at most those of codes."""
    torch.manual_seed(0)
    decoder = family("mlp", hidden=30, decoder_spectral_norm=True).decoder(6)
    first, second = torch.randn(2, 200, 6)
    for _ in range(200):
        decoder(first)
    decoder.eval()
    images = (decoder(first) - decoder(second)).flatten(1).norm(dim=1)
    assert (images <= (first - second).norm(dim=1) * 1.001).all()


def test_the_recipe_has_such_a_decoder(tiny_session: Callable[..., Session]) -> None:
    system = tiny_session("rae-sn", networks=SPECTRAL).system
    found = norms(system.decoder.eval())
    assert found == pytest.approx([1] * len(found), abs=0.1)
    assert system.regularizer.decoder_terms(system.decoder, None) == {}


def test_training_goes_on_where_it_was_left_and_its_average_has_spectral_norm_1(
    tiny_session: Callable[..., Session],
) -> None:
    stages = [{"phases": ["autoencoder"], "steps": 40}, {"phases": ["code-fitting"], "steps": 1}]
    changes = {"networks": SPECTRAL, "stages": stages, "learning_rate": 1e-3, "average": 0.5, "channels_last": False}
    whole, first, second = (tiny_session("rae-sn", **changes) for _ in range(3))
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    second.load(copy.deepcopy(first.weights()), copy.deepcopy(first.state()))
    for _ in range(3):
        second.step()
    left, right = whole.weights(), second.weights()
    assert left.keys() == right.keys()
    for key, tensor in left.items():
        assert torch.equal(tensor, right[key]), key
    for _ in range(34):
        whole.step()
    assert whole.averages is not None
    found = norms(whole.averages.networks["decoder"])
    assert found == pytest.approx([1] * len(found), abs=0.05)


def test_half_precision_learns_the_same(tiny_session: Callable[..., Session]) -> None:
    losses = []
    for precision in ("float32", "bfloat16"):
        session = tiny_session("rae-sn", networks=SPECTRAL, precision=precision, channels_last=False)
        session.step()
        losses.append(session.engine.losses(reset=True)["autoencoder/reconstruction"])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
