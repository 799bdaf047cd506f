"""The regularizer `info-vae`."""

from typing import Any

import pytest
import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageShape, Posterior, Regularizer
from priorkit.testing.stand_in_priors import DeterministicEncoder, OnlySampled, StandardNormal
from priorkit_plugins.info_vae import InfoVAEOptions, priorkit_regularizers
from priorkit_plugins.kl.regularizer import KLRegularizer
from priorkit_plugins.mmd.regularizer import MMDRegularizer

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def make(**options: Any) -> Regularizer:
    (component,) = priorkit_regularizers()
    return component.build(InfoVAEOptions(**options), None)  # type: ignore[arg-type]


def batch() -> tuple[Posterior, Tensor]:
    mean, log_variance, noise, prior_code = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0))
    return Posterior(mean + torch.exp(log_variance / 2) * noise, mean, log_variance), prior_code


@pytest.mark.parametrize(("alpha", "scale"), [(0.0, 1.0), (0.0, 10.0), (0.25, 4.0), (1.0, 7.0)])
def test_it_is_a_part_of_the_divergence_and_the_discrepancy(alpha: float, scale: float) -> None:
    (posterior, prior_code), prior = batch(), StandardNormal(3)
    found = make(alpha=alpha, scale=scale).encoder_terms(posterior, prior, prior_code)
    (divergence,) = KLRegularizer().encoder_terms(posterior, prior, prior_code).values()
    (discrepancy,) = MMDRegularizer(scales=SCALES).encoder_terms(posterior, prior, prior_code).values()
    torch.testing.assert_close(found["discrepancy"], (alpha + scale - 1) * discrepancy)
    assert ("regularization" in found) == (alpha < 1)
    if alpha < 1:
        torch.testing.assert_close(found["regularization"], (1 - alpha) * divergence)


def test_without_the_divergence_any_encoder_and_prior_will_do() -> None:
    encoder, prior = DeterministicEncoder(3, ImageShape(1, 16)), OnlySampled(3)
    make(alpha=1.0).check(encoder, prior)
    with pytest.raises(ValueError, match="use --encoder gaussian"):
        make(alpha=0.9).check(encoder, prior)


def test_one_code_is_refused() -> None:
    one = torch.zeros(1, 2)
    with pytest.raises(ConfigurationError, match="use at least --batch-size 2"):
        make().encoder_terms(Posterior(one, one, one), StandardNormal(2), one)
