"""The Kullback-Leibler regularizer of VAEs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, RegularizerContext, hookimpl
from priorkit_plugins.weight_schedule import WeightScheduleOptions

if TYPE_CHECKING:
    from priorkit.interfaces import Regularizer

__all__ = ["KLOptions", "priorkit_regularizers"]


class KLOptions(WeightScheduleOptions):
    """Options of the regularizer `kl`."""

    weight: float = Field(1.0, gt=0, description="weight of the divergence (beta of a beta-VAE)")
    capacity: float | None = Field(
        None,
        ge=0,
        description="hold the divergence of each image at this many nats instead of 0: weight |KL - capacity| "
        "(Burgess et al. 2018, arXiv:1804.03599, whose weights are large, such as 1000)",
    )
    capacity_warm_up: int = Field(0, ge=0, description="steps over which the capacity rises from 0; 0 for none")
    free_bits: float = Field(
        0.0,
        ge=0,
        description="nats below which the batch's mean divergence of a group of dimensions is not penalised "
        "(Kingma et al. 2016, arXiv:1606.04934, lambda of Eq. 15); 0 for none",
    )
    free_bits_groups: int = Field(
        0,
        ge=0,
        description="number of groups of neighbouring dimensions with free bits, such as the channels of maps; 0 "
        "for each dimension by itself",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.capacity is not None and self.free_bits:
            raise ValueError("capacity and free_bits exclude each other: leave one of them out")
        if self.capacity is None and self.capacity_warm_up:
            raise ValueError(f"capacity_warm_up {self.capacity_warm_up} has no effect without a capacity")
        if not self.free_bits and self.free_bits_groups:
            raise ValueError(f"free_bits_groups {self.free_bits_groups} has no effect without free_bits")
        return self


def _build(options: KLOptions, context: RegularizerContext) -> Regularizer:
    from priorkit_plugins.kl.regularizer import Capacity, FreeBits, KLRegularizer

    capacity, free = None, None
    if options.capacity is not None:
        capacity = Capacity(options.capacity, options.capacity_warm_up)
    if options.free_bits:
        free = FreeBits(options.free_bits, _groups(options.free_bits_groups, context.code_dim))
    return KLRegularizer(options.weight, options.schedule, capacity=capacity, free_bits=free)


def _groups(groups: int, code_dim: int) -> int:
    if groups and code_dim % groups:
        raise ValueError(
            f"--regularizer.free-bits-groups {groups}: a code has {code_dim} dimensions, which cannot be shared out to "
            f"{groups} groups of one size; choose a divisor"
        )
    return groups or code_dim


@hookimpl
def priorkit_regularizers() -> list[Component[Regularizer]]:
    """Supplies the regularizer `kl`."""
    return [
        Component(
            "kl",
            KLOptions,
            _build,
            summary="KL(q(code|x) || p(code)): closed form where there is one, one-sample estimate otherwise",
            source="Kingma and Welling 2013, arXiv:1312.6114; Eq. 2 of Wang et al. 2020",
        )
    ]
