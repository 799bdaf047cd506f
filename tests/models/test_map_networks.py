"""Networks of maps, for components that take and give codes flat."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape
from priorkit.models.map_networks import MapNetworks
from priorkit.testing.stand_in_networks import SmallNetworks

SHAPE = ImageShape(1, 16)


@settings(deadline=None, max_examples=20)
@given(channels=st.integers(1, 5), size=st.sampled_from([1, 2, 4]), seed=st.integers(0, 2**32 - 1))
def test_codes_are_maps_row_after_row(channels: int, size: int, seed: int) -> None:
    family = SmallNetworks(SHAPE)
    networks = MapNetworks(family, size)
    images = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    maps = family.map_encoder(channels, size)(images)
    decoded = family.map_decoder(channels, size)(maps)
    torch.manual_seed(seed)
    codes = networks.encoder(channels * size**2)(images)
    assert torch.equal(codes, maps.flatten(1))
    assert torch.equal(networks.decoder(channels * size**2)(codes), decoded)


def test_twice_the_outputs_are_twice_the_channels() -> None:
    """So that means and log-variances, the halves of a body's outputs, are maps each."""
    asked = []

    class Family(SmallNetworks):
        def map_encoder(self, channels: int, size: int) -> torch.nn.Module:
            asked.append((channels, size))
            return super().map_encoder(channels, size)

    MapNetworks(Family(SHAPE), 2).encoder(2 * 3 * 4)
    assert asked == [(6, 2)]


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_numbers_that_are_no_map_are_refused(part: str) -> None:
    with pytest.raises(ConfigurationError, match=r"13 numbers are not a map of 2x2.*leave --code-size out"):
        getattr(MapNetworks(SmallNetworks(SHAPE), 2), part)(13)


def test_the_other_parts_are_the_familys() -> None:
    networks = MapNetworks(SmallNetworks(SHAPE), 2)
    images = torch.zeros(2, 1, 16, 16)
    critic = networks.image_critic(3)
    assert critic(images, torch.zeros(2, 3)).shape == (2,)
    assert networks.recogniser(3)(critic.features(images)).shape == (2, 3)
    assert networks.code_critic(12)(torch.zeros(2, 12)).shape == (2,)
    assert networks.shape == SHAPE
