"""What is special to conditions: how they are drawn, what images bring, and how well Q recovers them."""

import math

import torch

from priorkit.interfaces import ImageSet, Recovery
from priorkit.testing.absent_devices import META
from priorkit.testing.check import Check, Defect, NotApplicable, require
from priorkit.testing.checks.devices import told_of_devices
from priorkit.testing.checks.randomness import global_state_kept
from priorkit.testing.strategies import sizes_and_seeds
from priorkit.testing.subjects.condition import ConditionSubject

__all__ = ["CONDITIONS"]

_MANY = 64


def says_what_it_is(subject: ConditionSubject) -> None:
    """Its attributes are possible, and agree with each other."""
    condition = subject.component()
    dim = getattr(condition, "dim", None)
    require(isinstance(dim, int) and dim >= 1, f"dim is {dim!r}, not a number of dimensions", "", "set self.dim")
    assert isinstance(dim, int)
    require(isinstance(condition.recovery, Recovery), f"recovery is {condition.recovery!r}, not a Recovery")
    weight = condition.recovery_weight
    require(math.isfinite(weight) and weight >= 0, f"recovery_weight is {weight}, not a number from 0 on")
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
        ("from_labels is True, and classes is 0", condition.from_labels and not condition.classes),
        (
            f"from_labels is True, and it has {condition.classes} classes where the data has {subject.classes}",
            condition.from_labels and condition.classes != subject.classes,
        ),
        (f"it says {' and '.join(from_data)}, and from_data is False", from_data and not condition.from_data),
        (
            "it says mismatched, and seen_by_image_critic is False",
            condition.mismatched and not condition.seen_by_image_critic,
        ),
        (
            f"interpolated is {condition.interpolated}, not a share from 0 to 1",
            not 0 <= condition.interpolated <= 1,
        ),
        (
            "it says interpolated, and seen_by_image_critic is False",
            condition.interpolated and not condition.seen_by_image_critic,
        ),
    ]
    for words, found in wrong:
        require(not found, words)


def conditions_come_from_the_generator(subject: ConditionSubject) -> None:
    """`draw` gives float32 (n, dim) from the generator that it is given: the same again, others for another seed."""
    condition = subject.component()

    for n, seed in sizes_and_seeds(subject.examples, subject.case.seed):
        with global_state_kept("draw"):
            drawn, again = subject.draw(condition, n, seed), subject.draw(condition, n, seed)
        require(
            tuple(drawn.shape) == (n, condition.dim) and drawn.dtype == torch.float32,
            f"draw({n}) is {drawn.dtype} of shape {tuple(drawn.shape)}, not float32 of shape ({n}, {condition.dim})",
            "class indices or integers are drawn instead of vectors",
            "turn them into float32 vectors; classes into one-hot ones",
        )
        require(torch.equal(drawn, again), "the same generator gives other conditions the second time")
    first, second = (subject.draw(condition, _MANY, seed) for seed in (1, 2))
    require(not torch.equal(first, second), "another seed gives the same conditions")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(subject.case.seed)
        first, second = condition.draw(_MANY), condition.draw(_MANY)
    require(
        not torch.equal(first, second),
        "without a generator it draws the same conditions each time",
        "it seeds a generator itself",
        "pass `generator=generator` on, None included",
    )


def conditions_are_made_on_the_device(subject: ConditionSubject) -> None:
    """`draw` makes conditions on the device that it is asked for, and on the CPU by default."""
    condition = subject.component()
    require(condition.draw(2).device.type == "cpu", f"by default draw() is on {condition.draw(2).device}")
    condition.to(META)
    try:
        drawn = condition.draw(4, device=META)
    except Exception as error:
        told_of_devices("draw", error)
    require(drawn.is_meta, f"draw(4, device={str(META)!r}) is on {drawn.device}")


def classes_are_one_hot(subject: ConditionSubject) -> None:
    """Where s says a class, it is one-hot; every class is drawn; and class k of the labels is dimension k."""
    condition = subject.component()
    if not condition.classes:
        raise NotApplicable("it has no classes")
    drawn = subject.draw(condition, 200 * condition.dim)[:, : condition.classes]
    require(
        bool(((drawn == 0) | (drawn == 1)).all() and (drawn.sum(dim=1) == 1).all()),
        f"classes is {condition.classes}, and draw gives rows such as {[round(x, 3) for x in drawn[0].tolist()]}",
    )
    never = (drawn.sum(dim=0) == 0).nonzero().flatten().tolist()
    require(
        not never,
        f"of {len(drawn)} conditions none is of class {', '.join(map(str, never))}",
        "the upper end of the drawn class indices is one too low, or some classes have no share",
        "torch.randint(classes, ...) draws 0 to classes - 1",
    )
    if condition.from_labels:
        vectors, labels = condition.vectors(condition.entries(subject.train)), subject.train.labels
        require(
            labels is not None and torch.equal(vectors[:, : condition.classes].argmax(dim=1), labels),
            f"labels {None if labels is None else labels[:4].tolist()} become classes "
            f"{vectors.argmax(dim=1)[:4].tolist()}",
            "classes are numbered in another order, or from 1",
            "the data's class k is dimension k",
        )


def images_bring_conditions(subject: ConditionSubject) -> None:
    """With `from_data`, each image brings an entry of its own, and entries become s; otherwise none is to be had."""
    condition, images = subject.component(), subject.train
    if not condition.from_data:
        try:
            condition.entries(images)
        except TypeError:
            return
        raise Defect(
            "from_data is False, and entries gives something",
            "from_data was forgotten",
            "set `from_data = True`, or leave `entries` alone",
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
        "`vectors` is not implemented, and gives the entries as they are",
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
        # Those of images with few captions end where theirs do.
        chances = torch.tensor([0.0, 0.5, 0.99])
        of_part, of_all = condition.one_of(of_part, chances), condition.one_of(of_all, chances)
    require(
        torch.equal(of_part, of_all),
        "an image's entry is another among other images",
        "entries are those of the training images, whichever images are given, or are computed over all of them",
        "read the entries from the images that are given",
    )


def images_without_conditions_are_refused(subject: ConditionSubject) -> None:
    """Images that bring nothing of the kind are refused by a ValueError."""
    condition = subject.component()
    if not condition.from_data:
        raise NotApplicable("its s does not come from the data")
    expected = condition.entries(subject.train)
    try:
        entries = condition.entries(ImageSet(subject.train.images))
    except ValueError as error:
        require(bool(str(error).strip()), "images without what it needs are refused without a word")
        return
    except Exception as error:
        raise Defect(f"images without labels and embeddings end in {type(error).__name__}: {error}") from error
    # A condition may be computed from the pixels, which are all there.
    require(
        isinstance(entries, torch.Tensor) and torch.equal(entries, expected),
        f"of images without labels and embeddings it makes {'None' if entries is None else 'other entries'}",
    )


def loaded_conditions_draw_the_same(subject: ConditionSubject) -> None:
    """One of a trained run, built without images, draws the same once it has loaded its state."""
    trained = subject.built()
    try:
        loaded = subject.loaded()
    except ValueError as error:
        raise Defect(f"built without images it is refused: {' '.join(str(error).split())}") from error
    loaded.load_state_dict(trained.state_dict())
    require(
        torch.equal(subject.draw(trained, _MANY), subject.draw(loaded, _MANY)),
        "after its state was loaded it draws other conditions",
    )


CONDITIONS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute was forgotten, or copied from another condition",
        "see the attributes of priorkit.interfaces.Condition",
    ),
    Check(
        "conditions_come_from_the_generator",
        conditions_come_from_the_generator,
        "the generator is ignored, or not passed on to every call that draws",
        "pass `generator=generator` to torch.randint, torch.multinomial or torch.randn",
    ),
    Check(
        "conditions_are_made_on_the_device",
        conditions_are_made_on_the_device,
        "`device` is not passed on to what draws",
        "pass `device=device` to torch.randint, torch.multinomial's weights or torch.randn",
    ),
    Check(
        "classes_are_one_hot",
        classes_are_one_hot,
        "`classes` is set for an s that is no class, or vectors are probabilities",
        "give 1 at the class and 0 elsewhere, or leave `classes` at 0",
        required=False,
    ),
    Check(
        "images_bring_conditions",
        images_bring_conditions,
        "entries have another dtype or shape",
        "give labels as int64 (N,), or vectors as float32 (N, dim)",
    ),
    Check(
        "images_without_conditions_are_refused",
        images_without_conditions_are_refused,
        "what the images bring is not looked at",
        "raise a ValueError where `images.labels` (or `images.embeddings`) is None",
        required=False,
    ),
    Check(
        "loaded_conditions_draw_the_same",
        loaded_conditions_draw_the_same,
        "what it draws from is a plain attribute, whose value is not saved, or has the training set's size",
        "keep what is drawn from in a buffer whose shape the options decide",
    ),
)
