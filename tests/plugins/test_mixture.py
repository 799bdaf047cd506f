"""The prior `mixture`."""

import math
from typing import Any

import pytest
import scipy.stats
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Learning, Posterior, Prior
from priorkit.plugins import PriorContext
from priorkit_plugins.mixture import MixtureOptions, priorkit_priors


class LinearEncoder(Encoder):
    code_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        code = self.norm(image.flatten(1)[:, :2])
        return Posterior(code, code)


def images(n: int) -> Tensor:
    return torch.arange(4.0 * n).view(n, 1, 2, 2) / 100


def make(code_dim: int = 2, classes: int = 0, encoder: Encoder | None = None, **options: Any) -> Prior:
    def code_generator(noise_dim: int, condition_dim: int) -> Any:
        raise AssertionError("this prior has no code generator")

    (component,) = priorkit_priors()
    assert component.name == "mixture"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        context = PriorContext(code_dim, code_generator, classes, encoder, images, 3, classes)
        return component.build(MixtureOptions(**options), context)


def test_means_on_a_circle() -> None:
    prior = make(5, components=4, radius=2.0)
    expected = torch.zeros(4, 5)
    expected[:, :2] = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])
    torch.testing.assert_close(prior.means, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(prior.log_variances, torch.full((4, 5), 2 * math.log(0.5)))
    assert list(prior.parameters()) == []
    assert prior.learning is Learning.FIXED


def test_random_means_are_normal() -> None:
    means = make(100, components=200, means="random", radius=3.0).means
    assert scipy.stats.kstest(means.flatten() / 3, "norm").pvalue > 1e-8


def test_means_at_encodings() -> None:
    encoder = LinearEncoder()
    encoder.norm.running_mean.fill_(0.5)
    prior = make(components=5, means="encodings", encoder=encoder)
    assert encoder.norm.training
    codes = encoder.eval()(images(3)).code
    torch.testing.assert_close(prior.means, codes[[0, 1, 2, 0, 1]])
    assert not prior.means.requires_grad


def test_by_default_there_are_ten_components_or_one_a_class() -> None:
    assert make().clusters == 10
    assert make(classes=4).clusters == 4
    assert make(classes=4, components=4).clusters == 4
    with pytest.raises(ValueError, match="components is 5, and each of the condition's 4 classes") as error:
        make(classes=4, components=5)
    assert "--prior.components 4" in str(error.value)


def test_a_component_belongs_to_a_class() -> None:
    prior = make(classes=3, radius=10.0, std=0.1)
    condition = torch.eye(3)[[2, 0, 1, 2]]
    codes = prior.sample(4, condition=condition, generator=torch.Generator().manual_seed(0))
    assert torch.cdist(codes, prior.means).argmin(1).tolist() == [2, 0, 1, 2]
    assert prior.responsibilities(codes).argmax(1).tolist() == [2, 0, 1, 2]
    given = torch.distributions.Normal(prior.means[[2, 0, 1, 2]], 0.1).log_prob(codes).sum(1)
    torch.testing.assert_close(prior.log_prob(codes, condition), given, rtol=1e-4, atol=1e-4)
    # Over all s, with equal shares; components are far apart.
    torch.testing.assert_close(prior.log_prob(codes), given - math.log(3), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prior.distribution().log_prob(codes), prior.log_prob(codes), rtol=1e-4, atol=1e-4)


def test_what_a_learned_mixture_learns() -> None:
    assert {name for name, _ in make(learned=True).named_parameters()} == {"means", "log_variances", "logits"}
    # Classes keep equal shares: a density given s says nothing of them.
    assert {name for name, _ in make(learned=True, classes=3).named_parameters()} == {"means", "log_variances"}
    assert make(learned=True).learning is Learning.LIKELIHOOD


def test_samples_follow_learned_weights() -> None:
    prior = make(components=3, learned=True, radius=10.0)
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.7, 0.2, 0.1]).log() + 5)
        codes = prior.sample(10_000, generator=torch.Generator().manual_seed(0))
        counts = torch.bincount(prior.responsibilities(codes).argmax(1), minlength=3)
    assert scipy.stats.chisquare(counts, [7000, 2000, 1000]).pvalue > 1e-8


def test_a_circle_needs_a_plane() -> None:
    with pytest.raises(ValueError, match="at least 2 dimensions, not 1; use a larger --code-dim"):
        make(1)
    assert make(1, means="random").sample(3).shape == (3, 1)


def test_encodings_need_an_encoder() -> None:
    with pytest.raises(ValueError, match=r"need an encoder; use --prior\.means random or circle"):
        make(means="encodings")


@pytest.mark.parametrize("options", [{"components": 0}, {"std": 0}, {"radius": 0}, {"means": "line"}, {"k": 3}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MixtureOptions.model_validate(options)
