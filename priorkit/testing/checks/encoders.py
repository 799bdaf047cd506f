"""What is special to encoders: posteriors, and the codes that are drawn from them."""

import torch
from torch import Tensor

from priorkit.interfaces import Encoder, Posterior
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.encoder import EncoderSubject

__all__ = ["ENCODERS"]

_DRAWS = 4000
"""Codes drawn for each image: the standard error of a deviation is about 1% of it, and of a mean 1.6%."""
_CLOSE = 0.1
_FAR = 9.0
"""Normal numbers are integrated from minus this to this."""


def _posteriors(subject: EncoderSubject, noises: int = 1) -> tuple[Encoder, list[Posterior], Posterior]:
    """An encoder, posteriors of the same 6 images with one noise after another, and that without noise."""
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
    """Its `code_dim` is the run's, and it is `stochastic` where its posteriors have a density, only there."""
    encoder, (posterior,), mean = _posteriors(subject)
    require(
        getattr(encoder, "code_dim", None) == subject.code_dim,
        f"code_dim is {getattr(encoder, 'code_dim', None)}, and it was built for {subject.code_dim}",
        "the attribute was forgotten",
        "set self.code_dim = context.code_dim",
    )
    for found, words in ((posterior, "with noise"), (mean, "without noise")):
        if (found.log_variance is not None or found.log_prob is not None) is encoder.stochastic:
            continue
        raise Defect(
            f"stochastic is {encoder.stochastic}, and {words} there is "
            f"{'neither log_variance nor log_prob' if encoder.stochastic else 'a log_variance or log_prob'}",
            "the attribute was forgotten, or the log-variance is left out",
            "set `stochastic = True` where posteriors have a variance, and give log_variance or log_prob with and "
            "without noise; a deterministic encoder gives neither",
        )


def points_ignore_noise(subject: EncoderSubject) -> None:
    """A deterministic encoder's code is the mean, whatever the noise."""
    encoder, drawn, without = _posteriors(subject, noises=2)
    if encoder.stochastic:
        raise NotApplicable("it is stochastic")
    require(
        torch.equal(drawn[0].code, drawn[1].code) and torch.equal(drawn[0].code, without.code),
        "its codes are others with other noise",
        "noise is added although `stochastic` is False",
        "leave the noise alone, or set `stochastic = True` and give a log-variance",
    )
    require(
        torch.equal(without.code, without.mean),
        "its mean is not its code",
        "the mean is of another layer",
        "return Posterior(code, mean=code)",
    )


def no_noise_gives_the_mean(subject: EncoderSubject) -> None:
    """Without noise the code is the mean; noise changes the code, and neither mean nor log-variance."""
    _stochastic(subject)
    _, drawn, without = _posteriors(subject, noises=2)
    require(
        torch.equal(without.code, without.mean),
        f"without noise the code is up to {float((without.code - without.mean).abs().max()):.3g} away from the mean",
        "noise is drawn where none is given",
        "`code = mean if noise is None else ...`: None asks for the mean",
    )
    require(
        not torch.equal(drawn[0].code, drawn[1].code),
        "other noise gives the same code",
        "the noise is not read",
        "compute the code from mean, deviation and noise",
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
            "what is given as the posterior's is computed from the draw",
            "return the parameters of the posterior, which are functions of the image alone",
        )


def draws_follow_the_posterior(subject: EncoderSubject) -> None:
    """Over many draws, codes have the posterior's mean, and its log-variance is that of their variance."""
    encoder = _stochastic(subject)
    generator = torch.Generator().manual_seed(subject.case.seed)
    for image in subject.inputs(encoder, 6, subject.case.seed)["image"]:
        noise = torch.randn(_DRAWS, subject.code_dim, generator=generator)
        with torch.no_grad():
            found = subject.posterior(encoder, image.expand(_DRAWS, -1, -1, -1), noise)
        if found.log_variance is None:
            raise NotApplicable("its posteriors are not said to be normal")
        mean, log_variance = found.mean[0], found.log_variance[0]
        said, drawn, centre = torch.exp(0.5 * log_variance), found.code.std(dim=0), found.code.mean(dim=0)
        far = ((drawn - said).abs() > _CLOSE * said) | ((centre - mean).abs() >= _CLOSE * said)
        if not bool(far.any()):
            continue
        # Of heavy tails, draws say little: both are found again without chance.
        exact = _exact_moments(subject, encoder, image)
        if exact is not None:
            centre, drawn = exact
        for i in range(subject.code_dim):
            if abs(float(drawn[i]) - float(said[i])) > _CLOSE * float(said[i]):
                raise Defect(
                    f"codes of an image deviate by {float(drawn[i]):.4g} in dimension {i}, and its log-variance "
                    f"{float(log_variance[i]):.4g} says {float(said[i]):.4g}",
                    *_deviation_in_words(float(drawn[i]), float(log_variance[i])),
                )
        away = (centre - mean).abs() / said
        require(
            bool((away < _CLOSE).all()),
            f"codes of an image are {float(away.max()):.3g} standard deviations away from its mean, on average over "
            f"{_DRAWS} draws",
            "the noise is not centred, or something is added to the draw alone",
            "code = mean + deviation * noise, whose mean is the mean",
        )


def _exact_moments(subject: EncoderSubject, encoder: Encoder, image: Tensor) -> tuple[Tensor, Tensor] | None:
    """Mean and deviation of an image's codes, (D,) each, where each dimension depends on its own noise alone.

    They are integrals over one normal number then; None where dimensions share noise.
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
    """The likely cause of a wrong deviation, and how to mend it."""
    known = {
        "the variance is used as the standard deviation": 1.0,
        "the log-variance is halved twice on its way to the standard deviation": 0.25,
        "the noise is added without the standard deviation": 0.0,
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
    """Codes learn through the mean, with and without noise, and through the log-variance."""
    encoder = subject.component().train()
    if not any(weight.requires_grad for weight in encoder.parameters()):
        raise NotApplicable("it has nothing to train")
    inputs = subject.inputs(encoder, 6, subject.case.seed)
    image, noise = inputs["image"], inputs["noise"]
    # Random weights: unweighted, codes that a batch norm has normalised add up to a constant.
    weights = noise.roll(1, dims=0)
    for words, given in (("without noise", None), ("with noise of 0", torch.zeros_like(noise))):
        code = subject.posterior(encoder, image, given).code
        require(
            _learn(subject, (code * weights).sum(), encoder),
            f"{words} no gradient leads from the code to the encoder",
            "the mean is detached, or the draw made under torch.no_grad",
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
            "no gradient leads from the code's deviation from the mean to the encoder",
        )


ENCODERS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute was forgotten, or copied from another encoder",
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
        "noise is drawn where none is given, or what is given is not used",
        "`code = mean if noise is None else mean + exp(log_variance / 2) * noise`",
        required=False,
    ),
    Check(
        "draws_follow_the_posterior",
        draws_follow_the_posterior,
        "log_variance and the draw's standard deviation are not of one distribution",
        "the standard deviation is exp(log_variance / 2)",
        required=False,
    ),
    Check(
        "codes_are_differentiable",
        codes_are_differentiable,
        "the standard deviation is detached, or the draw made by Distribution.sample",
        "draw by reparameterisation: code = mean + exp(log_variance / 2) * noise, with nothing detached",
        required=False,
    ),
)
