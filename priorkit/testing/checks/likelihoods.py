"""Checks of the log-likelihoods of reconstruction losses.

If the log-likelihood is a sum of equal terms, one for each pixel, the density of a pixel is integrated over its values.
"""

import math

import torch
from torch import Tensor

from priorkit.interfaces import ReconstructionLoss
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.loss import LossSubject

__all__ = ["LIKELIHOODS"]

_TOLERANCE = 0.02
_RECONSTRUCTED = (-0.5, 0.0, 0.7)
"""Reconstructed values of a pixel for which the likelihood is integrated."""
_VALUES = 2001


def _loss(subject: LossSubject) -> ReconstructionLoss:
    loss = subject.component()
    if subject.is_likelihood(loss):
        return loss
    image = subject.inputs(loss, 1, subject.case.seed)["image"]
    try:
        loss.log_likelihood(image, image)
    except TypeError as error:
        reason = str(error)
        require(
            bool(reason.strip()) and "\n" not in reason,
            f"log_likelihood raises a TypeError with {reason!r}, not with one line that says why",
            "the error has no message, or was not intended, such as a wrong argument inside",
            "say in one line why the loss is not a likelihood of pixels",
        )
    raise NotApplicable("it is not a likelihood")


def _density(subject: LossSubject, loss: ReconstructionLoss, reconstructed: float, values: Tensor) -> Tensor:
    """Returns the density of a pixel at values (K,), float64, given its reconstruction.

    Raises:
        NotApplicable: The log-likelihood is not a sum of equal terms.
    """
    size = (1, subject.shape.channels, subject.shape.size, subject.shape.size)
    pixels = torch.Size(size).numel()
    found = []
    with torch.no_grad():
        for piece in torch.split(values.float(), max(1, 2**21 // pixels)):
            blank = piece.view(-1, 1, 1, 1).expand(-1, *size[1:]).contiguous()
            found.append(loss.log_likelihood(torch.full_like(blank, reconstructed), blank).double() / pixels)
        # For equal, independent pixels, half black and half white gives the mean of both.
        reconstruction = torch.full(size, reconstructed)
        black, white = -torch.ones(size), torch.ones(size)
        half = torch.where(torch.arange(pixels).view(size) % 2 == 0, black, white)
        apart = [float(loss.log_likelihood(reconstruction, image)) for image in (black, white, half)]
    if abs((apart[0] + apart[1]) / 2 - apart[2]) > 1e-3 * (1 + abs(apart[2])):
        raise NotApplicable("it is not a sum of equal terms, one for each pixel")
    return torch.cat(found).exp()


def likelihoods_normalise(subject: LossSubject) -> None:
    """The density of a pixel integrates to 1; probabilities of black and white add up to 1."""
    loss = _loss(subject)
    for reconstructed in _RECONSTRUCTED:
        if loss.of_binary_images:
            total = float(_density(subject, loss, reconstructed, torch.tensor([-1.0, 1.0])).sum())
            words = "the probabilities of black and white add up to"
            totals = [total]
        else:
            # A grid that is fine around the reconstruction and reaches far beyond the range of pixels.
            offsets = 1e-3 * torch.sinh(torch.linspace(-14, 14, _VALUES, dtype=torch.float64))
            values = torch.cat([reconstructed + offsets, torch.tensor([-1.0, 1.0], dtype=torch.float64)]).sort().values
            density = _density(subject, loss, reconstructed, values)
            inside = (values >= -1) & (values <= 1)
            levels = torch.linspace(-1, 1, 256, dtype=torch.float64)
            totals = [
                float(torch.trapezoid(density, values)),
                float(torch.trapezoid(density[inside], values[inside])),
                # A discretised density: the probability of a level, divided by the distance of levels.
                float(_density(subject, loss, reconstructed, levels).sum()) * 2 / 255,
            ]
            words = "the density of a pixel integrates to"
        if any(abs(total - 1) < _TOLERANCE for total in totals):
            continue
        cause, fix = _constant_in_words(totals[0], subject)
        raise Defect(f"{words} {totals[0]:.4g} around a reconstruction of {reconstructed}, not to 1", cause, fix)


def _constant_in_words(total: float, subject: LossSubject) -> tuple[str, str]:
    known = {
        math.sqrt(math.tau): "log(2 pi) / 2 of each pixel",
        math.sqrt(math.pi): "log(pi) / 2 of each pixel",
        2.0: "log 2 of each pixel",
        127.5: "log(2 / 255) of each pixel: its value is a probability of one of 256 levels, not a density",
    }
    for constant, words in known.items():
        if abs(total / constant - 1) < _TOLERANCE:
            return f"a constant is missing: {words}", f"subtract {words.split(':')[0]}"
    return "", ""


def likelihoods_agree_with_the_loss(subject: LossSubject) -> None:
    """The log-likelihood is minus the loss up to a constant: its gradient is minus that of the loss."""
    loss = _loss(subject)
    inputs = subject.inputs(loss, 4, subject.case.seed)
    # Away from the ends of the range, where gradients may be clipped.
    leaf = (0.9 * inputs["reconstruction"]).requires_grad_()
    (of_loss,) = torch.autograd.grad(subject.value(loss, leaf, inputs["image"]), leaf)
    (of_likelihood,) = torch.autograd.grad(loss.log_likelihood(leaf, inputs["image"]).mean(), leaf)
    cosine = float(torch.nn.functional.cosine_similarity(-of_loss.flatten(), of_likelihood.flatten(), dim=0))
    require(
        cosine > 0.99,
        f"the gradients of minus the loss and of the log-likelihood have cosine {cosine:.3g}, not 1",
        "it is the negative log-likelihood" if cosine < -0.99 else "",
        "return its negative" if cosine < -0.99 else "",
    )
    ratio = float(of_likelihood.norm() / of_loss.norm())
    pixels = leaf[0].numel()
    averaged = abs(ratio / pixels - 1) < _TOLERANCE
    require(
        abs(ratio - 1) < _TOLERANCE,
        f"the log-likelihood changes {ratio:.4g} times as fast as the loss",
        f"the loss is averaged over the {pixels} pixels, but the log-likelihood is their sum" if averaged else "",
        "raise TypeError if the loss is a mean over pixels: it is then not a likelihood" if averaged else "",
    )


LIKELIHOODS = (
    Check(
        "likelihoods_normalise",
        likelihoods_normalise,
        "a constant is missing or wrong: it depends on the scale or weight, and on the number of pixels",
        "compare with the same distribution in torch.distributions; densities are over pixels in [-1, 1]",
        required=False,
    ),
    Check(
        "likelihoods_agree_with_the_loss",
        likelihoods_agree_with_the_loss,
        "they use different distances, or only one of them has the weight",
        "compute both from the same distances; raise TypeError if the loss is not a likelihood",
        required=False,
    ),
)
