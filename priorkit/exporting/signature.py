"""The inputs and the output of an exported part: names, shapes, types, ranges; and inputs to try the part on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from priorkit.errors import ConfigurationError
from priorkit.exporting.noise_law import noise_law
from priorkit.exporting.parts import Part
from priorkit.interfaces import CodeKind
from priorkit.models import Model

__all__ = ["Signature", "TensorDescription", "draw_inputs", "signature_of"]


@dataclass(frozen=True)
class TensorDescription:
    """An input or the output of an exported part.

    Attributes:
        name: Its name in the file.
        dtype: `float32` or `int64`.
        shape: Its shape without the batch, which is the first dimension and has any size of at least 1.
        meaning: A description for people.
        more: Further information for programs: `range`, the least and the greatest value, or `distribution`, the spans
            of the noise along the last axis, each with one distribution.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    meaning: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        about = {"name": self.name, "dtype": self.dtype, "shape": ["batch", *self.shape], "meaning": self.meaning}
        return {**about, **self.more}


@dataclass(frozen=True)
class Signature:
    """The inputs of an exported part, in order, and its output."""

    inputs: tuple[TensorDescription, ...]
    output: TensorDescription


def signature_of(model: Model, part: Part, *, noise: bool = False) -> Signature:
    """Returns the signature of a model's part.

    Args:
        model: The model.
        part: The part, which the model must have.
        noise: For an encoder, whether it takes noise and returns draws from its posteriors.

    Raises:
        ConfigurationError: The part takes no such noise.
    """
    if noise and (part is not Part.ENCODER or model.encoder is None or not model.encoder.stochastic):
        what = "this run's encoder draws nothing" if part is Part.ENCODER else f"the {part.value} is not an encoder"
        raise ConfigurationError(f"--noise (noise=True in Python) lets an encoder draw codes, but {what}; leave it out")
    images, codes = _images(model), _codes(model, means=not noise)
    if part is Part.DECODER:
        return Signature((codes,), images)
    if part is Part.ENCODER:
        return Signature((images, _posterior_noise(model)) if noise else (images,), codes)
    inputs = [_prior_noise(model)]
    if model.condition is not None and model.prior.takes_condition:
        inputs.append(_condition(model))
    return Signature(tuple(inputs), codes if part is Part.PRIOR else images)


def draw_inputs(model: Model, signature: Signature, n: int, seed: int) -> tuple[Tensor, ...]:
    """Draws `n` inputs of a part, on the CPU: noise and conditions from the model; images and codes at random.

    Args:
        model: The model.
        signature: The part's signature.
        n: Size of the batch.
        seed: Seed of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for item in signature.inputs:
        size = (n, *item.shape)
        if item.name == "condition":
            assert model.condition is not None, "the condition is among the inputs"
            drawn.append(model.condition.draw(n, generator=generator).cpu())
        elif item.name == "noise" and signature.inputs[0] is item:
            drawn.append(model.prior.noise(n, generator=generator))
        elif item.dtype == "int64":
            drawn.append(torch.randint(model.code_space.entries, size, generator=generator))
        elif item.name == "images":
            drawn.append(2 * torch.rand(size, generator=generator) - 1)
        else:
            drawn.append(torch.randn(size, generator=generator))
    return tuple(drawn)


def _images(model: Model) -> TensorDescription:
    shape = (model.shape.channels, model.shape.size, model.shape.size)
    colours = "grey" if model.shape.channels == 1 else "red, green, blue"
    meaning = f"images: channels ({colours}), height, width; -1 is black, 1 white"
    return TensorDescription("images", "float32", shape, meaning, {"range": [-1, 1]})


def _codes(model: Model, *, means: bool) -> TensorDescription:
    space = model.code_space
    if space.kind is CodeKind.INDICES:
        last = space.entries - 1
        meaning = f"codes: indices of entries in a codebook, 0 to {last}"
        return TensorDescription("codes", "int64", space.shape, meaning, {"range": [0, last]})
    what = "vectors" if space.kind is CodeKind.VECTOR else "maps: channels, height, width"
    draws = "" if means else ", drawn from the encoder's posteriors"
    return TensorDescription("codes", "float32", space.shape, f"codes: {what}{draws}")


def _prior_noise(model: Model) -> TensorDescription:
    law = noise_law(model.prior)
    return TensorDescription(
        "noise", "float32", law.shape, f"the prior's noise: {law}", {"distribution": law.as_data()}
    )


def _posterior_noise(model: Model) -> TensorDescription:
    assert model.encoder is not None, "only encoders have such noise"
    spans = [{"start": 0, "stop": model.encoder.code_dim, "distribution": "normal"}]
    meaning = "the posterior's noise: standard normal"
    return TensorDescription("noise", "float32", (model.encoder.code_dim,), meaning, {"distribution": spans})


def _condition(model: Model) -> TensorDescription:
    condition = model.condition
    assert condition is not None, "only conditions are described here"
    rest = condition.dim - condition.classes
    if condition.classes:
        meaning = f"the class, one-hot{f', and {rest} numbers around 0 after it' if rest else ''}"
    else:
        meaning = "the condition s: a vector, such as those of the run's images"
    return TensorDescription("condition", "float32", (condition.dim,), meaning)
