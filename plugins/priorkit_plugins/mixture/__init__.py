"""Mixtures of Gaussians, fixed or learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

    from priorkit.interfaces import Prior

__all__ = ["MixtureOptions", "priorkit_priors"]


class MixtureOptions(Options):
    """Options of the prior `mixture`."""

    components: int | None = Field(
        None,
        ge=1,
        description="K, the number of components; by default one for each class of the condition, or 10. With "
        "--prior.em, the number for each class, by default 10",
    )
    learned: bool = Field(False, description="learn means, variances and weights; otherwise they are fixed")
    em: bool = Field(
        False,
        description="fit everything to the codes of a trained autoencoder at once, by EM initialised with k-means",
    )
    covariance: Literal["full", "diagonal"] = Field(
        "full", description="covariances of components fitted by EM; all others have independent dimensions"
    )
    ridge: float = Field(
        1e-4, ge=0, description="EM: added to every variance, as a share of the mean variance, to keep densities finite"
    )
    iterations: int = Field(100, ge=1, description="EM: maximal number of iterations")
    means: Literal["circle", "random", "encodings"] = Field(
        "circle",
        description="initial means: on a circle in the first two dimensions, random around 0, or at the "
        "encodings of training images",
    )
    radius: float = Field(
        4.0, gt=0, description="radius of the circle, or standard deviation of random means in every dimension"
    )
    std: float = Field(0.5, gt=0, description="initial standard deviation of every component in every dimension")


def _build(options: MixtureOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.mixture.prior import MixturePrior

    classes = context.classes
    if not options.em:
        return MixturePrior(_means(options, context), options.std, learned=options.learned, labelled=classes > 0)
    if options.learned:
        raise ValueError("it learns by gradients (--prior.learned) or by EM (--prior.em); leave out one of them")
    # Imported here: it imports scikit-learn, which takes a second.
    from priorkit_plugins.mixture.fitted_prior import FittedMixturePrior

    return FittedMixturePrior(
        _means(options, context),
        options.std,
        classes,
        full=options.covariance == "full",
        ridge=options.ridge,
        iterations=options.iterations,
    )


def _means(options: MixtureOptions, context: PriorContext) -> Tensor:
    """The initial means, (components, code_dim); with --prior.em and classes, those of each class in turn."""
    from priorkit_plugins.mixture.means import means_at_encodings, means_on_circle, random_means

    classes, code_dim = context.classes, context.code_dim
    if options.em:
        count = (options.components or 10) * max(classes, 1)
    else:
        count = options.components or classes or 10
        if classes and count != classes:
            raise ValueError(
                f"components is {count}, and each of the condition's {classes} classes needs one; "
                f"use --prior.components {classes} or leave it out"
            )
    if options.means == "circle":
        if code_dim < 2:
            raise ValueError(
                f"a circle needs codes of at least 2 dimensions, not {code_dim}; "
                "use a larger --code-dim, or --prior.means random"
            )
        return means_on_circle(count, code_dim, options.radius)
    if options.means == "random":
        return random_means(count, code_dim, options.radius)
    if context.encoder is None or context.images is None:
        raise ValueError("means at encodings need an encoder; use --prior.means random or circle")
    return means_at_encodings(count, context.encoder, context.images, context.train_count)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `mixture`."""
    return [
        Component(
            "mixture",
            MixtureOptions,
            _build,
            summary="a mixture of Gaussians: fixed, learned, or fitted by EM; with classes, components for each",
            source="Makhzani et al. 2015, arXiv:1511.05644, Section 2.3; Dilokthanakul et al. 2016, arXiv:1611.02648; "
            "by EM, Ghosh et al. 2020, arXiv:1903.12436, Section 4",
        )
    ]
