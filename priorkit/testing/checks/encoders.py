"""Checks of encoders: their posteriors, and the codes drawn from them."""

import torch
from torch import Tensor

from priorkit.interfaces import Encoder, Posterior
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.encoder import EncoderSubject

__all__ = ["ENCODERS"]

_DRAWS = 4000
"""Codes drawn for each image: standard errors of standard deviation and mean are about 1% and 1.6%."""
_CLOSE = 0.1
_FAR = 9.0
"""Integrals over a normal number run from minus this value to this value."""


def _posteriors(subject: EncoderSubject, noises: int = 1) -> tuple[Encoder, list[Posterior], Posterior]:
    """Returns an encoder, posteriors of 6 images with `noises` different noises, and their posterior without noise."""
    encoder = subject.component()
    image = subject.inputs(encoder, 6, subject.case.seed)["image"]
    with torch.no_grad():
        drawn = [
            subject.posterior(encoder, image, subject.inputs(encoder, 6, subject.case.seed + seed)["noise"])
            for seed in range(noises)
        ]
        return encoder, drawn, subject.posterior(encoder, image, None)


def _stochastic(subject: EncoderSubject) -> Encoder:
    encoder = subject.component()
    if not encoder.stochastic:
        raise NotApplicable("it is deterministic")
    return encoder


def says_what_it_is(subject: EncoderSubject) -> None:
    """Its `code_dim` is the run's, and `stochastic` says whether its posteriors have a density."""
    encoder, (posterior,), mean = _posteriors(subject)
    require(
        getattr(encoder, "code_dim", None) == subject.code_dim,
        f"code_dim is {getattr(encoder, 'code_dim', None)}, but it was built for {subject.code_dim}",
        "the attribute is not set",
        "set self.code_dim = context.code_dim",
    )
    for found, words in ((posterior, "with noise"), (mean, "without noise")):
        if (found.log_variance is not None or found.log_prob is not None) is encoder.stochastic:
            continue
        raise Defect(
            f"stochastic is {encoder.stochastic}, but {words} there is "
            f"{'neither log_variance nor log_prob' if encoder.stochastic else 'a log_variance or log_prob'}",
            "the attribute is not set, or the log-variance is left out",
            "set `stochastic = True` if posteriors have a variance, and return log_variance or log_prob with and "
            "without noise; a deterministic encoder returns neither",
        )


def points_ignore_noise(subject: EncoderSubject) -> None:
    """The code of a deterministic encoder is the mean, for any noise."""
    encoder, drawn, without = _posteriors(subject, noises=2)
    if encoder.stochastic:
        raise NotApplicable("it is stochastic")
    require(
        torch.equal(drawn[0].code, drawn[1].code) and torch.equal(drawn[0].code, without.code),
        "its codes change with the noise",
        "noise is added although `stochastic` is False",
        "ignore the noise, or set `stochastic = True` and return a log-variance",
    )
    require(
        torch.equal(without.code, without.mean),
        "the mean is not the code",
        "the mean comes from another layer",
        "return Posterior(code, mean=code)",
    )


def no_noise_gives_the_mean(subject: EncoderSubject) -> None:
    """Without noise, the code is the mean; noise changes the code, but neither mean nor log-variance."""
    _stochastic(subject)
    _, drawn, without = _posteriors(subject, noises=2)
    require(
        torch.equal(without.code, without.mean),
        f"without noise the code differs from the mean by up to {float((without.code - without.mean).abs().max()):.3g}",
        "noise is drawn although none is given",
        "`code = mean if noise is None else ...`: without noise, return the mean",
    )
    require(
        not torch.equal(drawn[0].code, drawn[1].code),
        "other noise gives the same code",
        "the noise is not used",
        "compute the code from mean, standard deviation and noise",
    )
    for found in drawn:
        same = [
            torch.equal(found.mean, without.mean),
            found.log_variance is None
            or (without.log_variance is not None and torch.equal(found.log_variance, without.log_variance)),
        ]
        require(
            all(same),
            f"the {'log-variance' if same[0] else 'mean'} changes with the noise",
            "a parameter of the posterior is computed from the draw",
            "compute the posterior's parameters from the image alone",
        )


def draws_follow_the_posterior(subject: EncoderSubject) -> None:
    """Over many draws, codes have the mean and variance of their posterior."""
    encoder = _stochastic(subject)
    generator = torch.Generator().manual_seed(subject.case.seed)
    for image in subject.inputs(encoder, 6, subject.case.seed)["image"]:
        noise = torch.randn(_DRAWS, subject.code_dim, generator=generator)
        with torch.no_grad():
            found = subject.posterior(encoder, image.expand(_DRAWS, -1, -1, -1), noise)
        if found.log_variance is None:
            raise NotApplicable("its posteriors are not declared normal: they have no log_variance")
        mean, log_variance = found.mean[0], found.log_variance[0]
        said, drawn, centre = torch.exp(0.5 * log_variance), found.code.std(dim=0), found.code.mean(dim=0)
        far = ((drawn - said).abs() > _CLOSE * said) | ((centre - mean).abs() >= _CLOSE * said)
        if not bool(far.any()):
            continue
        # With heavy tails, draws are imprecise: compute both moments by integration.
        exact = _exact_moments(subject, encoder, image)
        if exact is not None:
            centre, drawn = exact
        for i in range(subject.code_dim):
            if abs(float(drawn[i]) - float(said[i])) > _CLOSE * float(said[i]):
                raise Defect(
                    f"codes of an image have deviation {float(drawn[i]):.4g} in dimension {i}, but its log-variance "
                    f"{float(log_variance[i]):.4g} says {float(said[i]):.4g}",
                    *_deviation_in_words(float(drawn[i]), float(log_variance[i])),
                )
        away = (centre - mean).abs() / said
        require(
            bool((away < _CLOSE).all()),
            f"codes of an image are {float(away.max()):.3g} standard deviations away from its mean, on average over "
            f"{_DRAWS} draws",
            "the noise does not have mean 0, or something is added to draws alone",
            "use code = mean + standard deviation * noise",
        )


def _exact_moments(subject: EncoderSubject, encoder: Encoder, image: Tensor) -> tuple[Tensor, Tensor] | None:
    """Returns mean and standard deviation of an image's codes, (D,) each, by integration over the noise.

    This works if each dimension depends on its own noise alone. Returns None if dimensions share noise.
    """
    grid, dim = torch.linspace(-_FAR, _FAR, _DRAWS), subject.code_dim
    many = image.expand(_DRAWS, -1, -1, -1)
    with torch.no_grad():
        codes = subject.posterior(encoder, many, grid[:, None].expand(-1, dim)).code.double()
        for i in range(dim):
            alone = torch.zeros(_DRAWS, dim)
            alone[:, i] = grid
            again = subject.posterior(encoder, many, alone).code[:, i].double()
            if not torch.allclose(again, codes[:, i], rtol=1e-3, atol=1e-5):
                return None
    weights = torch.exp(-0.5 * grid.double().square())[:, None]
    weights = weights / weights.sum()
    mean = (weights * codes).sum(0)
    return mean, (weights * (codes - mean).square()).sum(0).sqrt()


def _deviation_in_words(drawn: float, log_variance: float) -> tuple[str, str]:
    """Returns the likely cause of a wrong standard deviation, and its fix; empty if unknown."""
    known = {
        "the variance is used as the standard deviation": 1.0,
        "the log-variance is halved twice to get the standard deviation": 0.25,
        "the noise is not multiplied by the standard deviation": 0.0,
    }
    for words, factor in known.items():
        expected = torch.tensor(factor * log_variance).exp().item()
        if abs(drawn - expected) < _CLOSE * expected:
            return words, "the standard deviation is exp(log_variance / 2)"
    if abs(drawn - abs(log_variance)) < _CLOSE * abs(log_variance):
        return "the log-variance is used as the standard deviation", "the standard deviation is exp(log_variance / 2)"
    return "", ""


def _learn(subject: EncoderSubject, total: Tensor, encoder: Encoder) -> bool:
    if not total.requires_grad:
        return False
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    gradients = torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True)
    return any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def codes_are_differentiable(subject: EncoderSubject) -> None:
    """Gradients of codes reach the encoder through the mean, with and without noise, and through the log-variance."""
    encoder = subject.component().train()
    if not any(weight.requires_grad for weight in encoder.parameters()):
        raise NotApplicable("it has nothing to train")
    inputs = subject.inputs(encoder, 6, subject.case.seed)
    image, noise = inputs["image"], inputs["noise"]
    # Random weights: the plain sum of codes after a batch norm is constant.
    weights = noise.roll(1, dims=0)
    for words, given in (("without noise", None), ("with noise of 0", torch.zeros_like(noise))):
        code = subject.posterior(encoder, image, given).code
        require(
            _learn(subject, (code * weights).sum(), encoder),
            f"{words} no gradient of the code reaches the encoder",
            "the mean is detached, or the code is drawn under torch.no_grad",
            "draw by reparameterisation: code = mean + exp(log_variance / 2) * noise, with nothing detached",
        )
    if not encoder.stochastic:
        return
    found = subject.posterior(encoder, image, noise)
    if (
        found.log_variance is not None
        and found.log_variance.requires_grad
        and _learn(subject, (found.log_variance * weights).sum(), encoder)
    ):
        require(
            _learn(subject, ((found.code - found.mean) * weights).sum(), encoder),
            "no gradient of the code's difference from the mean reaches the encoder",
        )


ENCODERS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute is missing, or was copied from another encoder",
        "see the attributes of priorkit.interfaces.Encoder",
    ),
    Check(
        "points_ignore_noise",
        points_ignore_noise,
        "noise is added although `stochastic` is False",
        "return Posterior(code, mean=code)",
        required=False,
    ),
    Check(
        "no_noise_gives_the_mean",
        no_noise_gives_the_mean,
        "noise is drawn although none is given, or given noise is not used",
        "`code = mean if noise is None else mean + exp(log_variance / 2) * noise`",
        required=False,
    ),
    Check(
        "draws_follow_the_posterior",
        draws_follow_the_posterior,
        "log_variance does not match the standard deviation of the draws",
        "the standard deviation is exp(log_variance / 2)",
        required=False,
    ),
    Check(
        "codes_are_differentiable",
        codes_are_differentiable,
        "the standard deviation is detached, or the code is drawn by Distribution.sample",
        "draw by reparameterisation: code = mean + exp(log_variance / 2) * noise, with nothing detached",
        required=False,
    ),
)
