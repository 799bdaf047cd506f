"""Encoders to check."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from priorkit.interfaces import CodeKind, CodeSpace, Encoder, ImageShape, Posterior
from priorkit.plugins import EncoderContext
from priorkit.testing.case import Case
from priorkit.testing.check import Absent, Defect
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.stand_in_networks import SmallNetworks
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import Subject

__all__ = ["EncoderSubject", "encoder_subjects"]


class EncoderSubject(Subject[Encoder]):
    """An encoder for images of one shape and codes of one space.

    Args:
        case: The component with its options.
        codes: The requested space of the codes: vectors or maps.
        shape: The images' shape.
    """

    interface = Encoder
    may_drop_out = True

    def __init__(self, case: Case, codes: CodeSpace, shape: ImageShape) -> None:
        vectors = codes.kind is CodeKind.VECTOR
        words = f"code_dim {codes.dim}" if vectors else f"codes that are {codes}"
        super().__init__(
            case,
            f"{words} and images of shape ({shape.channels}, {shape.size}, {shape.size})",
            "" if vectors else codes.kind.value,
        )
        self.codes = codes
        self.code_dim = codes.dim
        self.shape = shape

    def context(self) -> EncoderContext:
        """Returns small networks, and the dimensions of a code."""
        return EncoderContext(SmallNetworks(self.shape), self.code_dim, codes=self.codes)

    def part(self, made: object) -> Encoder:
        """Returns the encoder.

        Raises:
            Absent: The plug-in builds None: there is no encoder.
        """
        if made is None:
            raise Absent("it builds None: there is no encoder")
        return made  # type: ignore[return-value]

    def posterior(self, encoder: Encoder, image: Tensor, noise: Tensor | None) -> Posterior:
        """Returns the posterior of images.

        Raises:
            Defect: The encoder returns another type.
        """
        made = encoder(image, noise)
        if not isinstance(made, Posterior):
            raise Defect(
                f"forward returns a {type(made).__name__}, not a Posterior",
                "it returns the code alone",
                "return priorkit.interfaces.Posterior(code, mean, log_variance)",
            )
        return made

    def passes(self, component: Encoder) -> Sequence[ForwardPass]:
        """Returns the passes from images and noise to the posterior, its log-density and its additional terms."""

        def call(inputs: Inputs) -> dict[str, Tensor]:
            found = self.posterior(component, inputs["image"], inputs["noise"])
            spread = {} if found.log_variance is None else {"log_variance": found.log_variance}
            return {"code": found.code, "mean": found.mean, **spread}

        return [
            ForwardPass("posterior", call, lambda n: (n, self.code_dim), trains=True, reaches=("image",)),
            ForwardPass(
                "log_prob",
                lambda inputs: _given(log_prob=self.posterior(component, inputs["image"], inputs["noise"]).log_prob),
                lambda n: (n,),
                trains=True,
                zero_density=True,
                float32=True,
            ),
            ForwardPass(
                "terms",
                lambda inputs: dict(self.posterior(component, inputs["image"], inputs["noise"]).terms),
                lambda n: (),
                mean=True,
                whole_batch=component.needs_whole_batch,
                for_training=True,
                trains=True,
                float32=True,
            ),
            ForwardPass(
                "code without noise",
                lambda inputs: self.posterior(component, inputs["image"], None).code,
                lambda n: (n, self.code_dim),
                reaches=("image",),
            ),
        ]

    def inputs(self, component: Encoder, n: int, seed: int) -> Inputs:
        """Returns `image` (n, C, H, W) and `noise` (n, code_dim)."""
        noise = torch.randn(n, self.code_dim, generator=torch.Generator().manual_seed(seed ^ 1))
        return {"image": random_images(n, self.shape, seed), "noise": noise}

    def extreme_inputs(self, component: Encoder) -> Sequence[tuple[str, Inputs]]:
        """Returns blank images, and noise that is 0 or large."""
        inputs = self.inputs(component, 8, self.case.seed)
        named = (("black images", -1.0), ("grey images", 0.0), ("white images", 1.0))
        blank = [(words, {**inputs, "image": torch.full_like(inputs["image"], value)}) for words, value in named]
        noisy = (("noise of 0", 0.0), ("large noise", 100.0))
        noise = inputs["noise"]
        # Normal noise beyond 6 does not occur in runs.
        return [*blank, *((words, {**inputs, "noise": (scale * noise).clamp(-6, 6)}) for words, scale in noisy)]


def _given(**tensors: Tensor | None) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def encoder_subjects(case: Case) -> Iterator[EncoderSubject]:
    """Yields an encoder for each shape of images and space of codes."""
    for shape in case.situations.shapes:
        for code_dim in case.situations.code_dims:
            yield EncoderSubject(case, CodeSpace((code_dim,)), shape)
    for shape in case.situations.shapes[:1]:
        for codes in case.situations.codes:
            if codes.kind is CodeKind.MAP:
                yield EncoderSubject(case, codes, shape)
