"""What is special to the parts of a family of networks: ranges of images, feature layers, conditions, Q."""

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import ImageCritic
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.subjects.networks import (
    CLASSES,
    CODE_DIM,
    ConditionalCriticSubject,
    DecoderSubject,
    ImageCriticSubject,
    NetworksSubject,
    RecogniserSubject,
)

__all__ = ["NETWORKS"]


def _critic(subject: NetworksSubject) -> ImageCritic:
    if not isinstance(subject, ImageCriticSubject):
        raise NotApplicable("it is looked at with the image critic")
    critic = subject.component()
    assert isinstance(critic, ImageCritic)
    return critic


def every_part_is_there(subject: NetworksSubject) -> None:
    """For each image shape that it accepts, a family has every part but perhaps Q, and says its `shape`."""
    family = subject.family()
    require(
        getattr(family, "shape", None) == subject.shape,
        f"its shape is {getattr(family, 'shape', None)}, and it was built for {subject.shape}",
        "the constructor does not hand its shape on",
        "call super().__init__(shape)",
    )
    if subject.optional:
        raise NotApplicable(f"a family may do without a {subject.words}")
    try:
        part = subject.take(family)
    except ValueError as error:
        raise Defect(
            f"the family is built, and its {subject.words} refused: {' '.join(str(error).split())}",
            "what cannot work is found out too late, when one part after the other is made",
            "refuse image shapes and options in `build`; every family has every part but the recogniser",
        ) from error
    require(isinstance(part, subject.interface), f"its {subject.words} is a {type(part).__name__}")


def parts_are_new_each_time(subject: NetworksSubject) -> None:
    """Every call makes a new module that shares nothing with the one before, and starts from other weights."""
    family = subject.family()
    try:
        first, second = subject.take(family), subject.take(family)
    except ConfigurationError as error:
        raise NotApplicable(f"it has no {subject.words}: {error}") from error
    held = {tensor.data_ptr() for tensor in (*first.parameters(), *first.buffers()) if tensor.numel()}
    shared = [
        name
        for name, tensor in (*second.named_parameters(), *second.named_buffers())
        if tensor.numel() and tensor.data_ptr() in held
    ]
    require(
        first is not second and not shared,
        f"two calls give modules that share {', '.join(shared) or 'everything'}",
        "a module or a layer is made once, in __init__ or as a class attribute, and handed out again",
        "make every layer anew within the method",
    )
    weights = [weight for weight in first.parameters() if weight.numel()]
    if not weights:
        raise NotApplicable(f"its {subject.words} has no parameters")
    require(
        any(not torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True)),
        "two calls give modules with the same weights",
        "the method seeds torch (torch.manual_seed), or copies one module that was made before",
        "leave the seed to the run, and make every layer anew",
    )


def images_are_in_range(subject: NetworksSubject) -> None:
    """Decoded images are in [-1, 1], from black to white, in training and in evaluation mode, whatever the codes."""
    if not isinstance(subject, DecoderSubject):
        raise NotApplicable("it is looked at with the decoder")
    least = torch.inf
    for seed in range(3):
        decoder = subject.component(seed)
        codes = subject.inputs(decoder, 32, subject.case.seed + seed)["code"]
        for scale in (0.0, 1.0, 30.0, 1e3):
            for training in (False, True):
                with torch.no_grad():
                    images = decoder.train(training)(scale * codes)
                low, high = float(images.min()), float(images.max())
                require(
                    low >= -1 and high <= 1,
                    f"images of codes of size {scale:g} have values from {low:.4g} to {high:.4g}, not in [-1, 1]",
                )
                least = min(least, low)
    require(
        least < 0,
        f"of many images no value is below {least:.3g}, and black is -1",
        "the last layer is a sigmoid or a ReLU",
        "end with nn.Tanh(); of a sigmoid's output, take 2 * x - 1",
    )


def feature_layers_are_all_there(subject: NetworksSubject) -> None:
    """`features` gives each of the critic's `layers`, counted from 0 or from the end; by default the last."""
    critic, images = _critic(subject), subject.inputs(subject.component(), 3, subject.case.seed)["image"]
    layers = getattr(critic, "layers", None)
    require(
        isinstance(layers, int) and layers >= 1,
        f"layers is {layers!r}, not the number of feature layers",
        "the attribute was forgotten",
        "set self.layers to the number of layers that `features` offers, at least 1",
    )
    assert isinstance(layers, int)
    with torch.no_grad():
        found = [critic.features(images, layer) for layer in range(layers)]
        for layer, features in enumerate(found):
            require(
                features.ndim >= 2 and len(features) == len(images),
                f"features(image, {layer}) have shape {tuple(features.shape)} for {len(images)} images",
                "the batch's dimension is lost",
                "give one row for each image: shape (N, ...)",
            )
            counted_back = critic.features(images, layer - layers)
            require(
                torch.equal(features, counted_back),
                f"features(image, {layer - layers}) are not features(image, {layer}), of {layers} layers",
                "negative indices are not counted from the end, or off by one",
                "use `layer % self.layers`, after unknown layers were refused",
            )
        for layer in range(layers):
            for other in range(layer):
                require(
                    not torch.equal(found[layer], found[other]),
                    f"features(image, {layer}) and features(image, {other}) are the same",
                    "`layer` is not read, or `layers` is larger than their number",
                    "return the output of the layer that is asked for",
                )
        require(torch.equal(critic.features(images), found[-1]), "features(image) are not those of the last layer")


def unknown_layers_are_refused(subject: NetworksSubject) -> None:
    """A layer that is not there is refused by a ValueError."""
    critic, images = _critic(subject), subject.inputs(subject.component(), 2, subject.case.seed)["image"]
    for layer in (critic.layers, critic.layers + 10, -critic.layers - 1):
        what = f"features(image, {layer}), where there are {critic.layers} layers,"
        try:
            with torch.no_grad():
                critic.features(images, layer)
        except ValueError as error:
            require(
                bool(str(error).strip()),
                f"{what} are refused without a word",
                "ValueError() is raised without a message",
                "say which layers there are",
            )
        except Exception as error:
            raise Defect(
                f"{what} end in {type(error).__name__}: {error}",
                "a list or a ModuleList is indexed without looking at the index first",
            ) from error
        else:
            raise Defect(f"{what} are given all the same")


def logits_are_scores_of_features(subject: NetworksSubject) -> None:
    """Logits are what `score` makes of the last features, unless the critic is an autoencoder."""
    critic = _critic(subject)
    if critic.is_autoencoder:
        raise NotApplicable("its critic is an autoencoder, whose logits need the image")
    inputs = subject.inputs(critic, 5, subject.case.seed)
    with torch.no_grad():
        logits = critic(*inputs.values())
        scored = critic.score(critic.features(inputs["image"]), inputs.get("condition"))
    require(
        scored.shape == logits.shape and torch.allclose(scored, logits, rtol=1e-4, atol=1e-5),
        f"score(features(image)) is up to {_apart(scored, logits):.3g} away from the logits of the image",
    )


def _apart(first: Tensor, second: Tensor) -> float:
    return float((first - second).abs().max()) if first.shape == second.shape else float("nan")


def errors_give_negative_logits(subject: NetworksSubject) -> None:
    """The logits of a critic that is an autoencoder are minus its errors: at most 0."""
    critic = subject.component()
    if not getattr(critic, "is_autoencoder", False):
        raise NotApplicable("no critic of it is an autoencoder")
    inputs = subject.inputs(critic, 32, subject.case.seed)
    with torch.no_grad():
        logits = critic(*inputs.values())
    require(bool((logits <= 0).all()), f"is_autoencoder is True, and a logit is {float(logits.max()):.4g}")


def conditions_change_the_logits(subject: NetworksSubject) -> None:
    """A critic that is built for a condition looks at it: an image's logit is another with another condition."""
    if not isinstance(subject, ConditionalCriticSubject):
        raise NotApplicable("it is looked at with the image critic with a condition")
    critic = _critic(subject)
    inputs = subject.inputs(critic, 6, subject.case.seed)
    others = {**inputs, "condition": inputs["condition"].roll(1, dims=1)}
    with torch.no_grad():
        logits, elsewhere = subject.logits(critic, inputs), subject.logits(critic, others)
    same = logits == elsewhere
    require(not bool(same.any()), f"{int(same.sum())} of {len(same)} logits are the same with another condition")


def features_fit_the_recogniser(subject: NetworksSubject) -> None:
    """Q takes the last features of D_I, with or without a condition; a family without Q says so."""
    if not isinstance(subject, RecogniserSubject):
        raise NotApplicable("it is looked at with the recogniser")
    family = subject.family()
    try:
        recogniser = family.recogniser(CLASSES)
    except ConfigurationError as error:
        require(bool(str(error).strip()), "it refuses to make a recogniser without a word")
        raise NotApplicable(f"it has no recogniser: {error}") from error
    except Exception as error:
        raise Defect(
            f"recogniser({CLASSES}) ends in {type(error).__name__}: {error}",
            "a family without Q must say so by a ConfigurationError",
            "leave `recogniser` out, whose default refuses, or raise priorkit.errors.ConfigurationError",
        ) from error
    require(isinstance(recogniser, nn.Module), f"its recogniser is a {type(recogniser).__name__}, not a module")
    for condition_dim in (0, CLASSES):
        critic = family.image_critic(condition_dim)
        with torch.no_grad():
            features = critic.eval().features(subject.inputs(critic, 3, subject.case.seed)["image"])
            where = f"features of shape {tuple(features.shape)} of a critic with {condition_dim} dimensions of condition"
            try:
                recovered = recogniser.eval()(features)
            except Exception as error:
                raise Defect(f"it cannot take {where}: {' '.join(str(error).split())}") from error
        require(
            tuple(recovered.shape) == (3, CLASSES),
            f"of {where} it makes shape {tuple(recovered.shape)}, not {(3, CLASSES)}",
            "the features are not flattened, or `outputs` is not read",
            "end with nn.Linear(..., outputs)",
        )


def channels_last_agrees(subject: NetworksSubject) -> None:
    """With weights and images laid out channels last, as GPUs like it, it computes the same."""
    module = subject.component()
    inputs = dict(subject.inputs(module, 4, subject.case.seed))
    expected = [one.without_gradients(inputs) for one in subject.passes(module)]
    torch.nn.Module.to(module, memory_format=torch.channels_last)
    if "image" in inputs:
        inputs["image"] = inputs["image"].contiguous(memory_format=torch.channels_last)
    for one, outputs in zip(subject.passes(module), expected, strict=True):
        for name, output in one.without_gradients(inputs).items():
            apart = _apart(output, outputs[name])
            require(
                torch.allclose(output, outputs[name], rtol=1e-3, atol=1e-4),
                f"{name} is up to {apart:.3g} away where channels come last",
            )


def sizes_are_taken_as_asked(subject: NetworksSubject) -> None:
    """Encoder, decoder, Q and code critic have as many outputs, or inputs, as they are asked for: 1 and more."""
    family = subject.family()
    images = subject.inputs(subject.component(), 3, subject.case.seed)
    for dim in (1, 2, CODE_DIM + 3):
        codes = torch.randn(3, dim, generator=torch.Generator().manual_seed(dim))
        image = (3, subject.shape.channels, subject.shape.size, subject.shape.size)
        try:
            with torch.no_grad():
                match subject.words:
                    case "encoder":
                        asked, found, expected = f"encoder({dim})", family.encoder(dim)(images["image"]), (3, dim)
                    case "decoder":
                        asked, found, expected = f"decoder({dim})", family.decoder(dim)(codes), image
                    case "code critic":
                        asked, found, expected = f"code_critic({dim})", family.code_critic(dim)(codes), (3,)
                    case _:
                        raise NotApplicable("it is looked at with encoder, decoder and code critic")
        except NotApplicable:
            raise
        except Exception as error:
            raise Defect(f"the {subject.words} for {dim} dimensions of a code: {type(error).__name__}: {error}") from error
        require(tuple(found.shape) == expected, f"{asked} gives shape {tuple(found.shape)}, not {expected}")


NETWORKS = (
    Check(
        "every_part_is_there",
        every_part_is_there,
        "a method returns the wrong object",
        "derive D_I from priorkit.interfaces.ImageCritic, and the other parts from torch.nn.Module",
    ),
    Check(
        "parts_are_new_each_time",
        parts_are_new_each_time,
        "a module is made once and handed out again",
        "make every layer anew within the method",
    ),
    Check(
        "sizes_are_taken_as_asked",
        sizes_are_taken_as_asked,
        "a number of dimensions is fixed, or halved without a least value (code_dim // 2 is 0 for 1)",
        "compute every width from the argument, and keep it at least 1",
    ),
    Check(
        "images_are_in_range",
        images_are_in_range,
        "the last layer is linear, or something is added behind it",
        "end with nn.Tanh()",
    ),
    Check(
        "feature_layers_are_all_there",
        feature_layers_are_all_there,
        "the default of `layer` is not -1",
        "count layers from 0, or from the end where the index is negative",
    ),
    Check(
        "unknown_layers_are_refused",
        unknown_layers_are_refused,
        "the index is not looked at: a slice takes any, and a remainder makes every index one that is there",
        "raise a ValueError unless -self.layers <= layer < self.layers, and say which layers there are",
    ),
    Check(
        "logits_are_scores_of_features",
        logits_are_scores_of_features,
        "forward is overridden and does something else, or `features` are not those that `score` takes",
        "leave forward as it is: it calls features and score; or say is_autoencoder where logits are errors",
        required=False,
    ),
    Check(
        "errors_give_negative_logits",
        errors_give_negative_logits,
        "the error itself is given, without its sign",
        "give minus the mean error of each sample",
        required=False,
    ),
    Check(
        "conditions_change_the_logits",
        conditions_change_the_logits,
        "`score` (or a forward of its own) does not read its condition",
        "put the condition beside the last features: torch.cat([features.flatten(1), condition], dim=1)",
    ),
    Check(
        "features_fit_the_recogniser",
        features_fit_the_recogniser,
        "the recogniser is made for the features of another layer, or for features with the condition beside them",
        "make it for what `image_critic(...).features(image)` gives, flattened: the last layer, without the condition",
        required=False,
    ),
    Check(
        "channels_last_agrees",
        channels_last_agrees,
        "memory is read as it lies: `.view` of an image, `.as_strided`, `.storage`",
        "use `.flatten(1)` or `.reshape`, which look at strides",
    ),
)
