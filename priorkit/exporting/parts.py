"""The parts of a trained model that are exported, as plain modules from tensors to tensors."""

from enum import Enum
from pathlib import Path

from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, CodeSpace, Encoder, Prior
from priorkit.models import Model

__all__ = ["DecoderPart", "EncoderPart", "Part", "PriorPart", "SamplerPart", "module_of", "part_named"]


class Part(Enum):
    """A part of a trained model that can be exported."""

    DECODER = "decoder"
    """From codes to images."""

    ENCODER = "encoder"
    """From images to codes."""

    PRIOR = "prior"
    """From noise, and a condition if the prior takes one, to codes."""

    SAMPLER = "sampler"
    """From noise to images: the prior followed by the decoder."""


def part_named(path: Path, name: str | None) -> Part:
    """Returns the part to export to a file.

    Args:
        path: The file, whose stem names the part by default: `decoder` for `decoder.onnx`.
        name: The part's name; None for the stem.

    Raises:
        ConfigurationError: No part has this name.
    """
    wanted = path.stem if name is None else name
    names = [part.value for part in Part]
    if wanted in names:
        return Part(wanted)
    listed = f"{', '.join(names[:-1])} or {names[-1]}"
    if name is None:
        raise ConfigurationError(
            f"{str(path)!r} does not say which part of the model to export: name it with --part (part= in Python), "
            f"{listed}, or name the file after it, such as {f'decoder{path.suffix}'!r}"
        )
    raise ConfigurationError(f"a model has no part {name!r} that can be exported: the part must be {listed}")


class EncoderPart(nn.Module):
    """The encoder, from images (N, C, H, W) to codes in their own shape (N, ...).

    Args:
        encoder: The encoder.
        codes: The space of its codes; for indices, the part returns indices.
    """

    def __init__(self, encoder: Encoder, codes: CodeSpace) -> None:
        super().__init__()
        self.encoder = encoder
        self.shape = codes.shape
        self.indices = codes.kind is CodeKind.INDICES

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Returns the posteriors' means; draws from the posteriors, if given noise (N, code_dim); or indices."""
        posterior = self.encoder(images, noise)
        codes: Tensor | None = posterior.mean if noise is None else posterior.code
        if self.indices:
            codes = posterior.indices
        assert codes is not None, "an encoder of indices returns indices"
        return codes.view(-1, *self.shape)


class DecoderPart(nn.Module):
    """The decoder, from codes in their own shape (N, ...) to images (N, C, H, W).

    Args:
        decoder: The decoder.
        encoder: The encoder, which turns indices into the decoder's inputs; None in a model without an encoder.
    """

    def __init__(self, decoder: nn.Module, encoder: Encoder | None) -> None:
        super().__init__()
        self.decoder = decoder
        self.encoder = encoder

    def forward(self, codes: Tensor) -> Tensor:
        """Returns images in [-1, 1]."""
        flat = codes.flatten(1)
        images: Tensor = self.decoder(flat if self.encoder is None else self.encoder.embed(flat))
        return images


class PriorPart(nn.Module):
    """The prior, from noise (N, ...), and a condition (N, dim) if it takes one, to codes in their own shape (N, ...).

    Args:
        prior: The prior.
        codes: The space of its codes.
    """

    def __init__(self, prior: Prior, codes: CodeSpace) -> None:
        super().__init__()
        self.prior = prior
        self.shape = codes.shape

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the prior's codes."""
        codes: Tensor = self.prior(noise) if condition is None else self.prior(noise, condition)
        return codes.view(-1, *self.shape)


class SamplerPart(nn.Module):
    """The prior followed by the decoder, from noise (N, ...), and a condition (N, dim) if it takes one, to images.

    Args:
        prior: The prior.
        decoder: The decoder, for the prior's codes.
    """

    def __init__(self, prior: PriorPart, decoder: DecoderPart) -> None:
        super().__init__()
        self.prior = prior
        self.decoder = decoder

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.decoder(self.prior(noise, condition))
        return images


def module_of(model: Model, part: Part, *, codes_from_prior: bool = True) -> nn.Module:
    """Returns a part of a model as a module from tensors to tensors, which shares the model's networks.

    Args:
        model: The model.
        part: The part.
        codes_from_prior: For a decoder, whether it is for the prior's codes or the encoder's: its batch norm has
            separate statistics for these.

    Raises:
        ConfigurationError: The model has no such part.
    """
    if part is Part.ENCODER:
        if model.encoder is None:
            raise ConfigurationError(
                "this run has no encoder to export: it was trained with --encoder none, and can only sample; export "
                "its decoder, prior or sampler"
            )
        return EncoderPart(model.encoder, model.code_space)
    if part is Part.DECODER:
        return DecoderPart(model.decoder if codes_from_prior else model.reconstruction_decoder, model.encoder)
    prior = PriorPart(model.prior, model.code_space)
    return prior if part is Part.PRIOR else SamplerPart(prior, DecoderPart(model.decoder, model.encoder))
