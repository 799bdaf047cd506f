"""What posteriors say beyond a draw: their density, further losses of the encoder, indices of a codebook.

A density is held to the change of variables: where a draw is a function of the noise that has an inverse, its density
is that of the noise divided by the size of the function's Jacobian determinant. Nothing is estimated, so a sound
encoder does not fail by chance. Where codes fill no volume, or are indices or one-hot, draws are counted.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, Encoder
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.measures import COUNTED, VOLUMES, flat_coordinates, wrong_frequency, wrong_measure
from priorkit.testing.subjects.encoder import EncoderSubject

__all__ = ["POSTERIORS"]

_DRAWS = 32
_STEP = 1e-2
"""Step of the noise for Jacobians by finite differences."""
_CLOSE = 0.02
"""Allowed error of a log-density, in nats per dimension."""
_SINGULAR = 1e-4
"""Ratio of a Jacobian's smallest singular value to the overall largest below which codes fill no volume."""
_TAKEN = ("reconstruction", "regularization", "prior")
"""Names of the terms of the autoencoder phase and of regularizers."""


def _jacobians(code_of: Callable[[Tensor], Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the derivatives of codes by their noise (N, D, D): by autograd, and by finite differences."""
    dim = noise.shape[1]
    leaf = noise.clone().requires_grad_()
    codes = code_of(leaf)
    rows = [
        torch.autograd.grad(codes[:, i].sum(), leaf, retain_graph=True, allow_unused=True, materialize_grads=True)[0]
        if codes.requires_grad
        else torch.zeros_like(noise)
        for i in range(dim)
    ]
    with torch.no_grad():
        steps = _STEP * torch.eye(dim)
        columns = [(code_of(noise + step) - code_of(noise - step)) / (2 * _STEP) for step in steps]
    return torch.stack(rows, dim=1).double(), torch.stack(columns, dim=2).double()


def _codes(subject: EncoderSubject, encoder: Encoder, image: Tensor, noise: Tensor) -> Tensor:
    return subject.posterior(encoder, image, noise).code.float()


def densities_are_those_of_the_draws(subject: EncoderSubject) -> None:
    """`log_prob` is the log-density of the draw, by a change of variables from its noise or by counting draws."""
    encoder = subject.component()
    image = subject.inputs(encoder, 2, subject.case.seed)["image"]
    noise = torch.randn(_DRAWS, subject.code_dim, generator=torch.Generator().manual_seed(subject.case.seed))
    for one in image:
        many = one.expand(_DRAWS, -1, -1, -1)
        with torch.no_grad():
            found = subject.posterior(encoder, many, noise)
        if found.log_prob is None:
            raise NotApplicable("its posteriors have no log_prob")
        if found.indices is not None or encoder.support.space not in VOLUMES:
            _check_many(subject, encoder, one, 4000 if found.indices is not None else 20_000)
            return
        by_gradients, by_differences = _jacobians(partial(_codes, subject, encoder, many), noise)
        sizes = torch.linalg.svdvals(by_differences)
        if bool((sizes[:, -1] <= _SINGULAR * sizes.max()).any()):
            raise NotApplicable("its codes fill no volume, or are not an invertible function of the noise")
        signs = by_differences.det().sign()
        if bool((signs != signs[0]).any()):
            raise NotApplicable("different noises may give the same code")
        normal = -0.5 * noise.double().square().sum(1) - subject.code_dim / 2 * math.log(math.tau)
        said = found.log_prob.double()
        apart = torch.stack([said - (normal - each.det().abs().log()) for each in (by_gradients, by_differences)])
        # Gradients are exact, unless they are not those of the draw: then finite differences decide.
        worst = apart[apart.abs().amax(1).nan_to_num(torch.inf).argmin()]
        if bool((worst.abs() < _CLOSE * subject.code_dim * (1 + said.abs() / 10)).all()):
            continue
        expected = float(said[0] - worst[0])
        raise Defect(
            f"log_prob of a draw is {float(said[0]):.4g}, but by the density of its noise it should be {expected:.4g}",
            *_constant_in_words(worst, subject.code_dim),
        )


def _constant_in_words(apart: Tensor, dim: int) -> tuple[str, str]:
    if float(apart.std()) > _CLOSE * dim:
        return "", ""
    constant = float(apart.mean())
    if abs(constant - dim / 2 * math.log(math.tau)) < _CLOSE * dim:
        return "the normaliser (2 pi)^(-D/2) of the noise is missing", "subtract D/2 log(2 pi)"
    return f"it is off by {constant:.4g} for all draws of an image: a constant or a determinant is wrong", ""


def _check_many(subject: EncoderSubject, encoder: Encoder, image: Tensor, number: int) -> None:
    """Compares log_prob with the frequency or density of an image's codes, within six standard errors."""
    noise = torch.randn(number, subject.code_dim, generator=torch.Generator().manual_seed(subject.case.seed + 1))
    with torch.no_grad():
        parts = [
            subject.posterior(encoder, image.expand(len(part), -1, -1, -1), part) for part in torch.split(noise, 4000)
        ]
    drawn = torch.cat([part.latent for part in parts])
    said = torch.cat([part.log_prob for part in parts if part.log_prob is not None])
    if parts[0].indices is not None or encoder.support.space in COUNTED:
        found = wrong_frequency(drawn, said)
        require(
            not found,
            f"the codes {found}",
            "log_prob is that of a single index, or uses other logits than the draw",
            "add up the log-probabilities of all indices of a code",
        )
        return
    coordinates = flat_coordinates(encoder.support, drawn.double())
    if coordinates is None:
        raise NotApplicable("draws are counted only on supports of one and two dimensions")
    found = wrong_measure(coordinates, said)
    require(not found, found, "log_prob is with respect to another measure, or a constant is missing")


def terms_are_losses(subject: EncoderSubject) -> None:
    """Additional terms are finite scalars with unique names, and each has a gradient for the encoder."""
    encoder = subject.component().train()
    inputs = subject.inputs(encoder, 8, subject.case.seed)
    terms = subject.posterior(encoder, inputs["image"], inputs["noise"]).terms
    if not terms:
        raise NotApplicable("its posteriors have no additional terms")
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    for name, term in terms.items():
        require(
            name not in _TAKEN,
            f"a term is named {name!r}, which is the name of another component's loss",
            "a name in use was chosen",
            "name it after its meaning, such as 'commitment'",
        )
        require(
            isinstance(term, Tensor) and term.ndim == 0,
            f"the term {name!r} is not a scalar tensor",
            "it is a loss for each image",
            "take the mean over the batch",
        )
        require(bool(term.isfinite()), f"the term {name!r} is {float(term.detach())}")
        gradients = (
            torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True) if term.requires_grad else ()
        )
        require(
            any(gradient is not None and bool(gradient.any()) for gradient in gradients),
            f"no gradient of the term {name!r} reaches the encoder",
            "it is detached on both sides",
            "detach one side of the distance: `(a - b.detach()).square()`",
        )


def indices_are_of_the_codebook(subject: EncoderSubject) -> None:
    """A quantising encoder returns indices of its codebook, and its code is `embed(indices)`."""
    encoder = subject.component()
    inputs = subject.inputs(encoder, 8, subject.case.seed)
    with torch.no_grad():
        found = subject.posterior(encoder, inputs["image"], inputs["noise"])
    codes = encoder.codes
    if found.indices is None:
        require(
            codes is None or codes.kind is not CodeKind.INDICES,
            f"its codes are {codes}, but its posteriors have no indices",
            "indices are left out of the posterior",
            "return Posterior(..., indices=indices)",
        )
        with torch.no_grad():
            same = torch.equal(encoder.embed(found.code), found.code)
        require(same, "embed() changes codes that are not indices", "", "do not override embed()")
        raise NotApplicable("it does not quantise")
    if codes is None or codes.kind is not CodeKind.INDICES:
        raise Defect(
            "its posteriors have indices, but its attribute `codes` does not describe them",
            "the attribute is not set",
            "set self.codes = CodeSpace((height, width), entries)",
        )
    require(
        found.indices.dtype == torch.int64 and tuple(found.indices.shape) == (8, codes.dim),
        f"indices are {found.indices.dtype} of shape {tuple(found.indices.shape)}, not int64 of shape (8, {codes.dim})",
        "they are a map, or one-hot",
        "return them flat: (N, height * width)",
    )
    low, high = int(found.indices.min()), int(found.indices.max())
    require(
        0 <= low <= high < codes.entries,
        f"indices are from {low} to {high}, but the codebook has {codes.entries} entries",
        "they count from 1, or `codes` has the wrong number of entries",
        "count entries from 0",
    )
    with torch.no_grad():
        embedded = encoder.embed(found.indices)
    require(
        tuple(embedded.shape) == (8, subject.code_dim) and embedded.dtype == torch.float32,
        f"embed() gives {embedded.dtype} of shape {tuple(embedded.shape)}, not float32 of shape "
        f"(8, {subject.code_dim})",
        "vectors are not flattened like maps: channels first",
        "return `codebook[codes].mT.flatten(1)`",
    )
    require(
        torch.allclose(embedded, found.code.float(), atol=1e-4, rtol=1e-3),
        f"the code differs from embed(indices) by up to {float((embedded - found.code).abs().max()):.3g}",
        "the code is not quantised, or embed() orders channels and positions differently",
        "use code = unquantised + (embed(indices) - unquantised).detach()",
    )
    if found.unquantised is not None:
        shape = tuple(found.unquantised.shape)
        require(
            shape == (8, subject.code_dim), f"unquantised has shape {shape}, not that of the code", "", "flatten it"
        )


POSTERIORS = (
    Check(
        "densities_are_those_of_the_draws",
        densities_are_those_of_the_draws,
        "log_prob is that of the mean or of other parameters, or a determinant or constant is missing",
        "compute log_prob of the drawn code with all factors, or from the noise by a change of variables",
        required=False,
    ),
    Check(
        "terms_are_losses",
        terms_are_losses,
        "a term is a number, a loss for each image, or detached",
        "return scalar tensors: means over the batch",
        required=False,
    ),
    Check(
        "indices_are_of_the_codebook",
        indices_are_of_the_codebook,
        "indices, code and embed() do not agree",
        "see priorkit.interfaces.Encoder.embed",
        required=False,
    ),
)
