"""Checks of feature extractors: how they are prepared, and the features of images."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError, DataError
from priorkit.interfaces import Features, ImageSet
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.global_generator import seeded
from priorkit.testing.subjects.extractor import CLASSES, ExtractorSubject

__all__ = ["EXTRACTORS", "require_rows", "same_features"]


def same_features(first: Features, second: Features, *, exactly: bool = True) -> bool:
    """Returns whether features are equal up to rounding: 1e-6 of their size, or 1e-3 between different batches."""
    for one, other in zip(first, second, strict=True):
        if one is None or other is None:
            if one is not other:
                return False
            continue
        size = 1e-6 if exactly else 1e-3
        scale = max(1e-3, float(one.abs().max()))
        if one.shape != other.shape or not torch.allclose(one, other, rtol=size, atol=size * scale):
            return False
    return True


def prepares_once(subject: ExtractorSubject) -> None:
    """`prepare` draws nothing from global generators, and a second call changes nothing."""
    extractor, images = subject.built(), subject.images(3)
    with global_state_kept("prepare"):
        subject.prepare(extractor)
    described, found = dict(extractor.description()), subject.extract(extractor, images)
    subject.prepare(extractor)
    require(
        dict(extractor.description()) == described and same_features(subject.extract(extractor, images), found),
        "a second `prepare` changes its description or its features",
        "weights are created or trained again in each call",
        "return at once if there are weights already",
    )


def prepared_alike_next_time(subject: ExtractorSubject) -> None:
    """Another instance with the same data and cache has the same description, and then the same features."""
    images = subject.images(3)
    first, second = subject.prepared(seed=0), subject.prepared(seed=1)
    found, again = subject.extract(first, images), subject.extract(second, images)
    same = dict(first.description()) == dict(second.description())
    require(
        same,
        f"its description is {dict(first.description())}, but that of another instance is {dict(second.description())}",
    )
    require(
        same_features(found, again),
        "two instances with the same description give different features of the same images",
        "weights are random, or the hash is not that of the weights",
        "seed the weights with an option, and cache them; let `weights` be a hash of all weights",
    )


def describes_itself(subject: ExtractorSubject) -> None:
    """`description` has a name, a hash of the weights and the input's resolution, and never changes."""
    extractor = subject.prepared()
    described = dict(extractor.description())
    for name, sort in (("name", str), ("weights", str), ("resolution", int)):
        require(
            isinstance(described.get(name), sort) and bool(described[name]),
            f"the entry {name!r} of its description is {described.get(name)!r}: {described}",
        )
    odd = {key: value for key, value in described.items() if not isinstance(value, str | int | float)}
    require(
        not odd,
        f"the entries {odd} are neither texts nor numbers",
        "an entry is a path, a tensor or a list",
        "turn it into a text or a number, as it is written to files",
    )
    accuracy = described.get("accuracy", 0.0)
    require(
        isinstance(accuracy, int | float) and math.isfinite(accuracy) and 0 <= accuracy <= 1,
        f"its accuracy is {accuracy!r}, not a share of the held-out images",
        "it is in percent, or computed from no images",
        "divide by the number of held-out images with labels; leave the entry out if there are none",
    )
    subject.extract(extractor, subject.images(2))
    require(
        dict(extractor.description()) == described,
        f"its description is {described}, but after use {dict(extractor.description())}",
        "the description contains a time or a counter",
        "describe only what identifies the weights",
    )
    require(isinstance(extractor.standard, bool), f"standard is {extractor.standard!r}, not True or False")


def require_rows(tensor: Tensor, name: str, n: int, what: str = "images") -> None:
    """Requires finite float32 rows (n, D) on the CPU, without gradients.

    Args:
        tensor: The rows.
        name: Their name in messages.
        n: The expected number of rows.
        what: The inputs, in messages: `images` or `texts`.
    """
    require(
        tensor.dtype == torch.float32 and tensor.ndim == 2 and len(tensor) == n and tensor.shape[1] > 0,
        f"{name} of {n} {what} are {tensor.dtype} of shape {tuple(tensor.shape)}, not float32 of shape ({n}, ...)",
        "a batch of one is squeezed, or feature maps are not flattened",
        "return one row for each: `.flatten(1).float()`",
    )
    require(tensor.device.type == "cpu", f"{name} are on {tensor.device}", "", "call `.cpu()`")
    require(
        not tensor.requires_grad,
        f"{name} require gradients: they keep the graph in memory, and cannot be converted to arrays",
        "gradients are recorded",
        "compute under torch.no_grad()",
    )
    require(bool(tensor.isfinite().all()), f"some {name} are infinite or not a number")


def features_are_rows_of_numbers(subject: ExtractorSubject) -> None:
    """Features are finite float32 (N, D) on the CPU, for one image and for many, also black and white ones."""
    extractor = subject.prepared()
    sizes = set()
    for n in (1, 2, 5):
        images = subject.images(n)
        images[0], images[-1] = 0, 255
        found = subject.extract(extractor, images)
        require_rows(found.features, "features", n)
        if found.probabilities is not None:
            require_rows(found.probabilities, "probabilities", n)
        sizes.add(found.features.shape[1])
    require(len(sizes) == 1, f"the feature count is {' or '.join(map(str, sorted(sizes)))}, depending on the batch")


def images_are_independent(subject: ExtractorSubject) -> None:
    """The features of an image do not depend on the other images of its batch."""
    extractor, images = subject.prepared(), subject.images(4)
    together = subject.extract(extractor, images)
    pieces = [subject.extract(extractor, images[i : i + 1]) for i in range(len(images))]
    probabilities = [piece.probabilities for piece in pieces if piece.probabilities is not None]
    alone = Features(
        torch.cat([piece.features for piece in pieces]), torch.cat(probabilities) if probabilities else None
    )
    require(
        same_features(together, alone, exactly=False),
        f"features of an image differ by up to {float((together.features - alone.features).abs().max()):.3g} when it "
        "is alone in its batch",
    )


def features_tell_images_apart(subject: ExtractorSubject) -> None:
    """Features of two noise images differ from each other, and from those of black and white images."""
    images = subject.images(4)
    images[0], images[1] = 0, 255
    features = subject.extract(subject.prepared(), images).features
    words = ("a black image", "a white image", "an image of noise", "another image of noise")
    # Black and white are not compared: an extractor may standardise each image.
    for one, other in ((0, 2), (1, 2), (2, 3)):
        away, size = float((features[one] - features[other]).abs().max()), float(features.abs().max())
        require(away > 1e-6 * size, f"{words[one]} and {words[other]} have the same features")


def images_are_left_alone(subject: ExtractorSubject) -> None:
    """The same images have the same features again; nothing is random, and images are not changed."""
    extractor, images = subject.prepared(), subject.images(3)
    kept = images.clone()
    found = []
    for seed in (1, 2):
        with seeded(seed), global_state_kept("extract"):
            found.append(subject.extract(extractor, images))
        require(
            torch.equal(images, kept),
            "extract changes the given images",
            "an in-place operation (`div_`, `sub_`, `-=`)",
            "make a new tensor: images.float() / 255",
        )
    require(same_features(*found), "the same images have different features the second time")


def probabilities_add_up(subject: ExtractorSubject) -> None:
    """The probabilities of an image's classes are at least 0, and add up to 1."""
    probabilities = subject.extract(subject.prepared(), subject.images(5)).probabilities
    if probabilities is None:
        raise NotApplicable("it does not classify")
    require(bool((probabilities >= 0).all()), f"a probability is {float(probabilities.min()):.4g}, below 0")
    total = probabilities.sum(dim=1)
    require(
        torch.allclose(total, torch.ones_like(total), atol=1e-4),
        f"probabilities of an image add up to between {float(total.min()):.4g} and {float(total.max()):.4g}, not to 1",
    )


def labels_are_those_of_the_data(subject: ExtractorSubject) -> None:
    """With `knows_labels`, its classes are the data's; data without labels works, or is refused with a reason."""
    extractor = subject.prepared()
    probabilities = subject.extract(extractor, subject.images(2)).probabilities
    if extractor.knows_labels:
        require(
            probabilities is not None,
            "knows_labels is True, but there are no probabilities",
            "the attribute was copied, or the probabilities are left out",
            "return Features(features, probabilities), or set knows_labels = False",
        )
        assert probabilities is not None
        require(
            probabilities.shape[1] == CLASSES,
            f"knows_labels is True, but it has {probabilities.shape[1]} classes and the data has {CLASSES}",
            "its classes are those of another data set",
            "set knows_labels = False",
        )
    data = replace(
        subject.data,
        train=ImageSet(subject.data.train.images),
        test=ImageSet(subject.data.test.images),
        class_names=(),
    )
    bare = subject.built()
    try:
        bare.prepare(data)
    except (ConfigurationError, DataError) as error:
        require(bool(str(error).strip()), "data without labels is refused without a message")
    except Exception as error:
        raise Defect(
            f"data without labels raises {type(error).__name__}: {error}",
            "`data.train.labels` is None, which is not checked",
            "raise a priorkit.errors.DataError that says that labels are needed",
        ) from error
    else:
        subject.extract(bare, subject.images(2))


# If an extractor cannot be prepared, only the first check fails: it is the only required one.
EXTRACTORS = (
    Check(
        "prepares_once",
        prepares_once,
        "weights are initialised or trained with torch's global generator",
        "draw inside torch.random.fork_rng(devices=[]), with a fixed seed",
    ),
    Check(
        "prepared_alike_next_time",
        prepared_alike_next_time,
        "weights are trained again from other random numbers, or the description contains a time or an address",
        "seed the weights with an option, cache them, and hash them for the description",
        required=False,
    ),
    Check(
        "describes_itself",
        describes_itself,
        "an entry of the description is missing, or of another type",
        "return `name`, `weights` (a hash, as a text) and `resolution` (pixels, an integer)",
        required=False,
    ),
    Check(
        "features_are_rows_of_numbers",
        features_are_rows_of_numbers,
        "the computation does not fit all batches",
        "return float32 (N, D) on the CPU: `.flatten(1).float().cpu()`",
        required=False,
    ),
    Check(
        "images_are_independent",
        images_are_independent,
        "the network is in training mode (batch norm), or features are standardised over the batch",
        "call `.eval()` on the network, and compute each image by itself",
        explains_errors=True,
        required=False,
    ),
    Check(
        "features_tell_images_apart",
        features_tell_images_apart,
        "pixels are divided as integers, or the images are not used",
        "begin with `images.float() / 255`, and compute features from it",
        required=False,
    ),
    Check(
        "images_are_left_alone",
        images_are_left_alone,
        "the network is in training mode (dropout), or crops images at random",
        "call `.eval()` on the network, and prepare images without randomness",
        required=False,
    ),
    Check(
        "probabilities_add_up",
        probabilities_add_up,
        "they are logits, or the softmax is taken over the batch",
        "return logits.softmax(dim=1)",
        required=False,
    ),
    Check(
        "labels_are_those_of_the_data",
        labels_are_those_of_the_data,
        "the attribute was copied from another extractor",
        "see the attributes of priorkit.interfaces.FeatureExtractor",
        required=False,
    ),
)
