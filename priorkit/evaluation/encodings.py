"""What a model's encoder makes of held-out images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.data import to_float
from priorkit.engine import seed_for
from priorkit.evaluation.images import chunks, spaced
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.interfaces import ImageData, Posterior
from priorkit.models import Model

__all__ = ["Encodings", "draw", "encode_held_out"]


@dataclass(frozen=True)
class Encodings:
    """Held-out images in code.

    Attributes:
        indices: Which of the held-out images, int64 (N,).
        posterior: Theirs, one draw each, float32 on the CPU; the mean where posteriors are not normal.
    """

    indices: Tensor
    posterior: Posterior

    @property
    def codes(self) -> Tensor:
        """What `Model.encode` gives for the images: posterior means, or indices where the encoder quantises."""
        return self.posterior.mean if self.posterior.indices is None else self.posterior.indices

    def __len__(self) -> int:
        return len(self.indices)


def draw(mean: Tensor, log_variance: Tensor | None, noise: Tensor) -> Tensor:
    """Codes from posteriors with independent normal dimensions; the mean itself where there is no variance."""
    return mean if log_variance is None else mean + (0.5 * log_variance).exp() * noise


def encode_held_out(model: Model, data: ImageData, settings: EvaluationSettings) -> Encodings:
    """Encodes held-out images, evenly spaced, at most `settings.samples` of them."""
    assert model.encoder is not None, "a model without an encoder gives no codes"
    indices = spaced(data.test, settings.samples)
    means, log_variances, quantised = [], [], []
    for images in chunks(data.test, indices, binarise=settings.binarise, seed=settings.seed):
        with model.ready():
            posterior = model.encoder(to_float(images).to(model.device))
        means.append(posterior.mean.float().cpu())
        if posterior.log_variance is not None:
            log_variances.append(posterior.log_variance.float().cpu())
        if posterior.indices is not None:
            quantised.append(posterior.indices.cpu())
    mean = torch.cat(means)
    log_variance = torch.cat(log_variances) if log_variances else None
    generator = torch.Generator().manual_seed(seed_for(settings.seed, "evaluation"))
    code = draw(mean, log_variance, torch.randn(mean.shape, generator=generator))
    return Encodings(indices, Posterior(code, mean, log_variance, indices=torch.cat(quantised) if quantised else None))
