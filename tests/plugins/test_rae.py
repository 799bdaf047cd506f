"""The regularizer `rae`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from priorkit.interfaces import ImageShape, Posterior, Regularizer
from priorkit.testing.stand_in_networks import SmallNetworks
from priorkit.training import Session
from priorkit_plugins.rae import RAEOptions, priorkit_regularizers

SHAPE = ImageShape(1, 4)


def make(**options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    context: Any = SimpleNamespace(code_dim=3)
    return component.build(RAEOptions(**options), context)


def codes(n: int = 5) -> Posterior:
    code = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    return Posterior(code, code)


def test_the_size_of_codes() -> None:
    posterior = codes()
    (term,) = make(weight=2.0).encoder_terms(posterior, None, posterior.code[:0]).values()  # type: ignore[arg-type]
    expected = sum(0.5 * float(value) ** 2 for value in posterior.code.flatten()) / 5
    assert float(term) == pytest.approx(2 * expected, rel=1e-5)


def test_the_squared_norm_of_the_decoder() -> None:
    decoder = SmallNetworks(SHAPE).decoder(3)
    (term,) = make(decoder="l2", decoder_weight=0.5).decoder_terms(decoder, codes()).values()
    flat = nn.utils.parameters_to_vector(decoder.parameters())
    torch.testing.assert_close(term, 0.5 * torch.linalg.vector_norm(flat) ** 2)
    # What AdamW does not do: its gradient is that of the loss, 2 lambda theta.
    term.backward()
    for weight in decoder.parameters():
        torch.testing.assert_close(weight.grad, weight.detach())


def test_the_gradient_of_the_decoder() -> None:
    """The mean over directions is the squared Frobenius norm of the Jacobian."""
    torch.manual_seed(0)
    decoder, posterior = SmallNetworks(SHAPE).decoder(3), codes(2)
    regularizer = make(decoder="gradient", decoder_weight=0.5)
    jacobian = torch.autograd.functional.jacobian(lambda code: decoder(code).sum(0), posterior.code)
    expected = 0.5 * float(jacobian.square().sum()) / 2
    # Every direction of the standard basis once, scaled: their second moments are those of u.
    noise = torch.eye(3) * 3**0.5
    repeated = [Posterior(code.expand(3, 3), code.expand(3, 3)) for code in posterior.code]
    terms = [regularizer.decoder_terms(decoder, each, noise)["decoder_gradient"] for each in repeated]
    assert float(torch.stack(terms).mean().detach()) == pytest.approx(expected, rel=0.01)
    drawn = regularizer.encoder_noise(5, generator=torch.Generator().manual_seed(0))
    assert drawn.shape == (5, 3)


def test_none_has_nothing_for_the_decoder() -> None:
    assert make(decoder="none").decoder_terms(SmallNetworks(SHAPE).decoder(3), codes()) == {}


@pytest.mark.parametrize("kind", ["l2", "gradient"])
def test_the_decoder_learns_from_the_sum(kind: str, tiny_session: Callable[..., Session]) -> None:
    """In one move with the reconstruction, which alone reaches the encoder beside the codes' size."""
    changes: dict[str, Any] = {"optimizer": "sgd", "beta1": 0.0, "learning_rate": 0.1}
    with_term, without = (
        tiny_session(
            "aae", regularizer={"name": "rae", "decoder": kind, "decoder_weight": weight}, prior="gaussian", **changes
        )
        for weight in (3.0, 0.0)
    )
    with_term.step()
    without.step()
    name = f"autoencoder/decoder_{kind}"
    assert with_term.engine.losses(reset=False)[name] > 0 == without.engine.losses(reset=False)[name]
    moved, still = with_term.system.state(), without.system.state()
    differing = {key.partition("/")[0] for key in moved if not torch.equal(moved[key], still[key])}
    assert differing == {"decoder"}
