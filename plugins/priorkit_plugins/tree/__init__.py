"""A tree of Gaussians: the nested Chinese restaurant process as a prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["TreeOptions", "priorkit_priors"]

_MOST_LEAVES = 4096


class TreeOptions(Options):
    """Options of the prior `tree`."""

    depth: int = Field(3, ge=1, description="levels below the root")
    branching: int = Field(3, ge=2, description="number of children of every node, at which the process is truncated")
    concentration: float = Field(1.0, gt=0, description="gamma of the stick-breaking weights; larger is more even")
    node_std: float = Field(1.0, gt=0, description="standard deviation of the root's mean around 0, in every dimension")
    node_decay: float = Field(
        0.7,
        gt=0,
        le=1,
        description="factor of node_std from one level to the next: spread of a child's mean around its parent's",
    )
    leaf_std: float = Field(0.5, gt=0, description="standard deviation of codes around their leaf's mean")

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        # Not branching ** depth, which takes too long for large numbers.
        leaves = 1
        for _ in range(min(self.depth, _MOST_LEAVES)):
            leaves *= self.branching
            if leaves > _MOST_LEAVES:
                raise ValueError(
                    f"a tree of depth {self.depth} and branching {self.branching} has more than {_MOST_LEAVES} leaves; "
                    "choose smaller ones"
                )
        return self


def _build(options: TreeOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.tree.prior import TreePrior

    return TreePrior(
        context.code_dim,
        depth=options.depth,
        branching=options.branching,
        concentration=options.concentration,
        node_std=options.node_std,
        node_decay=options.node_decay,
        leaf_std=options.leaf_std,
        train_count=context.train_count,
    )


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `tree`."""
    return [
        Component(
            "tree",
            TreeOptions,
            _build,
            summary="a tree of Gaussians with stick-breaking weights, learned by likelihood",
            source="Goyal et al. 2017, Nonparametric variational auto-encoders for hierarchical representation "
            "learning, ICCV, arXiv:1703.07027",
        )
    ]
