"""Priors to check."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, Encoder, ImageSet, ImageShape, Learning, Prior
from priorkit.plugins import Options, PriorContext
from priorkit.testing.case import Case, Situations
from priorkit.testing.check import NotApplicable
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_ins import SmallCodeGenerator, SmallEncoder, SmallQuantiser, one_hot, random_images
from priorkit.testing.subject import Subject

__all__ = ["PriorSubject", "prior_subjects"]

_SHAPE = ImageShape(1, 16)
_SIZE = (1, 16, 16)


class OtherKind(NotApplicable):
    """The prior supports only other kinds of codes."""


class PriorSubject(Subject[Prior]):
    """A prior over codes of one space, with or without classes.

    Args:
        case: The component with its options.
        code_dim: Dimensions of a code.
        classes: Number of classes; 0 for none.
        vector_dim: Dimensions of a condition that is a vector; 0 for none.
        with_encoder: Whether the run has an encoder.
        codes: The space of the codes, of `code_dim` dimensions; vectors if None.
    """

    interface = Prior

    def __init__(
        self,
        case: Case,
        code_dim: int,
        classes: int = 0,
        *,
        vector_dim: int = 0,
        with_encoder: bool = True,
        codes: CodeSpace | None = None,
    ) -> None:
        variant = f" and {classes} classes" if classes else ""
        variant += f" and a condition of {vector_dim} dimensions" if vector_dim else ""
        variant += "" if with_encoder else " and no encoder"
        self.space = CodeSpace((code_dim,)) if codes is None else codes
        words = f"code_dim {code_dim}" if codes is None else f"codes that are {codes}"
        told_apart = "indices" if codes is not None and codes.kind is CodeKind.INDICES else ""
        # Maps are flattened, classes are vectors, and an encoder matters only for building: costly checks need not be
        # repeated for them.
        conditional = " and a condition" if classes or vector_dim else ""
        super().__init__(case, words + variant, f"{told_apart}{conditional}")
        self.code_dim = code_dim
        self.classes = classes
        self.condition_dim = classes or vector_dim
        with seeded(case.seed):
            self.encoder = _encoder_of(self.space, case.situations).eval() if with_encoder else None
        self.companions = () if self.encoder is None else (self.encoder,)

    def context(self) -> PriorContext:
        """Returns the space of the codes, with small networks and random images."""
        return PriorContext(
            self.code_dim,
            lambda noise_dim, condition_dim: SmallCodeGenerator(noise_dim + condition_dim, self.code_dim),
            condition_dim=self.condition_dim,
            encoder=self.encoder,
            images=lambda n: torch.zeros(n, *_SIZE) if self.loading else random_images(n, _SHAPE),
            train_count=100,
            classes=self.classes,
            training_images=lambda: ImageSet(random_images(100, _SHAPE).add(1).mul(127.5).byte()),
            codes=self.space,
        )

    def built(self, seed: int = 0, options: Options | None = None) -> Prior:
        """Returns a new prior, if it supports these codes.

        Raises:
            OtherKind: The prior supports only other kinds of codes.
            Refused: The prior refuses this situation.
            Unbuildable: Building raises another error, or returns an object of another type.
        """
        prior = super().built(seed, options)
        if self.space.kind not in prior.kinds:
            raise OtherKind(f"it is a prior of {' or '.join(kind.value for kind in prior.kinds)}")
        return prior

    @property
    def of_indices(self) -> bool:
        """Whether codes are indices."""
        return self.space.kind is CodeKind.INDICES

    def conditions(self, n: int) -> Tensor:
        """Returns conditions of all classes in turn, or different vectors: float32 (n, condition_dim)."""
        if self.classes:
            return one_hot(n, self.classes)
        places = torch.arange(n, dtype=torch.float32)[:, None] + torch.arange(self.condition_dim)
        return torch.sin(1.7 * places)

    def condition(self, prior: Prior, inputs: Inputs) -> Tensor | None:
        """Returns the condition among the inputs, if the prior takes one."""
        return inputs["condition"] if prior.takes_condition else None

    def codes(self, prior: Prior, noise: Tensor, condition: Tensor | None) -> Tensor:
        """Returns the prior's codes for noise, and a condition if there is one."""
        codes: Tensor = prior(noise) if condition is None else prior(noise, condition)
        return codes

    def density(self, prior: Prior, code: Tensor, condition: Tensor | None) -> Tensor:
        """Returns the prior's log-density of codes, given a condition if there is one."""
        return prior.log_prob(code) if condition is None else prior.log_prob(code, condition)

    @cached_property
    def _has_condition_loss(self) -> bool:
        """Whether the prior has a condition loss; determined on the CPU, whatever the device of the check."""
        with torch.no_grad():
            return self.built().condition_loss(self.conditions(2)) is not None

    def passes(self, component: Prior) -> Sequence[ForwardPass]:
        """Returns the pass from noise to codes, and those of densities, losses and responsibilities, if any."""
        prior = component

        passes = [
            ForwardPass(
                "forward",
                lambda inputs: self.codes(prior, inputs["noise"], self.condition(prior, inputs)),
                lambda n: (n, self.code_dim),
                dtype=torch.int64 if self.of_indices else torch.float32,
                trains=prior.learning not in (Learning.FIXED, Learning.PHASES, Learning.ALL_CODES),
            )
        ]
        if prior.has_density:
            passes.append(
                ForwardPass(
                    "log_prob",
                    lambda inputs: self.density(prior, inputs["code"], self.condition(prior, inputs)),
                    lambda n: (n,),
                    trains=prior.learning is Learning.LIKELIHOOD,
                    reaches=() if self.of_indices else ("code",),
                    zero_density=True,
                    float32=True,
                )
            )
        if prior.parameter_loss() is not None:
            passes.append(
                ForwardPass(
                    "parameter_loss",
                    lambda inputs: prior.parameter_loss(),  # type: ignore[arg-type, return-value]
                    lambda n: (),
                    mean=True,
                    whole_batch=True,
                    for_training=True,
                    trains=True,
                    float32=True,
                )
            )
        if prior.takes_condition and self._has_condition_loss:
            passes.append(
                ForwardPass(
                    "condition_loss",
                    lambda inputs: prior.condition_loss(inputs["condition"]),  # type: ignore[arg-type, return-value]
                    lambda n: (),
                    mean=True,
                    for_training=True,
                    trains=True,
                    float32=True,
                )
            )
        if prior.learning is Learning.CODES:
            passes.append(
                ForwardPass(
                    "code_loss",
                    lambda inputs: prior.code_loss(inputs["code"], inputs["code_noise"], self.condition(prior, inputs)),
                    lambda n: (),
                    mean=True,
                    for_training=True,
                    trains=True,
                    float32=True,
                )
            )
        if prior.clusters:
            passes.append(
                ForwardPass(
                    "responsibilities",
                    lambda inputs: prior.responsibilities(inputs["code"]),
                    lambda n: (n, prior.clusters),
                )
            )
        return passes

    def inputs(self, component: Prior, n: int, seed: int) -> Inputs:
        """Returns `noise` (n, ...), the prior's own `code` (n, code_dim), and a `condition` (n, condition_dim).

        For a prior that learns from codes, also `code_noise` (n, ...).
        """
        noise = component.noise(n, generator=torch.Generator().manual_seed(seed))
        condition = {"condition": self.conditions(n)} if self.condition_dim else {}
        with torch.no_grad():
            other = component.noise(n, generator=torch.Generator().manual_seed(seed ^ 1))
            code = self.codes(component, other, self.condition(component, condition))
        if component.learning is Learning.CODES:
            condition["code_noise"] = component.code_noise(n, generator=torch.Generator().manual_seed(seed ^ 2))
        return {"noise": noise, "code": code, **condition}

    def extreme_inputs(self, component: Prior) -> Sequence[tuple[str, Inputs]]:
        """Returns codes that are 0, tiny and large; or indices that are all the first or the last."""
        inputs = self.inputs(component, 16, self.case.seed)
        if self.of_indices:
            ends = (("the first entry everywhere", 0), ("the last entry everywhere", self.space.entries - 1))
            return [(words, {**inputs, "code": torch.full_like(inputs["code"], entry)}) for words, entry in ends]
        return [
            (words, {**inputs, "code": scale * inputs["code"]})
            for words, scale in (("codes of 0", 0.0), ("tiny codes", 1e-20), ("codes 10,000 times as large", 1e4))
        ]

    def draw(self, prior: Prior, n: int, seed: int, label: int | None = None) -> Tensor:
        """Draws `n` codes, all of class `label` if the prior takes a condition: (n, code_dim)."""
        condition = None if label is None else self.conditions(label + 1)[label].expand(n, -1)
        with torch.no_grad():
            return self.codes(prior, prior.noise(n, generator=torch.Generator().manual_seed(seed)), condition)

    def log_density(self, prior: Prior, codes: Tensor, label: int | None = None) -> Tensor:
        """Returns log-densities of many codes, float64 (N,), computed in parts that fit into memory."""
        found = []
        for piece in torch.split(codes, 16384):
            condition = None if label is None else self.conditions(label + 1)[label].expand(len(piece), -1)
            with torch.no_grad():
                found.append(self.density(prior, piece, condition).double())
        return torch.cat(found)


def _encoder_of(codes: CodeSpace, situations: Situations) -> Encoder:
    if situations.encoder is not None and codes.kind is not CodeKind.INDICES:
        return situations.encoder(codes.dim)
    return SmallQuantiser(codes, _SHAPE) if codes.kind is CodeKind.INDICES else SmallEncoder(codes.dim, _SHAPE)


def _is_of_another_kind(subject: PriorSubject) -> bool:
    """Returns whether the prior can be built, but supports only other kinds of codes."""
    try:
        subject.built()
    except OtherKind:
        return True
    except Exception:
        # The check `builds` reports the error.
        return False
    return False


def prior_subjects(case: Case) -> Iterator[PriorSubject]:
    """Yields a prior in each situation whose codes it supports; in all situations, if it supports none."""
    subjects, excluded = list(_all_subjects(case)), set[CodeKind]()
    for kind in {subject.space.kind for subject in subjects}:
        first = next(subject for subject in subjects if subject.space.kind is kind)
        if _is_of_another_kind(first):
            excluded.add(kind)
    for subject in subjects:
        if subject.space.kind not in excluded or len(excluded) == len(CodeKind):
            yield subject


def _all_subjects(case: Case) -> Iterator[PriorSubject]:
    code_dims, numbers = case.situations.code_dims, case.situations.classes
    for classes in numbers:
        for code_dim in code_dims:
            yield PriorSubject(case, code_dim, classes)
    for codes in case.situations.codes:
        for classes in numbers if codes.kind is CodeKind.INDICES else numbers[:1]:
            yield PriorSubject(case, codes.dim, classes, codes=codes)
    for code_dim in code_dims[:1]:
        if 0 in numbers:
            yield PriorSubject(case, code_dim, with_encoder=False)
        if any(numbers):
            yield PriorSubject(case, code_dim, vector_dim=4)
