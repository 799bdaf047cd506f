"""The prior `vampprior`."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from priorkit.distributed import Processes
from priorkit.distributed.synchronised_batch_norm import SynchronisedBatchNorm
from priorkit.interfaces import Encoder, Learning, Posterior
from priorkit.plugins import PriorContext
from priorkit_plugins.vampprior import VampPriorOptions, priorkit_priors
from priorkit_plugins.vampprior.prior import VampPrior


class NormedEncoder(Encoder):
    """A Gaussian encoder of 4x4 images with batch norm and dropout."""

    code_dim = 3

    def __init__(self, *, stochastic: bool = True) -> None:
        super().__init__()
        self.stochastic = stochastic
        self.norm = nn.BatchNorm1d(8)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), self.norm, nn.Tanh(), nn.Dropout(), nn.Linear(8, 6))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        mean, log_variance = self.body(image).chunk(2, dim=1)
        return Posterior(mean if noise is None else mean + torch.exp(log_variance / 2) * noise, mean, log_variance)


def images(n: int) -> Tensor:
    """Half of each image is black, as in many data sets."""
    drawn = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(7)) * 2 - 1
    drawn[..., :2] = -1
    return drawn


def make(encoder: Encoder | None = None, available: int = 100, source: Any = images, **options: Any) -> VampPrior:
    (component,) = priorkit_priors()
    assert component.name == "vampprior"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = NormedEncoder() if encoder is None else encoder
        context = PriorContext(3, _no_code_generator, 0, encoder, source, available)
        prior = component.build(VampPriorOptions(**{"pseudo_inputs": 5, **options}), context)
    assert isinstance(prior, VampPrior)
    return prior


def _no_code_generator(noise_dim: int, condition_dim: int) -> Any:
    raise AssertionError("this prior has no code generator")


def settled_encoder() -> NormedEncoder:
    """In training mode, with running statistics that are not the first ones."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        encoder = NormedEncoder()
        for _ in range(3):
            encoder(torch.randn(20, 1, 4, 4))
    return encoder


def normalised_together(encoder: NormedEncoder, prior: VampPrior) -> Posterior:
    """The pseudo-inputs' posteriors, by their own statistics and without dropout."""
    alone = copy.deepcopy(encoder).eval()
    alone.norm.train()
    posterior: Posterior = alone(prior.pseudo_inputs.detach())
    return posterior


def test_the_density_is_the_mixture_of_the_posteriors() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    posterior = normalised_together(encoder, prior)
    normal = Normal(posterior.mean, (posterior.log_variance / 2).exp())
    expected = MixtureSameFamily(Categorical(torch.full((5,), 0.2)), Independent(normal, 1))
    codes = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(prior.log_prob(codes), expected.log_prob(codes))
    # Dimensions are summed before parts: the other order gives something else.
    wrong = torch.logsumexp(normal.log_prob(codes[:, None]), dim=1).sum(1) - 3 * math.log(5)
    assert (wrong - expected.log_prob(codes)).abs().max() > 0.01


def test_learned_weights_are_those_of_the_mixture() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images", learned_weights=True)
    codes = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(prior.log_prob(codes), make(encoder, start="images").log_prob(codes))
    assert prior.logits is not None
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.0, 3.0, -1.0, 0.5, -50.0]))
    posterior = normalised_together(encoder, prior)
    normal = Normal(posterior.mean, (posterior.log_variance / 2).exp())
    expected = MixtureSameFamily(Categorical(logits=prior.logits.detach()), Independent(normal, 1))
    torch.testing.assert_close(prior.log_prob(codes), expected.log_prob(codes))
    # The last one is never picked, however large the number.
    noise = torch.zeros(2, 4)
    noise[:, 0] = torch.tensor([0.0, 0.9999999])
    torch.testing.assert_close(prior(noise), posterior.mean[[0, 3]])
    prior.log_prob(codes).mean().backward()
    assert prior.logits.grad is not None
    assert prior.logits.grad.abs().sum() > 0


def test_codes_are_drawn_from_the_posterior_that_the_first_number_picks() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    posterior = normalised_together(encoder, prior)
    noise = prior.noise(5, generator=torch.Generator().manual_seed(0))
    noise[:, 0] = torch.tensor([0.1, 0.9, 0.3, 0.5, 0.7])
    picked = [0, 4, 1, 2, 3]
    expected = posterior.mean[picked] + (posterior.log_variance[picked] / 2).exp() * noise[:, 1:]
    torch.testing.assert_close(prior(noise), expected)


def test_nothing_of_the_encoder_moves() -> None:
    encoder = settled_encoder()
    prior = make(encoder)
    encoder.norm.eval()
    before, modes = copy.deepcopy(encoder.state_dict()), [layer.training for layer in encoder.modules()]
    places = [buffer.data_ptr() for buffer in encoder.buffers()]
    assert {True, False} == set(modes)
    global_state = torch.get_rng_state()
    prior.log_prob(torch.zeros(2, 3))
    prior.sample(4, generator=torch.Generator().manual_seed(0))
    assert [layer.training for layer in encoder.modules()] == modes
    assert [buffer.data_ptr() for buffer in encoder.buffers()] == places
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    # Dropout would have drawn from here.
    assert torch.equal(torch.get_rng_state(), global_state)


def test_modes_are_restored_after_an_error() -> None:
    encoder = settled_encoder()
    prior = make(encoder)
    prior.pseudo_inputs = nn.Parameter(torch.zeros(5, 1, 3, 3))
    with pytest.raises(RuntimeError):
        prior.log_prob(torch.zeros(2, 3))
    assert all(layer.training for layer in encoder.modules())


def test_the_density_in_training_is_that_in_use() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    codes = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    in_training = prior.log_prob(codes)
    encoder.eval()
    assert torch.equal(prior.eval().log_prob(codes), in_training)


def test_weights_are_indifferent_to_scale_where_batch_norm_makes_them_so() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    codes = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    before = prior.log_prob(codes)
    with torch.no_grad():
        encoder.body[1].weight.mul_(10)
        encoder.body[1].bias.mul_(10)
    # By running statistics, which know nothing of the new scale yet, it would be another density.
    torch.testing.assert_close(prior.log_prob(codes), before, rtol=1e-3, atol=1e-3)
    encoder.eval()
    assert not torch.allclose(
        encoder(prior.pseudo_inputs).mean, normalised_together(encoder, prior).mean, rtol=0.1, atol=0.1
    )


def test_gradients_reach_pseudo_inputs_and_the_encoder() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    prior.log_prob(torch.randn(8, 3, generator=torch.Generator().manual_seed(0))).mean().backward()
    for weight in (prior.pseudo_inputs, *encoder.parameters()):
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0


def norm_over_processes(encoder: NormedEncoder) -> None:
    encoder.body[2] = encoder.norm = SynchronisedBatchNorm(encoder.norm, Processes())


@pytest.mark.parametrize("change", [lambda encoder: None, norm_over_processes], ids=["plain", "synchronised"])
def test_gradients_are_those_of_the_statistics_at_the_time(change: Callable[[NormedEncoder], None]) -> None:
    def gradient(*, disturbed: bool) -> Tensor:
        encoder = settled_encoder()
        prior = make(encoder, start="images")
        change(encoder)
        loss = prior.log_prob(torch.ones(8, 3)).mean()
        if disturbed:
            # A batch of data moves the statistics before the gradients are computed.
            encoder(100 * torch.ones(4, 1, 4, 4) * torch.arange(4)[:, None, None, None])
        (found,) = torch.autograd.grad(loss, prior.pseudo_inputs)
        return found

    assert gradient(disturbed=False).abs().sum() > 0
    torch.testing.assert_close(gradient(disturbed=True), gradient(disturbed=False))


def test_the_encoder_is_shared_and_no_part_of_the_prior() -> None:
    encoder = settled_encoder()
    prior = make(encoder, start="images")
    assert list(prior.state_dict()) == ["pseudo_inputs"]
    assert [name for name, _ in prior.named_parameters()] == ["pseudo_inputs"]
    assert list(prior.modules()) == [prior]
    copied = copy.deepcopy(prior)
    codes = torch.zeros(2, 3)
    assert torch.equal(copied.log_prob(codes), prior.log_prob(codes))
    with torch.no_grad():
        encoder.body[-1].bias.add_(1)
    assert torch.equal(copied.log_prob(codes), prior.log_prob(codes))
    with torch.no_grad():
        copied.pseudo_inputs.zero_()
    assert not torch.equal(copied.log_prob(codes), prior.log_prob(codes))


def test_pseudo_inputs_stay_in_the_range_of_images() -> None:
    prior = make(settled_encoder(), start="images")
    codes = torch.ones(2, 3)
    with torch.no_grad():
        prior.pseudo_inputs.copy_(prior.pseudo_inputs.sign())
        at_the_bounds = prior.log_prob(codes)
        prior.pseudo_inputs.mul_(5)
        assert torch.equal(prior.log_prob(codes), at_the_bounds)
        prior.pseudo_inputs.mul_(0.1)
        assert not torch.equal(prior.log_prob(codes), at_the_bounds)


def test_it_starts_at_the_mean_image_or_at_images() -> None:
    at_mean = make(pseudo_inputs=40, available=50)
    expected = images(50).mean(0).clamp(-0.99, 0.99)
    assert (at_mean.pseudo_inputs - expected).abs().max() < 6 * 0.01
    assert at_mean.pseudo_inputs.std(0).max() > 0.005
    at_images = make(pseudo_inputs=4, start="images", noise_std=0.0)
    torch.testing.assert_close(at_images.pseudo_inputs.data, images(4).clamp(-0.99, 0.99))
    # Fewer images than pseudo-inputs: they come again.
    few = make(pseudo_inputs=5, available=2, start="images", noise_std=0.0)
    torch.testing.assert_close(few.pseudo_inputs.data, images(2)[[0, 1, 0, 1, 0]].clamp(-0.99, 0.99))


@pytest.mark.parametrize("start", ["mean", "images"])
def test_black_pixels_can_learn(start: str) -> None:
    prior = make(settled_encoder(), start=start)
    prior.log_prob(torch.ones(2, 3)).mean().backward()
    assert prior.pseudo_inputs.grad is not None
    assert (prior.pseudo_inputs.grad[..., :2] != 0).all()


def test_images_are_asked_for_as_there_are_some() -> None:
    asked: list[int] = []

    def source(n: int) -> Tensor:
        asked.append(n)
        return images(n)

    make(source=source, available=30)
    make(source=source, available=30, start="images")
    make(source=source, available=100_000)
    # A trained run that is loaded knows of one image.
    assert make(source=source, available=1, start="images").pseudo_inputs.shape == (5, 1, 4, 4)
    assert asked == [30, 5, 1000, 1]


def test_it_learns_by_likelihood() -> None:
    prior = make()
    assert prior.learning is Learning.LIKELIHOOD
    assert prior.has_density
    assert prior.clusters == 0
    assert VampPriorOptions().pseudo_inputs == 500


def test_deterministic_encoders_are_refused() -> None:
    (component,) = priorkit_priors()
    for encoder in (NormedEncoder(stochastic=False), None):
        with pytest.raises(ValueError, match="needs an encoder that gives a distribution; use --encoder gaussian"):
            component.build(VampPriorOptions(), PriorContext(3, _no_code_generator, 0, encoder, images, 10))


@pytest.mark.parametrize("options", [{"pseudo_inputs": 1}, {"start": "noise"}, {"noise_std": -1}, {"k": 5}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VampPriorOptions.model_validate(options)
