"""Checks of conditions: how they are drawn, and how images supply them."""

import math

import torch

from priorkit.interfaces import ImageSet, Recovery
from priorkit.testing.absent_devices import META
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.devices import told_of_devices
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.global_generator import seeded
from priorkit.testing.strategies import sizes_and_seeds
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["CONDITIONS"]

_MANY = 64


def says_what_it_is(subject: ConditionSubject) -> None:
    """Its attributes have valid values, and agree with each other."""
    condition = subject.component()
    dim = getattr(condition, "dim", None)
    require(isinstance(dim, int) and dim >= 1, f"dim is {dim!r}, not a number of dimensions", "", "set self.dim >= 1")
    assert isinstance(dim, int)
    require(isinstance(condition.recovery, Recovery), f"recovery is {condition.recovery!r}, not a Recovery")
    weight = condition.recovery_weight
    require(math.isfinite(weight) and weight >= 0, f"recovery_weight is {weight}, not a finite number of at least 0")
    from_data = [
        name
        for name, said in (
            ("from_labels", condition.from_labels),
            ("seen_by_code_critic", condition.seen_by_code_critic),
            ("mismatched", condition.mismatched),
            ("interpolated", condition.interpolated),
            (f"recovery {condition.recovery.value}", condition.recovery in (Recovery.REAL, Recovery.BOTH)),
        )
        if said
    ]
    wrong = [
        (f"it has {condition.classes} classes and {dim} dimensions", not 0 <= condition.classes <= dim),
        ("from_labels is True, but classes is 0", condition.from_labels and not condition.classes),
        (
            f"from_labels is True, but it has {condition.classes} classes and the data has {subject.classes}",
            condition.from_labels and condition.classes != subject.classes,
        ),
        (f"it sets {' and '.join(from_data)}, but from_data is False", from_data and not condition.from_data),
        (
            "mismatched is True, but seen_by_image_critic is False",
            condition.mismatched and not condition.seen_by_image_critic,
        ),
        (
            f"interpolated is {condition.interpolated}, not a share from 0 to 1",
            not 0 <= condition.interpolated <= 1,
        ),
        (
            "interpolated is above 0, but seen_by_image_critic is False",
            condition.interpolated and not condition.seen_by_image_critic,
        ),
    ]
    for words, found in wrong:
        require(not found, words)


def conditions_come_from_the_generator(subject: ConditionSubject) -> None:
    """`draw` gives float32 (n, dim) from the given generator: the same for the same seed, other s for another."""
    condition = subject.component()

    for n, seed in sizes_and_seeds(subject.examples, subject.case.seed):
        with global_state_kept("draw"):
            drawn, again = subject.draw(condition, n, seed), subject.draw(condition, n, seed)
        require(
            tuple(drawn.shape) == (n, condition.dim) and drawn.dtype == torch.float32,
            f"draw({n}) is {drawn.dtype} of shape {tuple(drawn.shape)}, not float32 of shape ({n}, {condition.dim})",
            "class indices or other integers are drawn instead of vectors",
            "turn them into float32 vectors; classes into one-hot vectors",
        )
        require(torch.equal(drawn, again), "the same generator gives different conditions the second time")
    first, second = (subject.draw(condition, _MANY, seed) for seed in (1, 2))
    require(not torch.equal(first, second), "another seed gives the same conditions")
    with seeded(subject.case.seed):
        first, second = condition.draw(_MANY), condition.draw(_MANY)
    require(
        not torch.equal(first, second),
        "without a generator it draws the same conditions each time",
        "it seeds a generator itself",
        "pass `generator=generator` on, None included",
    )


def conditions_are_made_on_the_device(subject: ConditionSubject) -> None:
    """`draw` makes conditions on the requested device, by default the CPU."""
    condition = subject.component()
    require(condition.draw(2).device.type == "cpu", f"by default draw() is on {condition.draw(2).device}")
    condition.to(META)
    try:
        drawn = condition.draw(4, device=META)
    except Exception as error:
        told_of_devices("draw", error)
    require(drawn.is_meta, f"draw(4, device={str(META)!r}) is on {drawn.device}")


def classes_are_one_hot(subject: ConditionSubject) -> None:
    """Classes are one-hot; every class is drawn; and label k is dimension k."""
    condition = subject.component()
    if not condition.classes:
        raise NotApplicable("it has no classes")
    drawn = subject.draw(condition, 200 * condition.dim)[:, : condition.classes]
    require(
        bool(((drawn == 0) | (drawn == 1)).all() and (drawn.sum(dim=1) == 1).all()),
        f"classes is {condition.classes}, but draw returns rows such as {[round(x, 3) for x in drawn[0].tolist()]}",
    )
    never = (drawn.sum(dim=0) == 0).nonzero().flatten().tolist()
    require(
        not never,
        f"none of {len(drawn)} conditions has class {', '.join(map(str, never))}",
        "the upper bound of the drawn class indices is too low by one, or some classes have probability 0",
        "use torch.randint(classes, ...), which draws 0 to classes - 1",
    )
    if condition.from_labels:
        vectors, labels = condition.vectors(condition.entries(subject.train)), subject.train.labels
        require(
            labels is not None and torch.equal(vectors[:, : condition.classes].argmax(dim=1), labels),
            f"labels {None if labels is None else labels[:4].tolist()} become classes "
            f"{vectors.argmax(dim=1)[:4].tolist()}",
            "classes are numbered in another order, or from 1",
            "map class k of the data to dimension k",
        )


def images_bring_conditions(subject: ConditionSubject) -> None:
    """With `from_data`, each image has an entry, from which s is made; otherwise `entries` raises TypeError."""
    condition, images = subject.component(), subject.train
    if not condition.from_data:
        try:
            condition.entries(images)
        except TypeError:
            return
        raise Defect(
            "from_data is False, but entries returns a value",
            "from_data is not set",
            "set `from_data = True`, or do not implement `entries`",
        )
    entries = condition.entries(images)
    several = condition.several_entries and entries.ndim > 1 and len(entries) == len(images)
    good = (
        (several and condition.one_of(entries, torch.zeros(len(images))).shape[0] == len(images))
        or (entries.dtype == torch.int64 and entries.shape == (len(images),))
        or (entries.dtype == torch.float32 and entries.shape == (len(images), condition.dim))
    )
    require(
        good,
        f"entries of {len(images)} images are {entries.dtype} of shape {tuple(entries.shape)}, not int64 of shape "
        f"({len(images)},), nor float32 of shape ({len(images)}, {condition.dim})",
    )
    vectors = condition.vectors(condition.one_of(entries, torch.zeros(len(images))))
    require(
        tuple(vectors.shape) == (len(images), condition.dim) and vectors.dtype == torch.float32,
        f"vectors are {vectors.dtype} of shape {tuple(vectors.shape)}, not float32 of shape "
        f"({len(images)}, {condition.dim})",
        "`vectors` is not implemented; its default returns the entries unchanged",
        "turn labels into float32 vectors: override `vectors`",
    )
    some = torch.tensor([5, 0, 2])
    part = ImageSet(
        images.take(some),
        None if images.labels is None else images.labels[some],
        embeddings=None if images.embeddings is None else images.embeddings[some],
        captions=None if images.captions is None else images.captions.take(some),
    )
    of_part, of_all = condition.entries(part), entries[some]
    if several:
        # Rows of images with few captions are shorter.
        chances = torch.tensor([0.0, 0.5, 0.99])
        of_part, of_all = condition.one_of(of_part, chances), condition.one_of(of_all, chances)
    require(
        torch.equal(of_part, of_all),
        "an image's entry changes with the other images",
        "entries always come from the training images, or are computed over all given images",
        "compute each entry from its own image alone",
    )


def images_without_conditions_are_refused(subject: ConditionSubject) -> None:
    """Images without labels or embeddings are refused with a ValueError, if s is made from them."""
    condition = subject.component()
    if not condition.from_data:
        raise NotApplicable("its s does not come from the data")
    expected = condition.entries(subject.train)
    try:
        entries = condition.entries(ImageSet(subject.train.images))
    except ValueError as error:
        require(bool(str(error).strip()), "images without labels and embeddings are refused without a message")
        return
    except Exception as error:
        raise Defect(f"images without labels and embeddings end in {type(error).__name__}: {error}") from error
    # A condition may be computed from the pixels, which these images have.
    require(
        isinstance(entries, torch.Tensor) and torch.equal(entries, expected),
        f"for images without labels and embeddings, entries returns {'None' if entries is None else 'other entries'}",
    )


def loaded_conditions_draw_the_same(subject: ConditionSubject) -> None:
    """A condition built without images draws the same after it has loaded the state of a trained one."""
    trained = subject.built()
    try:
        loaded = subject.loaded()
    except ValueError as error:
        raise Defect(f"it cannot be built without images: {' '.join(str(error).split())}") from error
    loaded.load_state_dict(trained.state_dict())
    require(
        torch.equal(subject.draw(trained, _MANY), subject.draw(loaded, _MANY)),
        "after loading the state, it draws other conditions",
    )


CONDITIONS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute is missing, or was copied from another condition",
        "see the attributes of priorkit.interfaces.Condition",
    ),
    Check(
        "conditions_come_from_the_generator",
        conditions_come_from_the_generator,
        "the generator is ignored, or not passed to every call that draws",
        "pass `generator=generator` to torch.randint, torch.multinomial or torch.randn",
    ),
    Check(
        "conditions_are_made_on_the_device",
        conditions_are_made_on_the_device,
        "`device` is not passed to the function that draws",
        "pass `device=device` to torch.randint, torch.multinomial's weights or torch.randn",
    ),
    Check(
        "classes_are_one_hot",
        classes_are_one_hot,
        "`classes` is set although s is not a class, or vectors are probabilities",
        "use 1 at the class and 0 elsewhere, or leave `classes` at 0",
        required=False,
    ),
    Check(
        "images_bring_conditions",
        images_bring_conditions,
        "entries have the wrong dtype or shape",
        "return labels as int64 (N,), or vectors as float32 (N, dim)",
    ),
    Check(
        "images_without_conditions_are_refused",
        images_without_conditions_are_refused,
        "missing labels or embeddings are not checked for",
        "raise a ValueError if `images.labels` (or `images.embeddings`) is None",
        required=False,
    ),
    Check(
        "loaded_conditions_draw_the_same",
        loaded_conditions_draw_the_same,
        "the values that it draws from are a plain attribute, which is not saved, or have the training set's size",
        "keep them in a buffer whose shape depends on the options alone",
    ),
)
