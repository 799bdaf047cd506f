"""What components are told of the data when a system is built."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from priorkit.config import RunConfig
from priorkit.data import DataSummary
from priorkit.interfaces import ImageShape, Posterior, Prior, Regularizer
from priorkit.models import build_system
from priorkit.plugins import Component, RegularizerContext
from priorkit.registry import Registry
from priorkit.training import Session


class MinibatchTotalCorrelation(Regularizer):
    """beta-TC-VAE's total correlation, by minibatch weighted sampling (Chen et al. 2018, Equation S5)."""

    needs_prior_code = False
    needs_whole_batch = True

    def __init__(self, context: RegularizerContext) -> None:
        super().__init__()
        self.train_count = context.train_count

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Mapping[str, Tensor]:
        assert posterior.log_variance is not None
        code, mean, deviation = posterior.code, posterior.mean, (posterior.log_variance / 2).exp()
        # (N, N, code_dim): the density of each code under each image's posterior.
        densities = Normal(mean, deviation, validate_args=False).log_prob(code[:, None])  # type: ignore[no-untyped-call]
        weight = math.log(len(code) * self.train_count)
        joint = densities.sum(2).logsumexp(1) - weight
        single = (densities.logsumexp(1) - weight).sum(1)
        return {"total_correlation": (joint - single).mean()}


@pytest.fixture
def with_total_correlation(
    make_registry: Callable[..., Registry], make_component: Callable[..., Component[Any]]
) -> Registry:
    def build(options: Any, context: RegularizerContext) -> Regularizer:
        return MinibatchTotalCorrelation(context)

    return make_registry([("regularizer", make_component("total-correlation", build))])


def total_correlation(regularizer: Regularizer | None, code: Tensor, mean: Tensor, log_variance: Tensor) -> float:
    assert regularizer is not None
    terms = regularizer.encoder_terms(Posterior(code, mean, log_variance), None, code[:0])  # type: ignore[arg-type]
    return terms["total_correlation"].item()


@pytest.mark.parametrize("train", [20, 37])
def test_the_number_of_training_images_reaches_regularizers(
    train: int, tiny_session: Callable[..., Session], with_total_correlation: Registry
) -> None:
    session = tiny_session(
        "vae",
        with_total_correlation,
        regularizer="total-correlation",
        dataset={"name": "tiny", "train": train},
    )
    # Where all posteriors are one, they weigh alike: of each of the densities 1 / train_count is left.
    code = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    found = total_correlation(session.system.regularizer, code, torch.zeros(6, 4), torch.zeros(6, 4))
    assert found == pytest.approx((4 - 1) * math.log(train), rel=1e-5)
    session.step()
    assert session.engine.losses(reset=False)["autoencoder/total_correlation"] != 0


def test_it_does_so_where_a_trained_run_is_loaded(
    tiny_config: Callable[..., RunConfig], with_total_correlation: Registry
) -> None:
    config = tiny_config("vae", with_total_correlation, regularizer="total-correlation")
    data = DataSummary(ImageShape(1, 16), train_count=50)
    system = build_system(config, with_total_correlation, data, trained=True)
    code = torch.zeros(2, 4)
    assert total_correlation(system.regularizer, code, code, code) == pytest.approx(3 * math.log(50), rel=1e-5)
