"""The encoder `lookup-free`."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Categorical

from priorkit.interfaces import CodeSpace
from priorkit_plugins.lookup_free_encoder.encoder import LookupFreeEncoder


def encoder_of(channels: int, **options: float) -> LookupFreeEncoder:
    """Its images are maps of one place."""
    return LookupFreeEncoder(nn.Flatten(), CodeSpace((channels, 1, 1)), **options)


@settings(deadline=None, max_examples=25)
@given(
    channels=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    temperature=st.floats(0.05, 2),
    variety=st.floats(0, 2),
)
def test_the_entropy_is_that_of_all_entries(channels: int, seed: int, temperature: float, variety: float) -> None:
    """Eq. 5 of Yu et al. 2023, with the distances from every entry of the codebook."""
    encoder = encoder_of(channels, entropy=0.7, variety=variety, temperature=temperature)
    vectors = torch.randn(9, channels, generator=torch.Generator().manual_seed(seed))
    entries = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=channels)))
    distances = (vectors[:, None] - entries).square().sum(2)
    given = Categorical(logits=(-distances / (channels * temperature)).double())
    certain = given.entropy().mean()  # type: ignore[no-untyped-call]
    varied = Categorical(probs=given.probs.mean(0)).entropy()  # type: ignore[no-untyped-call]
    found = encoder(vectors[:, :, None, None]).terms["entropy"]
    torch.testing.assert_close(found.double(), 0.7 * (certain - variety * varied), rtol=1e-4, atol=1e-4)


def test_many_channels_are_counted_in_groups() -> None:
    """Independent bits that are even: the sum over groups is the entropy of all."""
    encoder = encoder_of(12, entropy=1.0, temperature=0.01)
    bits = torch.randint(2, (4000, 12), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    found = encoder(bits[:, :, None, None])
    assert float(found.terms["entropy"]) == pytest.approx(-12 * math.log(2), abs=0.1)
    assert float(found.terms["commitment"]) == 0


@settings(deadline=None, max_examples=20)
@given(channels=st.integers(1, 16), seed=st.integers(0, 2**32 - 1))
def test_signs_are_the_bits_of_an_index(channels: int, seed: int) -> None:
    encoder = encoder_of(channels, entropy=0, commitment=0)
    vectors = torch.randn(9, channels, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    found = encoder(vectors[:, :, None, None])
    assert found.indices is not None
    assert found.terms == {}
    assert encoder.codes.entries == 2**channels
    bits = [[index >> bit & 1 for bit in range(channels)] for index in found.indices[:, 0].tolist()]
    torch.testing.assert_close(found.code, torch.tensor(bits) * 2.0 - 1)
    assert torch.equal(found.code.sign(), vectors.sign())
    assert torch.equal(encoder.embed(found.indices), found.code.sign())
    (gradient,) = torch.autograd.grad(found.code.sum(), vectors)
    assert torch.equal(gradient, torch.ones_like(gradient))


def test_it_needs_whole_batches_where_it_compares_them() -> None:
    assert encoder_of(2).needs_whole_batch
    assert not encoder_of(2, entropy=0).needs_whole_batch
    assert not encoder_of(2, variety=0).needs_whole_batch


def test_too_many_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="--code-dim is 17: 131072 entries; use --code-dim 10, or any up to 16"):
        encoder_of(17)
