"""What a prior inherits from its base class."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from priorkit.interfaces import Learning, Prior


class UniformPrior(Prior):
    """A prior of codes between 0 and a scale, whose noise has another shape than its codes."""

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.scale = nn.Parameter(torch.tensor(2.0))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        return torch.rand(n, self.code_dim, 3, generator=generator, device=device)

    def forward(self, noise: Tensor) -> Tensor:
        return self.scale * noise.mean(2)


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 9), code_dim=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_samples_are_what_forward_makes_of_the_noise(n: int, code_dim: int, seed: int) -> None:
    prior = UniformPrior(code_dim)
    noise = prior.noise(n, generator=torch.Generator().manual_seed(seed))
    codes = prior.sample(n, generator=torch.Generator().manual_seed(seed))
    assert codes.shape == (n, code_dim)
    assert torch.equal(codes, prior(noise))


def test_gradients_of_samples_reach_the_parameters() -> None:
    prior = UniformPrior(4)
    codes = prior.sample(5, device=torch.device("cpu"))
    codes.sum().backward()
    assert prior.scale.grad is not None
    torch.testing.assert_close(prior.scale.grad, codes.detach().sum() / 2)


def test_by_default_a_prior_is_fixed_and_has_no_density() -> None:
    prior = UniformPrior(2)
    assert prior.learning is Learning.FIXED
    assert not prior.has_density
    with pytest.raises(TypeError, match="UniformPrior has no density"):
        prior.log_prob(torch.zeros(1, 2))
    with pytest.raises(TypeError, match=r"UniformPrior is not one of torch\.distributions"):
        prior.distribution()
