"""Makes untrained priors as torch modules for any code."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch

from priorkit.codes.building import made_prior
from priorkit.config import resolve_config, validate_settings
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError
from priorkit.given.pixels import as_batch
from priorkit.interfaces import CodeSpace, Encoder, ImageSet, Prior
from priorkit.registry import Registry, installed_plugins

__all__ = ["make_prior"]


@torch_defaults()
def make_prior(
    name: str,
    dim: int | Sequence[int],
    *,
    entries: int = 0,
    condition_dim: int = 0,
    condition_classes: int = 0,
    codes: int = 1,
    encoder: Encoder | None = None,
    images: Any = None,
    code_generator: str | Mapping[str, Any] = "mlp",
    seed: int = 0,
    registry: Registry | None = None,
    **options: Any,
) -> Prior:
    """Makes an untrained prior, a torch module: `make_prior("mixture", dim=8, components=10)`.

    The module is a `priorkit.interfaces.Prior`: `sample(n)` draws codes; `log_prob(code)` is available if `has_density`
    is True; and `learning` tells how it is trained: by its density, by `code_loss`, or by one call of `fit_codes`.

    Args:
        name: The prior: `gaussian`, `mixture`, `flow`, `flow-matching`, `learned`, ... (`priorkit components prior`).
        dim: Dimensions of a code; or the shape (C, H, W) of maps, or (H, W) of indices.
        entries: For indices, the number of entries of their codebook; otherwise 0.
        condition_dim: Dimensions of the condition s; 0 for none.
        condition_classes: Number of classes if s is a one-hot class; `condition_dim` may then be left out.
        codes: Number of training codes, by which some priors weight their own loss terms.
        encoder: For priors made of posteriors (`vampprior`, `exemplar`): the encoder. It does not become a submodule of
            the prior.
        images: Training images for these priors: an array or a tensor, as for `priorkit.train(data=...)`.
        code_generator: The network of a learned prior: its name, or a table with its options.
        seed: Seed of the initial weights; torch's global generator is left unchanged.
        registry: Where components come from; the installed plug-ins if None.
        **options: The prior's own options (`priorkit components NAME`).

    Raises:
        ConfigurationError: The prior needs images or an encoder, does not support such codes, or an option is wrong.
        UnknownComponentError: There is no such prior.

    Examples:
        >>> import priorkit
        >>> prior = priorkit.make_prior("mixture", dim=8, components=10)
        >>> codes = prior.sample(5)
        >>> codes.shape, prior.log_prob(codes).shape
        (torch.Size([5, 8]), torch.Size([5]))
    """
    registry = installed_plugins() if registry is None else registry
    space = _space(dim, entries)
    if condition_classes and condition_dim not in (0, condition_classes):
        raise ConfigurationError(
            f"condition_dim={condition_dim}: s of {condition_classes} classes is one-hot, and has {condition_classes} "
            "dimensions; leave condition_dim out"
        )
    settings = {"prior": {"name": name, **options}, "code_generator": code_generator, "code_dim": max(1, space.dim)}
    config = resolve_config(validate_settings(settings), registry)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        kept = None
        if images is not None:
            pixels = as_batch(images, "images")
            kept = ImageSet(pixels.as_bytes(pixels.pixel_range()))
        s_dim = condition_dim or condition_classes
        advice = "give the encoder whose posteriors it is made of, and images: make_prior(..., encoder=, images=)"
        return made_prior(
            config, registry, space, s_dim, condition_classes, codes, encoder=encoder, images=kept, advice=advice
        )


def _space(dim: int | Sequence[int], entries: int) -> CodeSpace:
    shape = (int(dim),) if isinstance(dim, Integral) else tuple(dim) if isinstance(dim, Sequence) else ()
    if not all(isinstance(size, Integral) and size >= 1 for size in shape) or len(shape) not in (1, 2, 3):
        raise ConfigurationError(f"dim={dim!r}: expected a number of dimensions, a shape (C, H, W), or (H, W)")
    if entries:
        if entries < 2 or len(shape) == 3:
            raise ConfigurationError(
                f"entries={entries}: a codebook has at least 2 entries, and its indices have the shape (H, W) or (D,)"
            )
        return CodeSpace(shape if len(shape) == 2 else (1, *shape), entries=entries)
    if len(shape) == 2:
        raise ConfigurationError(f"dim={dim!r}: maps have the shape (C, H, W); for indices (H, W), give entries, too")
    return CodeSpace(shape)
