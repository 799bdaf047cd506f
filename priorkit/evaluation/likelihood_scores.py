"""Scores of models with a likelihood: bounds on the likelihood of held-out images, and their terms."""

import torch
from torch import Tensor

from priorkit.data import to_float
from priorkit.engine import seed_for
from priorkit.evaluation.encodings import Encodings, draw, draw_by_encoder
from priorkit.evaluation.images import chunk_size, chunks
from priorkit.evaluation.likelihood import (
    active_units,
    elbo,
    elbo_surgery,
    gaussian_log_prob,
    importance_weighted_bound,
)
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.interfaces import ImageData, Posterior, ReconstructionLoss
from priorkit.models import Model

__all__ = ["score_likelihood"]

_BOUNDS = ("elbo", "importance-weighted-bound")
_PARTS = ("elbo-reconstruction", "elbo-mutual-information", "elbo-marginal-divergence")
_CODES = 1000
"""Number of codes whose prior density is computed at a time."""


def score_likelihood(
    book: Scorebook,
    model: Model,
    data: ImageData,
    encodings: Encodings,
    settings: EvaluationSettings,
) -> None:
    """Records the scores of the group `likelihood`.

    Args:
        book: The scorebook.
        model: The model, with an encoder.
        data: The model's data.
        encodings: The encoded held-out images.
        settings: The numbers of images and of draws.
    """
    _score_units(book, model, encodings)
    names = (*_BOUNDS, *_PARTS)
    if not book.wants(*names):
        return
    reason = _refusal(model)
    if reason:
        book.skip(names, reason)
        return
    loss, posterior = model.loss, encodings.posterior
    assert loss is not None, "refused before"
    count = min(settings.likelihood_images, len(encodings))
    if count < 2:
        book.skip(names, "at least 2 held-out images are needed")
        return
    chosen = torch.arange(count) * len(encodings) // count
    mean = posterior.mean[chosen]
    log_variance = None if posterior.log_variance is None else posterior.log_variance[chosen]
    indices = encodings.indices[chosen]
    note = _note(data, indices, loss, settings)
    draws = settings.importance_samples if book.wants(*_BOUNDS) else 1
    weights, first_code, first_likelihood = [], [], []
    size = chunk_size(data.shape.size)
    parts = chunks(data.test, indices, binarise=settings.binarise, seed=settings.seed)
    for number, pixels in enumerate(parts):
        images, here = to_float(pixels).to(model.device), slice(number * size, number * size + len(pixels))
        found = []
        for k in range(draws):
            seed = seed_for(settings.seed, f"likelihood {k}", number)
            if log_variance is None:
                drawn = draw_by_encoder(model, images, seed)
                assert drawn.log_prob is not None, "refused before"
                code, density = drawn.latent, drawn.log_prob.cpu().double()
            else:
                noise = torch.randn(mean[here].shape, generator=torch.Generator().manual_seed(seed))
                code = draw(mean[here], log_variance[here], noise)
                density = gaussian_log_prob(code, mean[here], log_variance[here])
            with torch.no_grad():
                likelihood = loss.log_likelihood(model.decode(code, from_prior=False), images).cpu().double()
            found.append(likelihood + _prior_log_prob(model, code) - density)
            if k == 0:
                first_code.append(code)
                first_likelihood.append(likelihood)
        weights.append(torch.stack(found, 1))
    log_weights = torch.cat(weights)
    for name, bound in zip(_BOUNDS, (elbo, importance_weighted_bound), strict=True):
        if book.wants(name):
            values = bound(log_weights)
            about = "; ".join(part for part in (f"{draws} draws an image", note) if part)
            book.add(name, float(values.mean()), float(values.std() / count**0.5), real=count, note=about)
    if book.wants(*_PARTS) and log_variance is None:
        book.skip(_PARTS, "the encoder gives the density of its own draws only; these scores need it for all codes")
    elif book.wants(*_PARTS):
        together = Posterior(torch.cat(first_code), mean, log_variance)
        surgery = elbo_surgery(together, torch.cat(first_likelihood), lambda codes: _prior_log_prob(model, codes))
        book.add(_PARTS[0], surgery.reconstruction, real=count, note=note)
        about = f"at most log {count} = {surgery.most_information:.3f}"
        book.add(_PARTS[1], surgery.mutual_information, real=count, note=about)
        book.add(_PARTS[2], surgery.marginal_divergence, real=count)


def _score_units(book: Scorebook, model: Model, encodings: Encodings) -> None:
    if not book.wants("active-units"):
        return
    if model.encoder is None or not model.encoder.stochastic:
        book.skip(("active-units",), "the encoder is deterministic: no posterior can collapse")
    elif len(encodings) < 2:
        book.skip(("active-units",), "at least 2 held-out images are needed")
    else:
        mean = encodings.posterior.mean
        book.add("active-units", active_units(mean), real=len(mean), note=f"of {mean.shape[1]}")


def _refusal(model: Model) -> str:
    """The reason why the model has no likelihood; empty if it has one."""
    if model.encoder is None or not model.encoder.stochastic:
        return "the encoder is deterministic: it gives no density of codes"
    if not model.prior.has_density:
        return "the prior has no density: it can only be sampled"
    if not model.prior.support.holds(model.encoder.support):
        return f"codes are in {model.encoder.support}, but the prior has a density in {model.prior.support} only"
    loss = model.loss
    if loss is None:
        return "the model has no reconstruction loss, and so no likelihood"
    blank = torch.zeros(1, model.shape.channels, model.shape.size, model.shape.size, device=model.device)
    try:
        loss.log_likelihood(blank, blank)
        _prior_log_prob(model, model.codes(1))
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _note(data: ImageData, indices: Tensor, loss: ReconstructionLoss, settings: EvaluationSettings) -> str:
    """A note if the likelihood is Bernoulli, which is for black and white only, and the images are grey."""
    if loss.of_binary_images and settings.binarise == "none":
        some = data.test.take(indices[: chunk_size(data.shape.size)])
        if not bool(((some == 0) | (some == 255)).all()):
            return "of grey levels, which have no Bernoulli likelihood; --binarise gives one"
    return ""


def _prior_log_prob(model: Model, codes: Tensor) -> Tensor:
    # Densities of many dimensions need float32, whatever the model is trained in.
    with model.ready(), torch.autocast(model.device.type, enabled=False):
        return torch.cat(
            [model.prior.log_prob(part.to(model.device)).cpu().double() for part in torch.split(codes, _CODES)]
        )
