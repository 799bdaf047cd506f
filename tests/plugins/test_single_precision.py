"""Precision: on devices that have no float64, and of what components are given in less than float32."""

from typing import Any

import pytest
import torch
from torch import Tensor

from device_of_single_precision import SinglePrecisionTensor
from priorkit.interfaces import Learning, Prior
from priorkit.plugins import PriorContext
from priorkit.registry import installed_plugins
from priorkit_plugins.single_precision import at_least_single

PRIORS = [
    ("gaussian", {}),
    ("full-gaussian", {}),
    ("mixture", {"em": True}),
    ("mixture", {"em": True, "covariance": "diagonal"}),
    ("mixture", {"learned": True}),
    ("kde", {}),
    ("kde", {"rule": "scott"}),
    ("flow-matching", {"hidden": 8}),
    ("diffusion", {"hidden": 8}),
    ("two-stage", {"hidden": 8}),
    ("energy", {"hidden": 8}),
    ("resampled", {"hidden": 8, "constant_draws": 16}),
    ("noise-contrastive", {"hidden": 8, "constant_draws": 16}),
    ("autoregressive", {"hidden": 8}),
    ("swiss-roll", {}),
    ("tree", {}),
    ("dirichlet", {}),
    ("logistic-normal", {}),
    ("laplace", {}),
    ("logistic", {}),
    ("uniform", {}),
    ("uniform-sphere", {}),
    ("von-mises-fisher", {"components": 2, "learned": True}),
    ("wrapped-normal", {}),
]


def made(name: str, options: dict[str, Any], classes: int) -> Prior:
    component = installed_plugins().get("prior", name).component
    context = PriorContext(2, _no_code_generator, classes, train_count=60, classes=classes)
    prior = component.build(component.options(**options), context)
    assert isinstance(prior, Prior)
    return prior


def _no_code_generator(noise_dim: int, condition_dim: int) -> Any:
    raise AssertionError("these priors have none")


def there(tensor: Tensor) -> SinglePrecisionTensor:
    return tensor.as_subclass(SinglePrecisionTensor)


def test_the_stand_in_refuses_float64_and_nothing_else() -> None:
    tensor = there(torch.rand(3, 2))
    assert type(tensor.square() + 1) is SinglePrecisionTensor
    assert tensor.cpu().double().dtype == torch.float64
    for compute in (Tensor.double, lambda given: given + torch.zeros(2, dtype=torch.float64)):
        with pytest.raises(RuntimeError, match="no float64"):
            compute(tensor)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(("name", "options"), PRIORS)
def test_priors_need_no_float64_on_their_device(name: str, options: dict[str, Any], classes: int) -> None:
    generator = torch.Generator().manual_seed(0)
    prior = made(name, options, classes)
    condition = there(torch.eye(3)[torch.arange(60) % 3]) if prior.takes_condition else None
    given = () if condition is None else (condition,)
    codes = prior(there(prior.noise(60, generator=generator)), *given)
    if prior.learning is Learning.ALL_CODES:
        prior.fit_codes(there(torch.randn(60, 2)), there(prior.code_noise(60, generator=generator)), condition)
    if prior.learning is Learning.CODES:
        prior.code_loss(codes.detach(), there(prior.code_noise(60, generator=generator)), condition)
    if prior.has_density:
        assert prior.log_prob(codes, *given).isfinite().all()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float32, None), (torch.float64, None)],
)
def test_at_least_single(dtype: torch.dtype, expected: torch.dtype | None) -> None:
    assert at_least_single(torch.ones(2, dtype=dtype)).dtype == (expected or dtype)
