"""The prior `autoregressive` of indices: a causal transformer."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from priorkit.interfaces import CodeSpace
from priorkit.training import Session
from priorkit_plugins.autoregressive import AutoregressiveOptions
from priorkit_plugins.autoregressive.of_indices import IndexTransformerPrior
from priorkit_plugins.autoregressive.transformer import CausalTransformer

seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(
    places: int = 6, entries: int = 5, condition_dim: int = 0, *, seed: int = 0, dropout: float = 0.0
) -> IndexTransformerPrior:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformer = CausalTransformer(places, condition_dim, layers=2, width=8, heads=2)
        prior = IndexTransformerPrior(CodeSpace((1, places), entries), transformer, dropout=dropout)
        with torch.no_grad():
            for weight in prior.parameters():
                weight.add_(0.3 * torch.randn(weight.shape))
    return prior.eval()


def _logits(prior: IndexTransformerPrior, code: Tensor, condition: Tensor | None) -> Tensor:
    outputs = prior.transformer(prior.embedding(code[:, :-1]), condition)
    logits: Tensor = prior.readout(outputs).detach()
    return logits


@settings(deadline=None, max_examples=15)
@given(seed=seeds, places=st.integers(1, 7), entries=st.integers(2, 5), condition_dim=st.integers(0, 2))
def test_noise_in_the_middle_of_an_index_draws_it(seed: int, places: int, entries: int, condition_dim: int) -> None:
    """One step after another computes what one pass does, and `log_prob` is the product of the conditionals."""
    prior = make(places, entries, condition_dim, seed=seed)
    code = torch.randint(entries, (3, places), generator=generator(seed))
    condition = torch.randn(3, condition_dim, generator=generator(seed)) if condition_dim else None
    shares = _logits(prior, code, condition).softmax(2)
    own = shares.gather(2, code[:, :, None])[:, :, 0]
    torch.testing.assert_close(prior.log_prob(code, condition), own.log().sum(1), rtol=1e-4, atol=1e-4)
    middle = shares.cumsum(2).gather(2, code[:, :, None])[:, :, 0] - own / 2
    sure = (own > 1e-4).all(1)
    assert torch.equal(prior(middle, condition)[sure], code[sure])


@settings(deadline=None, max_examples=15)
@given(seed=seeds, place=st.integers(0, 5))
def test_an_index_depends_on_those_before_it_alone(seed: int, place: int) -> None:
    prior = make(seed=seed)
    code = torch.randint(5, (2, 6), generator=generator(seed))
    changed = code.clone()
    changed[:, place] = (changed[:, place] + 1) % 5
    before, after = _logits(prior, code, None), _logits(prior, changed, None)
    torch.testing.assert_close(before[:, : place + 1], after[:, : place + 1])
    if place < 5:
        assert not torch.allclose(before[:, place + 1 :], after[:, place + 1 :])


def test_every_index_sees_the_condition() -> None:
    prior = make(condition_dim=2)
    code = torch.zeros(1, 6, dtype=torch.int64)
    one, other = (_logits(prior, code, torch.eye(2)[i : i + 1]) for i in range(2))
    assert bool(((one - other).abs().amax(2) > 1e-4).all())
    with pytest.raises(ValueError, match="has a density for each s, but none over all s"):
        prior.log_prob(code)


def test_dropout_leaves_out_what_its_noise_says() -> None:
    prior = make(dropout=0.25).train()
    code = torch.randint(5, (64, 6), generator=generator())
    noise = prior.code_noise(64, generator=generator(1))
    assert noise.shape == (64, 4, 6, 8)
    assert torch.equal(prior.code_loss(code, noise), prior.code_loss(code, noise))
    assert not torch.equal(prior.code_loss(code, noise), prior.code_loss(code, prior.code_noise(64)))
    transformer = prior.transformer
    before = prior.embedding(code[:, :-1])
    # Where everything that layers add is left out, the first outputs are those of the start alone.
    bare = transformer(before, None, torch.zeros(64, 4, 6, 8))
    torch.testing.assert_close(bare[:, 0], transformer.norm(transformer.start + transformer.where[0]).expand(64, -1))
    torch.testing.assert_close(transformer(before, None, torch.ones(64, 4, 6, 8)), transformer(before))


@pytest.mark.parametrize(("dropout", "training"), [(0.0, True), (0.5, False)])
def test_where_nothing_is_left_out_the_loss_is_the_density(dropout: float, *, training: bool) -> None:
    prior = make(dropout=dropout).train(training)
    code = torch.randint(5, (64, 6), generator=generator())
    torch.testing.assert_close(prior.code_loss(code, prior.code_noise(64)), -prior.log_prob(code).mean() / 6)


def test_it_learns_which_index_follows_which() -> None:
    """Codes that count up: the entropy of a code is that of its first index."""
    prior = make(places=4, entries=4).train()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)
    draw = generator()
    for _ in range(150):
        code = (torch.randint(4, (64, 1), generator=draw) + torch.arange(4)) % 4
        loss = prior.code_loss(code, prior.code_noise(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) * 4 < math.log(4) + 0.1
    drawn = prior.eval().sample(200, generator=draw)
    assert float(((drawn.diff(dim=1) % 4) == 1).float().mean()) > 0.97


def test_a_width_that_heads_cannot_share() -> None:
    with pytest.raises(ValidationError, match=r"the width 10 cannot be split into 4 heads: .* such as 8"):
        AutoregressiveOptions(width=10)


@pytest.mark.parametrize("condition", ["none", {"name": "labels", "recovery": "none"}], ids=["all", "each class"])
def test_a_recipe_trains_it_in_its_second_stage(condition: Any, tiny_session: Callable[..., Session]) -> None:
    changes: dict[str, Any] = {"prior": {"layers": 1, "width": 8, "heads": 2}, "code_dim": 3, "code_size": 4}
    session = tiny_session(
        "vq-vae",
        networks={"name": "mlp", "hidden": 8},
        stages="autoencoder:2,code-fitting",
        steps=4,
        condition=condition,
        **changes,
    )
    before = {name: weight.clone() for name, weight in session.system.prior.named_parameters()}
    for _ in range(4):
        session.step()
    assert not any(torch.equal(weight, before[name]) for name, weight in session.system.prior.named_parameters())
    assert set(session.engine.losses(reset=False)) >= {"code_fitting/codes"}
    assert session.model.sample(3).shape[0] == 3
