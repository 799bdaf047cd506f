"""Scores of the codes and reconstructions of held-out images."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.data import to_float
from priorkit.engine import seed_for
from priorkit.errors import DataError, MissingExtraError
from priorkit.evaluation.clustering import adjusted_rand_index, clustering_accuracy, normalised_mutual_information
from priorkit.evaluation.codebook_scores import score_codebook
from priorkit.evaluation.encodings import Encodings
from priorkit.evaluation.image_distances import (
    load_lpips,
    peak_signal_to_noise,
    squared_error,
    structural_similarity,
)
from priorkit.evaluation.images import chunk_size, chunks, spaced
from priorkit.evaluation.kernel_distance import code_discrepancy
from priorkit.evaluation.scorebook import Scorebook
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.evaluation.standard_error import standard_error
from priorkit.evaluation.two_sample_classifier import two_sample_accuracy
from priorkit.interfaces import ImageData
from priorkit.models import Model

__all__ = ["score_clusters", "score_code_likelihood", "score_codes", "score_reconstructions"]

_CLUSTERING = ("clustering-accuracy", "mutual-information", "rand-index")
_SMALLEST_FOR_ALEXNET = 32
_CODES = 1000
"""Number of codes whose density is computed at a time."""
_FEWEST_CODES = 4
"""Minimal number of codes of each kind for a classifier that is tested on a held-out half."""


def score_reconstructions(
    book: Scorebook, model: Model, data: ImageData, encodings: Encodings, settings: EvaluationSettings
) -> None:
    """Records the scores of the group `reconstruction`, which compare decoded posterior means with their images."""
    distances: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
    size = data.shape.size
    if book.wants("reconstruction-error"):
        distances["reconstruction-error"] = squared_error
    if book.wants("psnr"):
        distances["psnr"] = peak_signal_to_noise
    if book.wants("ssim"):
        try:
            structural_similarity(*torch.zeros(2, 1, 1, size, size))
            distances["ssim"] = structural_similarity
        except MissingExtraError as error:
            book.skip(("ssim",), str(error))
    if size < _SMALLEST_FOR_ALEXNET:
        book.skip(("lpips",), f"AlexNet needs images of at least {_SMALLEST_FOR_ALEXNET} pixels, not {size}")
    elif book.wants("lpips"):
        try:
            distances["lpips"] = load_lpips(model.device, download="lpips" in settings.scores)
        except (DataError, MissingExtraError) as error:
            book.skip(("lpips",), str(error))
    if not distances:
        return
    found: dict[str, list[Tensor]] = {name: [] for name in distances}
    codes = torch.split(encodings.codes, chunk_size(size))
    parts = chunks(data.test, encodings.indices, binarise=settings.binarise, seed=settings.seed)
    for part, pixels in zip(codes, parts, strict=True):
        images, made = to_float(pixels).to(model.device), model.decode(part, from_prior=False)
        for name, distance in distances.items():
            found[name].append(distance(made, images).cpu().double())
    for name, values in found.items():
        each = torch.cat(values)
        # The PSNR of an image that is reproduced exactly is infinite; the score then counts as skipped.
        book.add(name, float(each.mean()), standard_error(each), real=len(each))


def score_codes(book: Scorebook, model: Model, encodings: Encodings, settings: EvaluationSettings) -> None:
    """Records the scores of the group `codes`, which compare the aggregated posterior with the prior."""
    score_codebook(book, model, encodings)
    names = ("code-discrepancy", "code-two-sample")
    if not book.wants(*names):
        return
    n = len(encodings)
    if n < _FEWEST_CODES:
        book.skip(names, f"{n} held-out images are too few to compare their codes with the prior's")
        return
    # For indices, the codebook's vectors are compared.
    codes, prior_codes = encodings.posterior.code, model.vectors(model.codes(n, settings.seed)).cpu()
    if book.wants("code-discrepancy"):
        book.add("code-discrepancy", code_discrepancy(codes, prior_codes), samples=n, real=n)
    if book.wants("code-two-sample"):
        book.add(
            "code-two-sample",
            *two_sample_accuracy(codes, prior_codes, seed=settings.seed),
            samples=n,
            real=n,
            note="0.5: cannot be told apart",
        )


def score_code_likelihood(
    book: Scorebook, model: Model, data: ImageData, encodings: Encodings, settings: EvaluationSettings
) -> None:
    """Records the mean log-density under the prior of draws from held-out posteriors, given s if the prior takes one.

    The score compares priors of the same autoencoder only: scaling all codes changes it.
    """
    name = "code-log-likelihood"
    if not book.wants(name):
        return
    prior, condition = model.prior, model.condition
    if not prior.has_density:
        book.skip((name,), "the prior has no density: it can only be sampled")
        return
    given: list[Tensor | None] = [None] * len(torch.split(encodings.posterior.latent, _CODES))
    if prior.takes_condition and condition is not None:
        if not condition.from_data:
            book.skip((name,), "s is drawn at random: no held-out image has its own s")
            return
        entries = condition.entries(data.test)[encodings.indices]
        chances = torch.rand(len(entries), generator=torch.Generator().manual_seed(seed_for(settings.seed, "entries")))
        parts = zip(torch.split(entries, _CODES), torch.split(chances, _CODES), strict=True)
        given = [condition.vectors(condition.one_of(several, drawn)) for several, drawn in parts]
    found = []
    try:
        with model.ready(), torch.autocast(model.device.type, enabled=False):
            for codes, part in zip(torch.split(encodings.posterior.latent, _CODES), given, strict=True):
                here = codes.to(model.device)
                density = prior.log_prob(here) if part is None else prior.log_prob(here, part.to(model.device))
                found.append(density.cpu().double())
    except (TypeError, ValueError) as error:
        book.skip((name,), str(error))
        return
    values = torch.cat(found)
    book.add(
        name,
        float(values.mean()),
        standard_error(values),
        real=len(values),
        note="given s" if given[0] is not None else "",
    )


def score_clusters(
    book: Scorebook, model: Model, data: ImageData, encodings: Encodings | None, settings: EvaluationSettings
) -> None:
    """Records the scores of the group `clustering`, by labels that the model has not seen."""
    if not book.wants(*_CLUSTERING):
        return
    labels = data.test.labels
    condition, clusters = model.condition, model.prior.clusters
    if labels is None:
        book.skip(_CLUSTERING, "the held-out images have no labels to compare clusters with")
        return
    if model.recogniser is not None and condition is not None and not condition.from_data:
        indices = spaced(data.test, settings.samples)
        parts = chunks(data.test, indices, binarise=settings.binarise, seed=settings.seed)
        classes = condition.classes or condition.dim
        assigned = torch.cat([model.recognise(to_float(pixels))[:, :classes].argmax(1).cpu() for pixels in parts])
        note = f"{classes} classes of Q"
    elif clusters > 0 and encodings is not None:
        assigned, indices = _most_responsible(model, encodings.codes), encodings.indices
        note = f"{clusters} components of the prior"
    else:
        book.skip(_CLUSTERING, "the model has no clusters: its prior is no mixture, and there is no unsupervised Q")
        return
    truth = labels[indices]
    for name, score in zip(
        _CLUSTERING, (clustering_accuracy, normalised_mutual_information, adjusted_rand_index), strict=True
    ):
        if book.wants(name):
            book.add(name, score(assigned, truth), real=len(truth), note=note)


def _most_responsible(model: Model, codes: Tensor) -> Tensor:
    with model.ready(), torch.autocast(model.device.type, enabled=False):
        parts = [
            model.prior.responsibilities(part.to(model.device)).argmax(1).cpu() for part in torch.split(codes, 1000)
        ]
    return torch.cat(parts)
