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
"""Difference of noise from which a Jacobian is estimated where its gradient disagrees with the density."""
_CLOSE = 0.02
"""Nats by which the density of a code may be off, for each dimension."""
_SINGULAR = 1e-4
"""Ratio of a Jacobian's smallest singular value to the largest of all below which codes fill no volume."""
_TAKEN = ("reconstruction", "regularization", "prior")
"""Names of the autoencoder phase's own terms, and of those of regularizers."""


def _jacobians(code_of: Callable[[Tensor], Tensor], noise: Tensor) -> tuple[Tensor, Tensor]:
    """The codes' derivatives by their noise (N, D, D): by gradients, and by differences."""
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
    """`log_prob` is the log-density of the draw: by the change of variables from its noise, or by counting draws."""
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
            raise NotApplicable("its codes fill no volume, or are no function of the noise that has an inverse")
        signs = by_differences.det().sign()
        if bool((signs != signs[0]).any()):
            raise NotApplicable("several noises may give one code")
        normal = -0.5 * noise.double().square().sum(1) - subject.code_dim / 2 * math.log(math.tau)
        said = found.log_prob.double()
        apart = torch.stack([said - (normal - each.det().abs().log()) for each in (by_gradients, by_differences)])
        # Gradients are exact, and where they are not those of the draw, differences tell.
        worst = apart[apart.abs().amax(1).nan_to_num(torch.inf).argmin()]
        if bool((worst.abs() < _CLOSE * subject.code_dim * (1 + said.abs() / 10)).all()):
            continue
        expected = float(said[0] - worst[0])
        raise Defect(
            f"log_prob of a draw is {float(said[0]):.4g}, and by the density of the noise it is {expected:.4g}",
            *_constant_in_words(worst, subject.code_dim),
        )


def _constant_in_words(apart: Tensor, dim: int) -> tuple[str, str]:
    if float(apart.std()) > _CLOSE * dim:
        return "", ""
    constant = float(apart.mean())
    if abs(constant - dim / 2 * math.log(math.tau)) < _CLOSE * dim:
        return "the normaliser (2 pi)^(-D/2) of the noise is missing", "subtract D/2 log(2 pi)"
    return f"it is off by the same {constant:.4g} for all draws of an image: a constant or a determinant is wrong", ""


def _check_many(subject: EncoderSubject, encoder: Encoder, image: Tensor, number: int) -> None:
    """How often or how densely codes of an image are drawn is what log_prob says, by six standard errors."""
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
            "log_prob is that of one index, or of other logits than those that are drawn from",
            "add up the log-probabilities of all indices of a code",
        )
        return
    coordinates = flat_coordinates(encoder.support, drawn.double())
    if coordinates is None:
        raise NotApplicable("draws are counted in one and two dimensions of the support")
    found = wrong_measure(coordinates, said)
    require(not found, found, "log_prob is by another measure than its support's, or a constant is missing")


def terms_are_losses(subject: EncoderSubject) -> None:
    """Further terms are finite scalars with names of their own, each with a gradient for the encoder."""
    encoder = subject.component().train()
    inputs = subject.inputs(encoder, 8, subject.case.seed)
    terms = subject.posterior(encoder, inputs["image"], inputs["noise"]).terms
    if not terms:
        raise NotApplicable("its posteriors have no further terms")
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    for name, term in terms.items():
        require(
            name not in _TAKEN,
            f"a term is named {name!r}, as a loss of another component is",
            "names are those of other losses",
            "name it after what it is, such as 'commitment'",
        )
        require(
            isinstance(term, Tensor) and term.ndim == 0,
            f"the term {name!r} is no scalar tensor",
            "a loss for each image is given",
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
    """A quantising encoder gives whole numbers of its codebook, and its code is what `embed` makes of them."""
    encoder = subject.component()
    inputs = subject.inputs(encoder, 8, subject.case.seed)
    with torch.no_grad():
        found = subject.posterior(encoder, inputs["image"], inputs["noise"])
    codes = encoder.codes
    if found.indices is None:
        require(
            codes is None or codes.kind is not CodeKind.INDICES,
            f"its codes are {codes}, and its posteriors have no indices",
            "indices are left out of the posterior",
            "give Posterior(..., indices=indices)",
        )
        with torch.no_grad():
            same = torch.equal(encoder.embed(found.code), found.code)
        require(same, "embed() changes codes that are no indices", "", "leave embed() as it is")
        raise NotApplicable("it does not quantise")
    if codes is None or codes.kind is not CodeKind.INDICES:
        raise Defect(
            "its posteriors have indices, and its attribute `codes` says nothing of them",
            "the attribute was forgotten",
            "set self.codes = CodeSpace((height, width), entries)",
        )
    require(
        found.indices.dtype == torch.int64 and tuple(found.indices.shape) == (8, codes.dim),
        f"indices are {found.indices.dtype} of shape {tuple(found.indices.shape)}, not int64 of shape (8, {codes.dim})",
        "they are a map, or one-hot",
        "give them flat: (N, height * width)",
    )
    low, high = int(found.indices.min()), int(found.indices.max())
    require(
        0 <= low <= high < codes.entries,
        f"indices are from {low} to {high}, and the codebook has {codes.entries} entries",
        "they count from 1, or `codes` says another number of entries",
        "count entries from 0",
    )
    with torch.no_grad():
        embedded = encoder.embed(found.indices)
    require(
        tuple(embedded.shape) == (8, subject.code_dim) and embedded.dtype == torch.float32,
        f"embed() gives {embedded.dtype} of shape {tuple(embedded.shape)}, not float32 of shape "
        f"(8, {subject.code_dim})",
        "vectors are not flattened as maps are: channels first",
        "embed(codes) is `codebook[codes].mT.flatten(1)`",
    )
    require(
        torch.allclose(embedded, found.code.float(), atol=1e-4, rtol=1e-3),
        f"the code is up to {float((embedded - found.code).abs().max()):.3g} away from embed(indices)",
        "the code is not quantised, or embed() orders channels and places in another way",
        "code = unquantised + (embed(indices) - unquantised).detach()",
    )
    if found.unquantised is not None:
        shape = tuple(found.unquantised.shape)
        require(
            shape == (8, subject.code_dim), f"unquantised has the shape {shape}, not that of the code", "", "flatten it"
        )


POSTERIORS = (
    Check(
        "densities_are_those_of_the_draws",
        densities_are_those_of_the_draws,
        "log_prob is of the mean or of other parameters than the draw's, or a determinant or constant is missing",
        "compute log_prob of the code that is given, with all its factors, or from the noise by a change of variables",
        required=False,
    ),
    Check(
        "terms_are_losses",
        terms_are_losses,
        "a term is a number, a loss for each image, or detached",
        "give scalar tensors, means over the batch",
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
