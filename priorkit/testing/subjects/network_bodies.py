"""Encoder bodies and decoders of families of networks to check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from priorkit.interfaces import ImageShape, Networks
from priorkit.plugins import NetworksContext
from priorkit.testing.case import Case
from priorkit.testing.check import Refused, Unbuildable
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded
from priorkit.testing.stand_ins import random_images
from priorkit.testing.subject import Subject

__all__ = [
    "CLASSES",
    "CODE_DIM",
    "MAP",
    "DecoderSubject",
    "EncoderBodySubject",
    "MapDecoderSubject",
    "MapEncoderSubject",
    "NetworksSubject",
]

CODE_DIM = 6
MAP = (3, 4)
"""Channels, and side length, of codes that are maps."""
CLASSES = 3


class NetworksSubject(Subject[nn.Module]):
    """One part of a family of networks, for one image shape.

    Attributes:
        words: The part, in words.
        optional: Whether a family need not have the part.
        takes_codes: Whether the part takes codes instead of images.

    Args:
        case: The component with its options.
        shape: The images' shape.
    """

    interface = nn.Module
    may_drop_out = True
    words: ClassVar[str]
    optional: ClassVar[bool] = False
    takes_codes: ClassVar[bool] = False

    def __init__(self, case: Case, shape: ImageShape) -> None:
        images = f"images of shape ({shape.channels}, {shape.size}, {shape.size})"
        super().__init__(case, f"the {self.words} for {images}", variant=self.words)
        self.shape = shape

    def context(self) -> NetworksContext:
        """Returns the images' shape."""
        return NetworksContext(self.shape)

    def take(self, networks: Networks) -> nn.Module:
        """Returns the part of a family."""
        raise NotImplementedError

    def part(self, made: object) -> nn.Module:
        """Returns the part of the family that the plug-in builds.

        Raises:
            Unbuildable: The plug-in builds another type.
        """
        if not isinstance(made, Networks):
            raise Unbuildable(
                f"it builds a {type(made).__name__}, not Networks",
                "`build` returns the wrong object, or the class does not derive from the interface",
                "derive from priorkit.interfaces.Networks",
            )
        return self.take(made)

    def family(self) -> Networks:
        """Returns the whole family.

        Raises:
            Refused: The plug-in refuses this shape.
            Unbuildable: The plug-in builds another type.
        """
        with seeded(self.case.seed):
            try:
                made = self.case.build(self.context())
            except ValueError as error:
                raise Refused(f"it refuses {self.situation}: {' '.join(str(error).split())}") from error
        if not isinstance(made, Networks):
            self.part(made)
        family: Networks = made
        return family

    def inputs(self, component: nn.Module, n: int, seed: int) -> Inputs:
        """Returns `image` (n, C, H, W), or `code` (n, CODE_DIM)."""
        if self.takes_codes:
            return {"code": torch.randn(n, CODE_DIM, generator=torch.Generator().manual_seed(seed))}
        return {"image": self._images(n, seed)}

    def _images(self, n: int, seed: int) -> Tensor:
        return random_images(n, self.shape, seed)

    def _blank_images(self, inputs: Inputs) -> Sequence[tuple[str, Inputs]]:
        image = inputs["image"]
        named = (("black images", -1.0), ("grey images", 0.0), ("white images", 1.0))
        return [(words, {**inputs, "image": torch.full_like(image, value)}) for words, value in named]

    def extreme_inputs(self, component: nn.Module) -> Sequence[tuple[str, Inputs]]:
        """Returns blank images; or codes that are 0, tiny and large."""
        inputs = self.inputs(component, 8, self.case.seed)
        if "image" in inputs:
            return self._blank_images(inputs)
        named = (("codes of 0", 0.0), ("tiny codes", 1e-20), ("large codes", 1e3))
        return [(words, {"code": scale * inputs["code"]}) for words, scale in named]


class EncoderBodySubject(NetworksSubject):
    """The encoder's body."""

    words = "encoder"

    def take(self, networks: Networks) -> nn.Module:
        """From images to (N, CODE_DIM)."""
        return networks.encoder(CODE_DIM)

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From images to codes."""
        return [
            ForwardPass(
                "encoder",
                lambda inputs: component(inputs["image"]),
                lambda n: (n, CODE_DIM),
                trains=True,
                reaches=("image",),
            )
        ]


class DecoderSubject(NetworksSubject):
    """The decoder."""

    words = "decoder"
    takes_codes = True

    def take(self, networks: Networks) -> nn.Module:
        """From codes (N, CODE_DIM) to images."""
        return networks.decoder(CODE_DIM)

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From codes to images."""
        return [
            ForwardPass(
                "decoder",
                lambda inputs: component(inputs["code"]),
                lambda n: (n, self.shape.channels, self.shape.size, self.shape.size),
                trains=True,
                reaches=("code",),
            )
        ]


class MapEncoderSubject(EncoderBodySubject):
    """The body of an encoder of maps."""

    words = "encoder of maps"
    optional = True

    def take(self, networks: Networks) -> nn.Module:
        """From images to maps."""
        return networks.map_encoder(*MAP)

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From images to maps."""
        [one] = super().passes(component)
        return [replace(one, name="map_encoder", shape=lambda n: (n, MAP[0], MAP[1], MAP[1]))]


class MapDecoderSubject(DecoderSubject):
    """The decoder of maps."""

    words = "decoder of maps"
    optional = True

    def take(self, networks: Networks) -> nn.Module:
        """From maps to images."""
        return networks.map_decoder(*MAP)

    def passes(self, component: nn.Module) -> Sequence[ForwardPass]:
        """From maps to images."""
        [one] = super().passes(component)
        return [replace(one, name="map_decoder")]

    def inputs(self, component: nn.Module, n: int, seed: int) -> Inputs:
        """`code` (n, channels, size, size)."""
        generator = torch.Generator().manual_seed(seed)
        return {"code": torch.randn(n, MAP[0], MAP[1], MAP[1], generator=generator)}
