"""Objects of Python code as components of a run."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from priorkit.config import RunConfig
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.given import GivenObjects
from priorkit.interfaces import Encoder, ImageShape, Networks, Posterior, Prior
from priorkit.models.map_networks import MapNetworks
from priorkit.plugins import EncoderContext, NetworksContext, PriorContext
from priorkit.registry import Registry, installed_plugins

SHAPE = ImageShape(1, 16)
IMAGES = np.zeros((4, 16, 16), np.uint8)


def to_codes(size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(256, size))


def to_images(code_dim: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(code_dim, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))


def networks(config: RunConfig, **modules: Any) -> Networks:
    given = GivenObjects(modules=modules)
    found = given.within(installed_plugins()).get("networks", given.chosen(config).networks.name).component
    made = found.build(found.options(), NetworksContext(SHAPE))
    assert isinstance(made, Networks)
    return made


def test_networks_that_are_given_take_the_place_of_a_familys() -> None:
    family = networks(RunConfig(networks="mlp"), encoder=to_codes(4), code_critic=nn.Linear(4, 1))
    assert isinstance(family.encoder(4), nn.Sequential)
    assert family.code_critic(4)(torch.zeros(3, 4)).shape == (3,)
    assert family.decoder(4)(torch.zeros(3, 4)).shape == (3, 1, 16, 16)
    assert family.image_critic()(torch.zeros(3, 1, 16, 16)).shape == (3,)


def test_maps_are_asked_of_the_modules_that_are_given() -> None:
    encoder = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 2, 1))
    decoder = nn.Sequential(nn.Conv2d(2, 1, 1), nn.Upsample(scale_factor=4), nn.Tanh())
    maps = MapNetworks(networks(RunConfig(), encoder=encoder, decoder=decoder), 4)
    assert maps.encoder(32)(torch.zeros(3, 1, 16, 16)).shape == (3, 32)
    assert maps.decoder(32)(torch.zeros(3, 32)).shape == (3, 1, 16, 16)


@pytest.mark.parametrize(
    ("modules", "asked", "told"),
    [
        ({"encoder": to_codes(5)}, lambda made: made.encoder(4), "give it 4 outputs, or set code_dim"),
        ({"decoder": to_images(5)}, lambda made: made.decoder(4), r"decoder: Sequential fails on .*\(2, 4\)"),
        (
            {"decoder": nn.Sequential(to_images(4), nn.Sigmoid())},
            lambda made: made.decoder(4),
            r"it ends in a sigmoid.*end it in nn.Tanh\(\)",
        ),
        ({"image_critic": to_codes(2)}, lambda made: made.image_critic(), "give one logit for each image"),
        ({"image_critic": to_codes(1)}, lambda made: made.recogniser(3), "but their shape is unknown"),
        ({"image_critic": to_codes(1)}, lambda made: made.image_critic(3), "image_critic: .* fails on an input"),
    ],
)
def test_modules_that_do_not_fit_are_refused(modules: Any, asked: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        asked(networks(RunConfig(networks="mlp"), **modules))
    assert "\n" not in str(caught.value)


def test_a_family_may_be_given_whole_and_in_part() -> None:
    mlp = installed_plugins().get("networks", "mlp").component

    def family(shape: ImageShape) -> Networks:
        made = mlp.build(mlp.options(hidden=8), NetworksContext(shape))
        assert isinstance(made, Networks)
        return made

    for given in (family, family(SHAPE)):
        made = networks(RunConfig(), networks=given, encoder=to_codes(4))
        assert isinstance(made.encoder(4), nn.Sequential)
        assert made.decoder(4)(torch.zeros(2, 4)).shape == (2, 1, 16, 16)
    with pytest.raises(ConfigurationError, match=r"they are for images \(3, 16\)"):
        networks(RunConfig(), networks=family(ImageShape(3, 16)))
    with pytest.raises(ConfigurationError, match=r"expected a priorkit\.interfaces\.Networks"):
        networks(RunConfig(), networks=3)


class Point(Encoder):
    code_dim = 4

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        return Posterior(image.flatten(1)[:, :4], mean=image.flatten(1)[:, :4])


class Cube(Prior):
    code_dim = 4

    def noise(self, n: int, *, generator: Any = None, device: Any = None) -> Tensor:
        return torch.rand(n, 4, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        return noise


def test_encoders_and_priors_are_components_of_their_own() -> None:
    given = GivenObjects(modules={"encoder": Point(), "prior": Cube})
    config, registry = given.chosen(RunConfig(networks="mlp")), given.within(installed_plugins())
    assert (config.encoder.name, config.prior.name, config.networks.name) == ("given", "given", "mlp")
    family = registry.get("networks", "mlp")
    assert family.distribution == "priorkit"
    encoder, prior = (registry.get(slot, "given").component for slot in ("encoder", "prior"))
    mlp = family.component.build(family.component.options(), NetworksContext(SHAPE))
    assert isinstance(encoder.build(encoder.options(), EncoderContext(mlp, 4)), Point)
    made = prior.build(prior.options(), PriorContext(4, lambda *_: None))
    assert isinstance(made, Cube)
    with pytest.raises(ConfigurationError, match="set code_dim=4"):
        prior.build(prior.options(), PriorContext(5, lambda *_: None))
    with pytest.raises(ConfigurationError, match="set code_dim=4"):
        encoder.build(encoder.options(), EncoderContext(mlp, 5))


def test_a_module_that_is_no_prior_is_refused() -> None:
    prior = GivenObjects(modules={"prior": nn.Flatten()}).within(installed_plugins()).get("prior", "given").component
    with pytest.raises(ConfigurationError, match=r"Flatten is not a priorkit.interfaces.Prior"):
        prior.build(prior.options(), PriorContext(4, lambda *_: None))


def test_nothing_given_changes_nothing() -> None:
    given, config = GivenObjects(), RunConfig()
    assert given.within(installed_plugins()) is installed_plugins()
    assert given.chosen(config) is config


def test_what_was_given_is_described() -> None:
    given = GivenObjects((IMAGES, [1, 2, 3, 4]), IMAGES, torch.nn.functional.relu, {"prior": Cube, "encoder": Point()})
    assert given.within(Registry([])).given == {
        "data": "(numpy.ndarray uint8 (4, 16, 16), builtins.list of 4)",
        "test_data": "numpy.ndarray uint8 (4, 16, 16)",
        "transform": "torch.nn.functional.relu",
        "prior": f"{__name__}.Cube",
        "encoder": f"{__name__}.Point",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"modules": {"enocder": Point()}}, "'enocder' is not one of networks, encoder, .*did you mean 'encoder'"),
        ({"transform": torch.relu}, "transform needs data, which is not given"),
        ({"test_data": IMAGES}, "test_data needs data"),
        ({"data": IMAGES, "transform": 3}, "expected a function of an image"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        GivenObjects(**arguments)


def test_images_are_either_given_or_named() -> None:
    with pytest.raises(ConfigurationError, match="dataset='mnist' names others"):
        GivenObjects(IMAGES).chosen(RunConfig(dataset="mnist"))


def test_components_that_are_not_given_say_so() -> None:
    with pytest.raises(UnknownComponentError, match="Python code gave it, and does not give it here"):
        installed_plugins().get("dataset", "given")
