from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from priorkit.data import to_float
from priorkit.engine import running_statistics, seed_for
from priorkit.engine.evaluation_mode import evaluating
from priorkit.models import EvaluationNetworks
from priorkit.registry import installed_plugins
from priorkit.training import Session
from quick_choices import each_component

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
        mine, theirs = (
            getattr(session.evaluation_networks, name).parameters(),
            session.averages.networks[name].parameters(),
        )
        assert all(weight is other for weight, other in zip(mine, theirs, strict=True)), name
    assert next(session.evaluation_networks.image_critic.parameters()) is next(session.system.image_critic.parameters())


def test_recomputing_leaves_training_alone(tiny_session: Callable[..., Session]) -> None:
    session = trained(tiny_session("learned", condition={"name": "labels"}, networks={"dropout": 0.5}))
    before, random = copied(session.system.state()), torch.get_rng_state()
    statistics = copied(session.evaluation_networks.statistics())
    _ = session.model
    assert all(torch.equal(value, before[key]) for key, value in session.system.state().items())
    assert all(layer.training for network in session.system.trained().values() for layer in network.modules())
    changed = {
        key.split("/")[0]
        for key, value in session.evaluation_networks.statistics().items()
        if not value.equal(statistics[key])
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
    # One batch of the prior's codes, from the generator that the seed gives.
    generator = torch.Generator().manual_seed(seed_for(session.config.seed, "statistics"))
    with batch_statistics(model.prior):
        drawn = torch.tanh(session.system.decoder[0](model.prior(model.prior.noise(20, generator=generator))))
    torch.testing.assert_close(layers(model.decoder)[0].running_mean, drawn.mean(0))
    assert not torch.allclose(
        layers(model.decoder)[0].running_mean, layers(model.reconstruction_decoder)[0].running_mean
    )


def test_statistics_come_back_from_a_checkpoint(tiny_session: Callable[..., Session]) -> None:
    session = trained(tiny_session("learned"))
    weights = copied(session.weights())
    other = tiny_session("learned", seed=1)
    other.load_weights(weights)
    assert all(
        torch.equal(value, weights[f"use/{key}"]) for key, value in other.evaluation_networks.statistics().items()
    )
    del weights["use/decoder/2.running_var"]
    with pytest.raises(KeyError, match=r"decoder/2\.running_var"):
        other.load_weights(weights)


@contextmanager
def batch_statistics(*networks: nn.Module) -> Iterator[None]:
    """Inside, networks are in evaluation mode but for batch norm, which normalises by the batch, as in training."""
    with evaluating(*networks):
        for layer in (layer for network in networks for layer in layers(network)):
            layer.training, layer.track_running_stats = True, False
        yield
        for layer in (layer for network in networks for layer in layers(network)):
            layer.track_running_stats = True


def share_that_differs(made: Tensor, expected: Tensor) -> float:
    """The mean squared difference of images, in units of their variance."""
    return float((made - expected).square().mean() / expected.var())


def use_statistics_of_training(session: Session) -> None:
    """The fault that these tests are for: one set of running statistics, gathered in training, for every use."""
    for name, network in session.evaluation_networks.modules().items():
        trained = session.system.modules().get("decoder" if "decoder" in name else name, session.system.prior)
        for key, value in running_statistics(network).items():
            value.copy_(running_statistics(trained)[key])


@pytest.fixture(params=each_component())
def of_photographs(request: pytest.FixtureRequest, tiny_session: Callable[..., Session]) -> Session:
    """A session of every recipe, after some steps on colour images: grey ones hide what statistics do wrong."""
    recipe, settings = request.param, installed_plugins().recipe(request.param).settings
    # VampPrior's pseudo-inputs start alike, and at larger rates its codes have heavy tails for long.
    changes: dict[str, Any] = {"dataset": PHOTOGRAPHS, "batch_size": 50, "average": 0.9}
    changes["learning_rate"] = 1e-3 if recipe == "vampprior" else 1e-2
    changes["code_dim"] = {"infogan": 10, "fsq-vae": 4}.get(recipe, 6)
    if settings.get("encoder") != "none":
        # With nearest neighbours, codes of networks this narrow and this briefly trained hardly vary, and batches of 50
        # and of 400 differ too much by their sampling.
        narrow = {"width": 2, "critic_hidden": 16, "code_critic_width": 20, "upsampling": "transposed"}
        changes["networks"] = {"name": "residual", **narrow}
    return trained(tiny_session(recipe, **changes), 30)


def test_evaluation_makes_the_images_that_training_makes(of_photographs: Session) -> None:
    """Samples and reconstructions alike, of the same noise and images; with the fault planted, they differ."""
    model, n = of_photographs.model, 400
    noise, images = model.noise(n), to_float(of_photographs.data.train.images[:n])
    condition = model.conditions(n) if model.condition is not None else None
    with batch_statistics(model.decoder, model.prior):
        given = (noise, condition) if model.prior.takes_condition else (noise,)
        codes = model.prior(*given)
        sampled = model.decoder(codes if model.encoder is None else model.encoder.embed(codes))

    def samples() -> float:
        return share_that_differs(model.decode(model.codes_of(noise, condition), from_prior=True), sampled)

    right = [samples()]
    if model.encoder is not None:
        draws = torch.randn(n, model.encoder.code_dim, generator=torch.Generator().manual_seed(0))
        with batch_statistics(model.encoder, model.reconstruction_decoder):
            reconstructed = model.reconstruction_decoder(model.encoder(images, draws).code)

        def reconstructions() -> float:
            with model.ready():
                posterior = model.encoder(images, draws)
            codes = posterior.code if posterior.indices is None else posterior.indices
            return share_that_differs(model.decode(codes, from_prior=False), reconstructed)

        right.append(reconstructions())
    # A batch of 400 and batches of 50 differ by their sampling alone.
    assert max(right) < 0.06
    if of_photographs.evaluation_networks.statistics():
        use_statistics_of_training(of_photographs)
        wrong = [samples(), *([reconstructions()] if model.encoder is not None else [])]
        assert sum(wrong) > 2 * sum(right), (right, wrong)
