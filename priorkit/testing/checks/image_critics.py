"""Checks of image critics: feature layers, logits, conditions, and Q on their features."""

import torch
from torch import nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.networks import apart
from priorkit.testing.subjects.critics import ConditionalCriticSubject, ImageCriticSubject, RecogniserSubject
from priorkit.testing.subjects.network_bodies import CLASSES, NetworksSubject

__all__ = ["IMAGE_CRITICS"]


def _critic(subject: NetworksSubject) -> ImageCritic:
    if not isinstance(subject, ImageCriticSubject):
        raise NotApplicable
    critic = subject.component()
    assert isinstance(critic, ImageCritic)
    return critic


def feature_layers_are_all_there(subject: NetworksSubject) -> None:
    """`features` returns each of the critic's `layers`, counted from 0 or from the end; by default the last."""
    critic, images = _critic(subject), subject.inputs(subject.component(), 3, subject.case.seed)["image"]
    layers = getattr(critic, "layers", None)
    require(
        isinstance(layers, int) and layers >= 1,
        f"layers is {layers!r}, not the number of feature layers",
        "the attribute is not set",
        "set self.layers to the number of layers of `features`, at least 1",
    )
    assert isinstance(layers, int)
    with torch.no_grad():
        found = [critic.features(images, layer) for layer in range(layers)]
        for layer, features in enumerate(found):
            require(
                features.ndim >= 2 and len(features) == len(images),
                f"features(image, {layer}) have shape {tuple(features.shape)} for {len(images)} images",
                "the batch dimension is lost",
                "return a row for each image: shape (N, ...)",
            )
            counted_back = critic.features(images, layer - layers)
            require(
                torch.equal(features, counted_back),
                f"features(image, {layer - layers}) differ from features(image, {layer}), with {layers} layers",
                "negative indices are not counted from the end, or are off by one",
                "use `layer % self.layers` after refusing unknown layers",
            )
        for layer in range(layers):
            for other in range(layer):
                require(
                    not torch.equal(found[layer], found[other]),
                    f"features(image, {layer}) and features(image, {other}) are the same",
                    "`layer` is ignored, or `layers` is larger than the number of layers",
                    "return the output of the requested layer",
                )
        require(torch.equal(critic.features(images), found[-1]), "features(image) are not those of the last layer")


def unknown_layers_are_refused(subject: NetworksSubject) -> None:
    """A layer that does not exist is refused with a ValueError."""
    critic, images = _critic(subject), subject.inputs(subject.component(), 2, subject.case.seed)["image"]
    for layer in (critic.layers, critic.layers + 10, -critic.layers - 1):
        what = f"features(image, {layer}) with {critic.layers} layers"
        try:
            with torch.no_grad():
                critic.features(images, layer)
        except ValueError as error:
            require(
                bool(str(error).strip()),
                f"{what} is refused without a message",
                "the ValueError has no message",
                "say which layers there are",
            )
        except Exception as error:
            raise Defect(
                f"{what} raises {type(error).__name__}: {error}",
                "a list or a ModuleList is indexed without checking the index",
            ) from error
        else:
            raise Defect(f"{what} returns features nevertheless")


def logits_are_scores_of_features(subject: NetworksSubject) -> None:
    """Logits are `score` of the last features, unless the critic is an autoencoder."""
    critic = _critic(subject)
    if critic.is_autoencoder:
        raise NotApplicable("its critic is an autoencoder, whose logits need the image")
    inputs = subject.inputs(critic, 5, subject.case.seed)
    with torch.no_grad():
        logits = critic(*inputs.values())
        scored = critic.score(critic.features(inputs["image"]), inputs.get("condition"))
    require(
        scored.shape == logits.shape and torch.allclose(scored, logits, rtol=1e-4, atol=1e-5),
        f"score(features(image)) differs from the logits of the image by up to {apart(scored, logits):.3g}",
    )


def errors_give_negative_logits(subject: NetworksSubject) -> None:
    """The logits of a critic that is an autoencoder are minus its errors, so at most 0."""
    critic = subject.component()
    if not getattr(critic, "is_autoencoder", False):
        raise NotApplicable("its critics are not autoencoders")
    inputs = subject.inputs(critic, 32, subject.case.seed)
    with torch.no_grad():
        logits = critic(*inputs.values())
    require(bool((logits <= 0).all()), f"is_autoencoder is True, but a logit is {float(logits.max()):.4g}, above 0")


def conditions_change_the_logits(subject: NetworksSubject) -> None:
    """The logits of a critic that is built for a condition change with the condition."""
    if not isinstance(subject, ConditionalCriticSubject):
        raise NotApplicable
    critic = _critic(subject)
    inputs = subject.inputs(critic, 6, subject.case.seed)
    others = {**inputs, "condition": inputs["condition"].roll(1, dims=1)}
    with torch.no_grad():
        logits, elsewhere = subject.logits(critic, inputs), subject.logits(critic, others)
    same = logits == elsewhere
    # A saturated network may miss a few changes; one that reads only part of the condition misses every third.
    require(
        3 * int(same.sum()) < len(same), f"{int(same.sum())} of {len(same)} logits are the same with another condition"
    )


def features_fit_the_recogniser(subject: NetworksSubject) -> None:
    """Q accepts the last features of D_I, with or without a condition; a family without Q refuses it."""
    if not isinstance(subject, RecogniserSubject):
        raise NotApplicable
    family = subject.family()
    try:
        recogniser = family.recogniser(CLASSES)
    except ConfigurationError as error:
        require(bool(str(error).strip()), "it refuses to make a recogniser without a message")
        raise NotApplicable(f"it has no recogniser: {error}") from error
    except Exception as error:
        raise Defect(
            f"recogniser({CLASSES}) raises {type(error).__name__}: {error}",
            "a family without Q must refuse it with a ConfigurationError",
            "do not implement `recogniser`, whose default refuses, or raise priorkit.errors.ConfigurationError",
        ) from error
    require(isinstance(recogniser, nn.Module), f"its recogniser is a {type(recogniser).__name__}, not a module")
    for condition_dim in (0, CLASSES):
        critic = family.image_critic(condition_dim)
        with torch.no_grad():
            features = critic.eval().features(subject.inputs(critic, 3, subject.case.seed)["image"])
            where = f"features of shape {tuple(features.shape)} of a critic with condition_dim {condition_dim}"
            try:
                recovered = recogniser.eval()(features)
            except Exception as error:
                raise Defect(f"the recogniser fails on {where}: {' '.join(str(error).split())}") from error
        require(
            tuple(recovered.shape) == (3, CLASSES),
            f"the recogniser returns shape {tuple(recovered.shape)} for {where}, not {(3, CLASSES)}",
            "the features are not flattened, or `outputs` is ignored",
            "end with nn.Linear(..., outputs)",
        )


IMAGE_CRITICS = (
    Check(
        "feature_layers_are_all_there",
        feature_layers_are_all_there,
        "the default of `layer` is not -1",
        "count layers from 0, and negative indices from the end; the default is -1",
    ),
    Check(
        "unknown_layers_are_refused",
        unknown_layers_are_refused,
        "the index is not checked: a slice accepts any index, and a remainder makes every index valid",
        "raise a ValueError unless -self.layers <= layer < self.layers, and say which layers there are",
    ),
    Check(
        "logits_are_scores_of_features",
        logits_are_scores_of_features,
        "forward is overridden and does something else, or `score` expects other features",
        "do not override forward, which calls features and score; set is_autoencoder = True if logits are errors",
        required=False,
    ),
    Check(
        "errors_give_negative_logits",
        errors_give_negative_logits,
        "the error is returned with a positive sign",
        "return minus the mean error of each sample",
        required=False,
    ),
    Check(
        "conditions_change_the_logits",
        conditions_change_the_logits,
        "`score` (or an overridden forward) ignores the condition, or part of it",
        "append the condition to the last features: torch.cat([features.flatten(1), condition], dim=1)",
    ),
    Check(
        "features_fit_the_recogniser",
        features_fit_the_recogniser,
        "the recogniser is made for the features of another layer, or for features with the condition appended",
        "make it for `image_critic(...).features(image)`, flattened: the last layer, without the condition",
        required=False,
    ),
)
