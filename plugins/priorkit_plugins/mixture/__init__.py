"""Mixtures of Gaussians, fixed or learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["MixtureOptions", "priorkit_priors"]


class MixtureOptions(Options):
    """Options of the prior `mixture`."""

    components: int | None = Field(
        None, ge=1, description="K, the number of components; by default one a class of the condition, or else 10"
    )
    learned: bool = Field(False, description="learn means, variances and weights; otherwise they stay as they start")
    means: Literal["circle", "random", "encodings"] = Field(
        "circle",
        description="where the means start: on a circle in the first two dimensions, at random around 0, or at the "
        "encodings of training images",
    )
    radius: float = Field(
        4.0, gt=0, description="radius of the circle, or standard deviation of random means in every dimension"
    )
    std: float = Field(0.5, gt=0, description="standard deviation of every component in every dimension at the start")


def _build(options: MixtureOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.mixture.means import means_at_encodings, means_on_circle, random_means
    from priorkit_plugins.mixture.prior import MixturePrior

    classes, code_dim = context.classes, context.code_dim
    count = options.components or classes or 10
    if classes and count != classes:
        raise ValueError(
            f"components is {count}, and each of the condition's {classes} classes needs one of its own; "
            f"use --prior.components {classes} or leave it out"
        )
    if options.means == "circle":
        if code_dim < 2:
            raise ValueError(
                f"a circle needs codes of at least 2 dimensions, not {code_dim}; "
                "use a larger --code-dim, or --prior.means random"
            )
        means = means_on_circle(count, code_dim, options.radius)
    elif options.means == "random":
        means = random_means(count, code_dim, options.radius)
    elif context.encoder is None or context.images is None:
        raise ValueError("means at encodings need an encoder; use --prior.means random or circle")
    else:
        means = means_at_encodings(count, context.encoder, context.images, context.train_count)
    return MixturePrior(means, options.std, learned=options.learned, labelled=classes > 0)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `mixture`."""
    return [
        Component(
            "mixture",
            MixtureOptions,
            _build,
            summary="a mixture of Gaussians, fixed or learned; with classes, one component for each",
            source="Makhzani et al. 2015, arXiv:1511.05644, Section 2.3; Dilokthanakul et al. 2016, arXiv:1611.02648",
        )
    ]
