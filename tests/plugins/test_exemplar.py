"""The prior `exemplar`."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from linear_model import LinearEncoder
from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageSet
from priorkit.plugins import PriorContext
from priorkit.training import Session
from priorkit_plugins.exemplar import ExemplarOptions, priorkit_priors
from priorkit_plugins.exemplar.prior import ExemplarPrior

COUNT = 12
PIXELS = torch.randint(0, 256, (COUNT, 1, 2, 2), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
IMAGES = PIXELS.float() * (2 / 255) - 1


def make(encoder: Any = None, read: Callable[[], ImageSet] | None = None, **options: Any) -> ExemplarPrior:
    (component,) = priorkit_priors()
    context = PriorContext(
        2,
        _no_code_generator,
        encoder=LinearEncoder(2) if encoder is None else encoder,
        train_count=COUNT,
        training_images=read or (lambda: ImageSet(PIXELS)),
    )
    prior = component.build(ExemplarOptions(**options), context)
    assert isinstance(prior, ExemplarPrior)
    return prior


def _no_code_generator(noise_dim: int, condition_dim: int) -> Any:
    raise AssertionError("this prior has no code generator")


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def settled(**options: Any) -> tuple[LinearEncoder, ExemplarPrior]:
    """An encoder, and a prior whose kept codes are its."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = LinearEncoder(2)
    prior = make(encoder, **options)
    for _ in range(COUNT):
        prior.leaving_out(torch.arange(2))
    return encoder, prior


def test_the_density_is_the_mixture_around_all_codes() -> None:
    encoder, prior = settled(std=0.4)
    centres = encoder(IMAGES).mean.detach()
    torch.testing.assert_close(prior.codes, centres)
    code = normal(9, 2, seed=1)
    parts = Independent(Normal(centres, 0.4), 1)
    expected = MixtureSameFamily(Categorical(torch.full((COUNT,), 1 / COUNT)), parts)
    torch.testing.assert_close(prior.log_prob(code), expected.log_prob(code), rtol=1e-4, atol=1e-4)
    noise = prior.noise(COUNT, generator=torch.Generator().manual_seed(2))
    noise[:, 0] = (torch.arange(COUNT) + 0.5) / COUNT
    torch.testing.assert_close(prior(noise), centres + 0.4 * noise[:, 1:])


@pytest.mark.parametrize("neighbours", [1, 3, 11, 40])
def test_codes_are_trained_by_their_nearest_neighbours_without_the_image_itself(neighbours: int) -> None:
    encoder, prior = settled(neighbours=neighbours, std=0.4)
    indices = torch.tensor([3, 0, 7])
    code = encoder(IMAGES[indices]).mean.detach() + 0.1 * normal(3, 2, seed=1)
    found = prior.leaving_out(indices).log_prob(code)
    centres = encoder(IMAGES).mean
    for number, index in enumerate(indices.tolist()):
        others = torch.tensor([other for other in range(COUNT) if other != index])
        densities = Independent(Normal(centres[others], 0.4), 1).log_prob(code[number])
        nearest = densities.topk(min(neighbours, COUNT - 1)).values
        torch.testing.assert_close(found[number], nearest.logsumexp(0) - math.log(COUNT - 1), rtol=1e-4, atol=1e-4)
    # The image itself is much nearer than all others, and would have had most of the share.
    assert (prior.log_prob(code) > found).all()


def test_gradients_reach_the_encoder_by_the_exemplars_and_the_deviation() -> None:
    encoder, prior = settled(neighbours=2)
    prior.leaving_out(torch.tensor([3, 0])).log_prob(normal(2, 2, seed=1)).sum().backward()
    assert encoder.mean.weight.grad is not None
    assert encoder.mean.weight.grad.any()
    assert prior.log_deviation.grad is not None
    assert prior.log_deviation.grad != 0


def test_kept_codes_are_refreshed_in_turn() -> None:
    encoder = LinearEncoder(2)
    prior = make(encoder, refreshed=5)
    for known in ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 0, 1, 2]):
        with torch.no_grad():
            encoder.mean.bias.add_(1)
        prior.leaving_out(torch.arange(2))
        torch.testing.assert_close(prior.codes[known], encoder(IMAGES[known]).mean.detach())
    assert int(prior.place) == 3
    before = prior.codes.clone()
    prior.eval().leaving_out(torch.arange(2))
    assert torch.equal(prior.codes, before)


def test_neighbours_are_looked_for_among_some_exemplars() -> None:
    _, prior = settled(exemplars=4, refreshed=1)
    assert prior.neighbours == 3
    seen = set()
    for _ in range(3):
        prior.leaving_out(torch.arange(2))
        searched = prior.searched_exemplars().tolist()
        assert len(set(searched)) == 4
        seen |= set(searched)
    assert len(seen) == COUNT
    index = prior.searched_exemplars()[:1]
    density = prior.leaving_out(index).log_prob(prior.codes[index])
    assert density.isfinite().all()


def test_images_are_read_when_they_are_wanted_first_and_copies_share_them() -> None:
    reads = []

    def read() -> ImageSet:
        reads.append(1)
        return ImageSet(PIXELS)

    prior = make(read=read)
    prior.log_prob(normal(3, 2, seed=0))
    prior.sample(2)
    assert not reads
    prior.leaving_out(torch.arange(2))
    copy.deepcopy(prior).leaving_out(torch.arange(2))
    assert reads == [1]
    assert set(prior.state_dict()) == {"log_deviation", "codes", "place"}


def test_an_encoder_without_a_distribution_is_refused() -> None:
    encoder = LinearEncoder(2)
    encoder.stochastic = False
    with pytest.raises(ValueError, match="needs an encoder that gives a distribution; use --encoder gaussian"):
        make(encoder)


@pytest.mark.parametrize("phase", ["autoencoder", "importance-weighted"])
def test_the_images_of_a_batch_are_left_out(phase: str, tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("exemplar-vae", phases=[phase])
    asked: list[Tensor] = []
    whole = session.system.prior.leaving_out

    def noted(indices: Tensor) -> Any:
        asked.append(indices)
        return whole(indices)

    session.system.prior.leaving_out = noted  # type: ignore[method-assign]
    session.fetch()
    images, given = session.source.take()
    train = session.data.train.take(given["indices"]).float() * (2 / 255) - 1
    torch.testing.assert_close(images, train)
    session.step()
    (indices,) = asked
    draws = 5 if phase == "importance-weighted" else 1
    assert torch.equal(indices, session.source.batches.indices_at(0).repeat_interleave(draws))


def test_it_is_not_fitted_to_codes(tiny_session: Callable[..., Session]) -> None:
    session = tiny_session("vae", prior="exemplar", regularizer="none", stages="autoencoder:2,code-fitting:2")
    for _ in range(2):
        session.step()
    with pytest.raises(ConfigurationError, match="--prior exemplar: its exemplars are learned together with the enc"):
        session.step()
