"""The trained model, which samples, encodes and decodes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import repeat

import torch
from torch import Tensor

from priorkit.engine import Precision, seed_for
from priorkit.engine.evaluation_mode import evaluating
from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, Condition
from priorkit.models.evaluation_networks import EvaluationNetworks
from priorkit.models.system import BuiltSystem

__all__ = ["Model"]

_NO_CONDITION = (
    "this run has no condition: it was trained with --condition none; train one with --condition labels or categorical"
)
_CHUNK = 500
"""Images computed at a time. Fixed, so that the same seed gives the same samples, whatever their number."""


class Model:
    """An encoder, a decoder and a prior, ready to use.

    Args:
        system: The components.
        precision: The precision and device of computations.
        networks: The system's networks for evaluation.

    Attributes:
        shape: The images' shape.
        code_space: The space of the codes: vectors, maps or indices. All methods take and return flat codes.
        encoder: enc; None in a run without an encoder (a GAN).
        decoder: dec, for the prior's codes.
        reconstruction_decoder: dec, for the encoder's codes: the same weights with other batch-norm statistics.
        prior: p(code).
        condition: The condition of images, or None.
        image_critic: D_I, or None.
        recogniser: The head of Q, whose trunk is D_I's, or None.
        loss: L_rec, or None.
    """

    def __init__(self, system: BuiltSystem, precision: Precision, networks: EvaluationNetworks) -> None:
        self.shape = system.shape
        self.code_space = system.codes
        self.encoder = networks.encoder
        self.decoder = networks.decoder
        self.reconstruction_decoder = networks.reconstruction_decoder
        self.prior = networks.prior
        self.condition = system.condition
        self.image_critic = networks.image_critic
        self.recogniser = networks.recogniser
        self.loss = system.loss
        self.precision = precision

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.precision.device

    @property
    def classes(self) -> int:
        """Number of classes on which images are conditioned; 0 without a condition, or with another kind."""
        return self.condition.classes if self.condition is not None else 0

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Inside this context, networks are in evaluation mode, in the model's precision, without gradients."""
        modules = (self.encoder, self.decoder, self.reconstruction_decoder, self.prior, self.image_critic)
        with ExitStack() as stack:
            stack.enter_context(evaluating(*(each for each in (*modules, self.recogniser) if each is not None)))
            stack.enter_context(self.precision.autocast())
            yield

    def conditions(self, n: int, seed: int = 0) -> Tensor:
        """Draws the conditioning vectors s of `n` images, float32 (n, dim), on the device; the same for the same seed.

        Raises:
            ConfigurationError: The run has no condition.
        """
        if self.condition is None:
            raise ConfigurationError(_NO_CONDITION)
        generator = torch.Generator().manual_seed(seed_for(seed, "condition"))
        chunks = range(0, n, _CHUNK)
        drawn = [self.condition.draw(_CHUNK, generator=generator) for _ in chunks]
        return torch.cat(drawn)[:n].to(self.device)

    def class_conditions(self, labels: Tensor) -> Tensor:
        """The s of classes: one-hot, and 0 in all further dimensions: float32 (N, dim), on the device.

        Args:
            labels: Class indices, int64 (N,).

        Raises:
            ConfigurationError: The run's images are not conditioned on classes.
            ValueError: There is no such class.
        """
        if not self.classes:
            raise ConfigurationError(
                _NO_CONDITION
                if self.condition is None
                else "this run's images are conditioned on vectors, not on classes"
            )
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            raise ValueError(
                f"classes must be from 0 to {self.classes - 1}, not from {int(labels.min())} to {int(labels.max())}"
            )
        assert self.condition is not None, "what has classes is a condition"
        return torch.eye(self.classes, self.condition.dim)[labels.cpu()].to(self.device)

    def text_conditions(self, texts: Sequence[str]) -> Tensor:
        """The s of texts, float32 (N, dim), on the device.

        Raises:
            ConfigurationError: The run's images are not conditioned on texts, or a text has no known word.
        """
        condition = self.reading_condition()
        try:
            return condition.of_texts(texts).to(self.device)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None

    def reading_condition(self) -> Condition:
        """The condition, which reads texts.

        Raises:
            ConfigurationError: The run's images are not conditioned on texts.
        """
        if self.condition is None or not self.condition.reads_text:
            raise ConfigurationError(
                "this run's images are not conditioned on texts: train one with --condition text, on captioned images"
            )
        return self.condition

    def codes(self, n: int, seed: int = 0, condition: Tensor | None = None) -> Tensor:
        """Draws `n` codes from the prior: float32 (n, code_dim) on the device; int64 where they are indices.

        The same seed gives the same codes.

        Args:
            n: Number of codes.
            seed: Seed of the noise, and of a drawn condition.
            condition: s, shape (n, dim), if the run has a condition; drawn if None.

        Raises:
            ConfigurationError: A condition is given, but the run has none.
            ValueError: The condition has another shape.
        """
        if self.condition is not None and condition is None:
            condition = self.conditions(n, seed)
        self._check_condition(condition, n)
        parts = torch.split(condition, _CHUNK) if condition is not None else repeat(None)
        with self.ready():
            return torch.cat(
                [self._prior_codes(noise, part) for noise, part in zip(self._noise(n, seed), parts, strict=False)]
            )

    def noise(self, n: int, seed: int = 0) -> Tensor:
        """The noise of `n` codes of `codes`: float32 (n, ...) on the device, determined by the seed."""
        return torch.cat(list(self._noise(n, seed)))

    def codes_of(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The prior's codes of given noise: float32 (N, code_dim) on the device.

        Args:
            noise: Shape (N, ...), as `noise` returns it.
            condition: s, shape (N, dim), if the run has a condition.

        Raises:
            ConfigurationError: A condition is given, but the run has none, or the other way round.
            ValueError: The condition has another shape.
        """
        if self.condition is not None and condition is None:
            raise ConfigurationError("this run has a condition: give one for each code, as `conditions` draws them")
        self._check_condition(condition, len(noise))
        with self.ready():
            parts = torch.split(condition, _CHUNK) if condition is not None else repeat(None)
            pairs = zip(torch.split(noise, _CHUNK), parts, strict=False)
            return torch.cat([self._prior_codes(part.to(self.device), given) for part, given in pairs])

    def _check_condition(self, condition: Tensor | None, n: int) -> None:
        if condition is None:
            return
        if self.condition is None:
            raise ConfigurationError(_NO_CONDITION)
        if condition.shape != (n, self.condition.dim):
            raise ValueError(
                f"the condition must have the shape ({n}, {self.condition.dim}), not {tuple(condition.shape)}"
            )
        if not bool(condition.isfinite().all()):
            raise ValueError("the condition must be finite numbers, and some are infinite or not a number")

    def _noise(self, n: int, seed: int) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(seed_for(seed, "sample"))
        for start in range(0, n, _CHUNK):
            # Noise is made on the CPU, in whole chunks, so that it depends on the seed, but not on n or the device.
            yield self.prior.noise(_CHUNK, generator=generator)[: n - start].to(self.device)

    def _prior_codes(self, noise: Tensor, condition: Tensor | None) -> Tensor:
        if condition is not None and self.prior.takes_condition:
            codes: Tensor = self.prior(noise, condition.to(self.device, torch.float32))
        else:
            codes = self.prior(noise)
        return codes if self.code_space.kind is CodeKind.INDICES else codes.float()

    def decode(self, codes: Tensor, *, from_prior: bool) -> Tensor:
        """Turns codes (N, code_dim) into images: float32 (N, C, H, W) in [-1, 1] on the device.

        Args:
            codes: Codes.
            from_prior: Whether the codes are the prior's or the encoder's: the decoder's batch norm has separate
                statistics for these. Ignored in a run without an encoder.
        """
        decoder = self.decoder if from_prior else self.reconstruction_decoder
        with self.ready():
            parts = [decoder(self._embedded(part.to(self.device))).float() for part in torch.split(codes, _CHUNK)]
        return torch.cat(parts).contiguous()

    def vectors(self, codes: Tensor) -> Tensor:
        """Codes (N, code_dim) as float32 vectors (N, ...) on the device; for indices, the codebook's vectors."""
        with self.ready():
            return torch.cat([self._embedded(part.to(self.device)).float() for part in torch.split(codes, _CHUNK)])

    def _embedded(self, codes: Tensor) -> Tensor:
        return codes if self.encoder is None else self.encoder.embed(codes)

    def sample(self, n: int, seed: int = 0, condition: Tensor | None = None) -> Tensor:
        """Draws `n` images: float32 (n, C, H, W) in [-1, 1] on the device; arguments and errors as those of `codes`."""
        return self.decode(self.codes(n, seed, condition), from_prior=True)

    def sample_grid(self, conditions: Tensor, rows: int, seed: int = 0) -> Tensor:
        """Images whose columns share s and whose rows share the noise (Fig. 10 of Wang et al. 2020).

        Args:
            conditions: The columns' s, shape (columns, dim).
            rows: Number of rows, each with its own noise.
            seed: Seed of the noise.

        Returns:
            float32 (rows * columns, C, H, W) in [-1, 1] on the device, row after row.

        Raises:
            ConfigurationError: The run has no condition.
            ValueError: The conditions have another shape.
        """
        noise = self.noise(rows, seed).repeat_interleave(len(conditions), dim=0)
        return self.decode(self.codes_of(noise, conditions.repeat(rows, 1)), from_prior=True)

    def encode(self, images: Tensor) -> Tensor:
        """The codes of images (N, C, H, W) in [-1, 1]: float32 (N, code_dim), the posteriors' means; or int64 indices.

        Raises:
            ConfigurationError: The run has no encoder.
        """
        if self.encoder is None:
            raise ConfigurationError("this run has no encoder: it was trained with --encoder none, so it only samples")
        with self.ready():
            posteriors = [self.encoder(part.to(self.device)) for part in torch.split(images, _CHUNK)]
        return torch.cat([each.mean.float() if each.indices is None else each.indices for each in posteriors])

    def reconstruct(self, images: Tensor) -> Tensor:
        """dec(enc(x)): float32 (N, C, H, W) in [-1, 1] on the device.

        Raises:
            ConfigurationError: The run has no encoder.
        """
        return self.decode(self.encode(images), from_prior=False)

    def critic_features(self, images: Tensor) -> Tensor:
        """F(x): features of D_I's last layer before its score, of images (N, C, H, W) in [-1, 1]; float32 (N, ...).

        Raises:
            ConfigurationError: The run has no image discriminator.
        """
        if self.image_critic is None:
            raise ConfigurationError("this run has no image discriminator, and so no critic features")
        with self.ready():
            parts = [self.image_critic.features(part.to(self.device)).float() for part in torch.split(images, _CHUNK)]
        return torch.cat(parts)

    def recognise(self, images: Tensor) -> Tensor:
        """Q(x): the s recovered from images (N, C, H, W) in [-1, 1]; float32 (N, dim), logits for classes.

        Raises:
            ConfigurationError: The run has no classifier Q.
        """
        if self.recogniser is None or self.image_critic is None:
            raise ConfigurationError("this run has no classifier Q; --condition labels and categorical bring one")
        with self.ready():
            parts = [
                self.recogniser(self.image_critic.features(part.to(self.device))).float()
                for part in torch.split(images, _CHUNK)
            ]
        return torch.cat(parts)
