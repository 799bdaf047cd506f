from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.engine import running_statistics
from priorkit.plugins import installed_plugins
from priorkit.training import EvaluationNetworks, Model, Session, to_float
from priorkit.training.evaluation_mode import evaluating
from priorkit.training.held_out import energy_distance

RECIPES = [recipe.name for recipe in installed_plugins().recipes()]
PHOTOGRAPHS = {"train": 600, "test": 400, "channels": 3}


def trained(session: Session, steps: int = 3) -> Session:
    for _ in range(steps):
        session.step()
    return session


def layers(network: nn.Module) -> list[_BatchNorm]:
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]


def copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in tensors.items()}


def test_weights_are_shared_and_statistics_are_not(tiny_session: Callable[..., Session]) -> None:
    system = trained(tiny_session("learned")).system
    used = EvaluationNetworks(system)
    originals = [system.encoder, system.prior, system.decoder, system.decoder, system.image_critic]
    networks = [used.encoder, used.prior, used.decoder, used.reconstruction_decoder, used.image_critic]
    seen: set[int] = set()
    for original, network in zip(originals, networks, strict=True):
        assert network is not original
        for mine, theirs in zip(network.parameters(), original.parameters(), strict=True):
            assert mine is theirs
        own = running_statistics(network).values()
        assert own
        assert all(
            torch.equal(value, running_statistics(original)[key]) for key, value in running_statistics(network).items()
        )
        addresses = {value.data_ptr() for value in (*own, *running_statistics(original).values())}
        seen.update(value.data_ptr() for value in own)
        assert len(addresses) == 2 * len(own)
    assert len(seen) == sum(2 * len(layers(network)) for network in networks)


def test_networks_without_batch_norm_are_the_systems_own(tiny_session: Callable[..., Session]) -> None:
    system = tiny_session("vae", networks={"name": "mlp"}).system
    used = EvaluationNetworks(system)
    assert used.statistics() == {}
    assert used.encoder is system.encoder
    assert used.decoder is used.reconstruction_decoder is system.decoder


def test_averages_stand_for_the_networks(tiny_session: Callable[..., Session]) -> None:
    session = trained(tiny_session("learned", average=0.9))
    for name in ("encoder", "prior", "decoder"):
        mine, theirs = getattr(session.used, name).parameters(), session.averages.networks[name].parameters()
        assert all(weight is other for weight, other in zip(mine, theirs, strict=True)), name
    assert next(session.used.image_critic.parameters()) is next(session.system.image_critic.parameters())


def test_recomputing_leaves_training_alone(tiny_session: Callable[..., Session]) -> None:
    session = trained(tiny_session("learned", condition={"name": "labels"}, networks={"dropout": 0.5}))
    before, random = copied(session.system.state()), torch.get_rng_state()
    statistics = copied(session.used.statistics())
    _ = session.model
    assert all(torch.equal(value, before[key]) for key, value in session.system.state().items())
    assert all(layer.training for network in session.system.trained().values() for layer in network.modules())
    changed = {
        key.split("/")[0] for key, value in session.used.statistics().items() if not value.equal(statistics[key])
    }
    assert changed == {"encoder", "prior", "decoder", "reconstruction_decoder", "image_critic"}
    assert torch.equal(torch.get_rng_state(), random)


def test_each_network_has_statistics_of_what_it_is_used_on(tiny_session: Callable[..., Session]) -> None:
    """The first layer's are known: moments of what enters it."""
    session = trained(tiny_session("learned", average=0.0, batch_size=20))
    model = session.model
    images = to_float(session.data.train.images)
    with evaluating(session.system.encoder, session.system.decoder):
        codes = model.encode(images)
        entering = {
            "encoder": torch.tanh(session.system.encoder.body[1](images.flatten(1))),
            "reconstruction_decoder": torch.tanh(session.system.decoder[0](codes)),
        }
    for name, inputs in entering.items():
        statistics = layers(getattr(model, name))[0].running_mean
        torch.testing.assert_close(statistics, inputs.mean(0), rtol=1e-2, atol=1e-2)
    drawn = torch.tanh(session.system.decoder[0](model.codes(5000))).detach()
    torch.testing.assert_close(layers(model.decoder)[0].running_mean, drawn.mean(0), rtol=0, atol=0.4)
    assert not torch.allclose(
        layers(model.decoder)[0].running_mean, layers(model.reconstruction_decoder)[0].running_mean
    )


def test_statistics_come_back_from_a_checkpoint(tiny_session: Callable[..., Session]) -> None:
    session = trained(tiny_session("learned"))
    weights = copied(session.weights())
    other = tiny_session("learned", seed=1)
    other.load_weights(weights)
    assert all(torch.equal(value, weights[f"use/{key}"]) for key, value in other.used.statistics().items())
    del weights["use/decoder/2.running_var"]
    with pytest.raises(KeyError, match=r"decoder/2\.running_var"):
        other.load_weights(weights)


def batch_statistics_samples(model: Model, n: int, batch: int) -> Tensor:
    """Samples as training makes them: every batch is normalised by its own statistics."""
    parts = []
    for start in range(0, n, batch):
        with evaluating(model.decoder, model.prior):
            for network in (model.decoder, model.prior):
                for layer in layers(network):
                    layer.training, layer.track_running_stats = True, False
            condition = model.conditions(batch, start) if model.condition is not None else None
            noise = model.noise(batch, start)
            codes = model.prior(noise, condition) if model.prior.takes_condition else model.prior(noise)
            parts.append(model.decoder(codes))
            for network in (model.decoder, model.prior):
                for layer in layers(network):
                    layer.track_running_stats = True
    return torch.cat(parts)


@pytest.mark.parametrize("recipe", RECIPES)
def test_samples_in_use_are_as_good_as_in_training(recipe: str, tiny_session: Callable[..., Session]) -> None:
    """On colour images: what a network learned in training must not be lost by evaluation mode."""
    changes: dict[str, Any] = {"dataset": PHOTOGRAPHS, "batch_size": 50, "code_dim": 6, "learning_rate": 3e-3}
    session = tiny_session(recipe, **changes)
    trained(session, 60)
    model, images = session.model, to_float(session.data.test.images)
    in_use, in_training = model.sample(400, 1), batch_statistics_samples(model, 400, 50)
    noise = energy_distance(in_training, batch_statistics_samples(model, 800, 50)[400:])
    assert energy_distance(in_use, in_training) < 4 * abs(noise) + 0.01
    distances = [energy_distance(made, images) for made in (in_use, in_training)]
    assert distances[0] < 1.25 * distances[1] + 0.01
