"""Encodings of held-out images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from priorkit.data import to_float
from priorkit.engine import seed_for
from priorkit.evaluation.images import chunks, spaced
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.interfaces import ImageData, ImageSet, Posterior
from priorkit.models import Model

__all__ = ["Encodings", "draw", "draw_by_encoder", "encode_held_out", "encode_images"]


@dataclass(frozen=True)
class Encodings:
    """Encoded held-out images.

    Attributes:
        indices: Indices of the held-out images, int64 (N,).
        posterior: Their posteriors, with one draw each, float32 on the CPU.

    Examples:
        >>> import torch
        >>> from priorkit.evaluation import Encodings
        >>> from priorkit.interfaces import Posterior
        >>> mean = torch.zeros(5, 8)
        >>> encodings = Encodings(torch.arange(5), Posterior(code=mean, mean=mean))
        >>> len(encodings), encodings.codes.shape
        (5, torch.Size([5, 8]))
    """

    indices: Tensor
    posterior: Posterior

    @property
    def codes(self) -> Tensor:
        """The results of `Model.encode` for the images: posterior means, or indices of a quantising encoder."""
        return self.posterior.mean if self.posterior.indices is None else self.posterior.indices

    def __len__(self) -> int:
        return len(self.indices)


def draw(mean: Tensor, log_variance: Tensor | None, noise: Tensor) -> Tensor:
    """Codes from posteriors with independent normal dimensions; the mean itself if there is no variance."""
    return mean if log_variance is None else mean + (0.5 * log_variance).exp() * noise


def encode_held_out(model: Model, data: ImageData, settings: EvaluationSettings) -> Encodings:
    """Encodes held-out images, evenly spaced, at most `settings.samples` of them."""
    return encode_images(model, data.test, settings.samples, binarise=settings.binarise, seed=settings.seed)


def encode_images(model: Model, images: ImageSet, n: int, *, binarise: str = "none", seed: int = 0) -> Encodings:
    """Encodes images, evenly spaced, at most `n` of them.

    Args:
        model: A model with an encoder.
        images: The images.
        n: Maximal number of images.
        binarise: Conversion to black and white, as in `EvaluationSettings`.
        seed: Seed of the draws from the posteriors.

    Examples:
        >>> import priorkit
        >>> from priorkit.evaluation import encode_images
        >>> from priorkit.runs import load_run_data
        >>> run = priorkit.load_run("runs/first")
        >>> encode_images(run.model, load_run_data(run).test, n=10).codes.shape
        torch.Size([10, 64])
    """
    encoder = model.encoder
    assert encoder is not None, "a model without an encoder gives no codes"
    indices = spaced(images, n)
    generator = torch.Generator().manual_seed(seed_for(seed, "evaluation"))
    noise = torch.randn(len(indices), encoder.code_dim, generator=generator)
    found: dict[str, list[Tensor]] = {"mean": [], "code": [], "log_variance": [], "indices": []}
    done = 0
    for pixels in chunks(images, indices, binarise=binarise, seed=seed):
        shown, part = to_float(pixels).to(model.device), noise[done : done + len(pixels)].to(model.device)
        done += len(pixels)
        with model.ready():
            posterior = encoder(shown)
            # Normal posteriors are sampled in float32, whatever the model's precision; other encoders draw themselves.
            drawn = encoder(shown, part) if encoder.stochastic and posterior.log_variance is None else posterior
        found["mean"].append(posterior.mean.float().cpu())
        found["code"].append(drawn.code.float().cpu())
        if posterior.log_variance is not None:
            found["log_variance"].append(posterior.log_variance.float().cpu())
        if posterior.indices is not None:
            found["indices"].append(posterior.indices.cpu())
    whole = {name: torch.cat(parts) if parts else None for name, parts in found.items()}
    mean, code, log_variance = whole["mean"], whole["code"], whole["log_variance"]
    assert mean is not None
    assert code is not None
    code = code if log_variance is None else draw(mean, log_variance, noise)
    return Encodings(indices, Posterior(code, mean, log_variance, indices=whole["indices"]))


def draw_by_encoder(model: Model, images: Tensor, seed: int) -> Posterior:
    """Posteriors of images (N, C, H, W) on the device, drawn by the encoder with noise of a seed."""
    assert model.encoder is not None, "a model without an encoder gives no codes"
    noise = torch.randn(len(images), model.encoder.code_dim, generator=torch.Generator().manual_seed(seed))
    with model.ready():
        posterior: Posterior = model.encoder(images, noise.to(model.device))
    return posterior
