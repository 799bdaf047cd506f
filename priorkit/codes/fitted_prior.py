"""A prior that was fitted to given codes, ready to use: without images, encoder, decoder or run."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from priorkit.codes.conditions import PriorCondition
from priorkit.codes.given_codes import codes_like
from priorkit.codes.prior_description import prior_as_html, prior_in_words
from priorkit.codes.prior_folder import PriorFolder
from priorkit.codes.rebuilding import rebuilt_parts
from priorkit.codes.records import PriorRecord
from priorkit.codes.scale import CodeScale
from priorkit.config import RunConfig, resolve_config
from priorkit.engine import checkpoint_step, choose_device, evaluating, seed_for, torch_defaults
from priorkit.errors import ConfigurationError, RunFolderError
from priorkit.interfaces import Prior
from priorkit.registry import Registry, installed_plugins
from priorkit.registry.guard import refusing
from priorkit.runs.folder import find_checkpoint
from priorkit.runs.used_plugins import require_plugins, with_used_plugins

__all__ = ["FittedPrior"]

_CHUNK = 500
"""Codes computed at a time. Fixed, so that the same seed gives the same samples, whatever their number."""
_DTYPES = {"float32": torch.float32, "float64": torch.float64, "int64": torch.int64}


class FittedPrior:
    """p(code) or p(code | s), fitted to given codes, in their original scale.

    All methods take codes on any device, and return tensors on the CPU.

    Attributes:
        prior: The prior of standardised codes without constant dimensions, in evaluation mode.
        scale: Converts codes to the prior's standardised codes, and back.
        config: The settings of the fit.
        record: The record of the fit and its codes.
        steps: Number of training steps.

    Examples:
        >>> import numpy as np
        >>> import priorkit
        >>> codes = np.random.default_rng(0).normal(3, 2, size=(500, 4))
        >>> fitted = priorkit.fit_prior(codes, "full-gaussian", device="cpu")
        >>> fitted.sample(10).shape
        torch.Size([10, 4])
        >>> fitted.log_prob(codes).shape
        torch.Size([500])
    """

    def __init__(
        self,
        prior: Prior,
        scale: CodeScale,
        condition: PriorCondition | None,
        config: RunConfig,
        record: PriorRecord,
        *,
        steps: int,
        registry: Registry,
    ) -> None:
        self.prior = prior
        self.scale = scale
        self.config = config
        self.record = record
        self.steps = steps
        self._condition = condition
        self._registry = registry

    @classmethod
    @torch_defaults()
    def load(cls, path: str | Path, *, device: str = "auto", registry: Registry | None = None) -> "FittedPrior":
        """Loads a prior from the folder that `save` or `priorkit fit --codes` has made.

        Args:
            path: The folder.
            device: The device: auto, cpu, cuda, cuda:N or mps.
            registry: Where components come from; the installed plug-ins if None.

        Raises:
            RunFolderError: There is no prior, its files are damaged, or a newer version has written them.
            UnknownComponentError: A plug-in that it uses is not installed.
            DeviceError: There is no such device.
        """
        registry = installed_plugins() if registry is None else registry
        folder = PriorFolder.open(Path(path))
        record, config = folder.read_record(), folder.read_config()
        environment = {"components": record.components}
        require_plugins(folder.path, environment, registry)
        config = resolve_config(with_used_plugins(config, environment, registry, folder.config), registry)
        config = config.model_copy(update={"device": device})
        checkpoint = find_checkpoint(folder.checkpoints)
        weights = folder.checkpoints.load_weights(checkpoint)
        try:
            return cls._rebuilt(config, record, weights, checkpoint_step(checkpoint), registry=registry)
        except (KeyError, RuntimeError) as error:
            raise RunFolderError(
                f"the checkpoint {str(checkpoint)!r} does not fit the prior that "
                f"{str(folder.config)!r} describes: has a plug-in changed? ({str(error).splitlines()[0]})"
            ) from None

    @classmethod
    def _rebuilt(
        cls,
        config: RunConfig,
        record: PriorRecord,
        weights: dict[str, Tensor],
        steps: int,
        *,
        registry: Registry | None = None,
    ) -> "FittedPrior":
        registry = installed_plugins() if registry is None else registry
        device = choose_device(config.device)
        prior, scale, condition = rebuilt_parts(config, registry, record, weights)
        prior.to(device).requires_grad_(False).eval()
        return cls(prior, scale, condition, config, record, steps=steps, registry=registry)

    def __reduce__(self) -> tuple[Any, ...]:
        # Components need not be picklable: they are rebuilt after unpickling.
        return FittedPrior._rebuilt, (self.config, self.record, self._weights(), self.steps)

    def save(self, path: str | Path) -> None:
        """Saves the prior as a folder that `load` reads: weights in safetensors, settings in TOML, the rest in JSON.

        The state needed to resume a fit is not saved: use `fit_prior(..., out=...)` for that.

        Raises:
            RunFolderError: The path is in use, or cannot be written.
        """
        PriorFolder.create(Path(path), self.config, self.record, self._weights(), {}, self.steps)

    def _weights(self) -> dict[str, Tensor]:
        modules = {"prior": self.prior, "scale": self.scale}
        if self._condition is not None:
            modules["condition"] = self._condition.module
            if self._condition.scale is not None:
                modules["condition_scale"] = self._condition.scale
        tensors = ((name, *item) for name, module in modules.items() for item in module.state_dict().items())
        return {f"{name}/{key}": value.cpu() for name, key, value in tensors}

    def __repr__(self) -> str:
        return prior_in_words(self.config.prior.name, self.record, self.steps, has_density=self.has_density)

    def _repr_html_(self) -> str:
        return prior_as_html(repr(self), lambda: self.sample(500))

    @property
    def classes(self) -> tuple[int | str, ...]:
        """The classes that codes are conditioned on; empty if there are none."""
        return self._condition.classes if self._condition is not None else ()

    @property
    def has_density(self) -> bool:
        """Whether `log_prob` is available."""
        return self.prior.has_density

    @property
    def device(self) -> torch.device:
        """The prior's device."""
        tensors = (*self.prior.parameters(), *self.prior.buffers())
        return next((tensor.device for tensor in tensors), torch.device("cpu"))

    @torch_defaults()
    def sample(
        self, n: int, condition: Any = None, *, seed: int = 0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draws `n` codes of the shape and dtype of the fitted codes: float32, float64 or int64.

        The same seed gives the same codes, however many are drawn at once.

        Args:
            n: Number of codes, at least 1.
            condition: For a conditional prior, a class by name, or a vector, for all codes; or one for each of them. By
                default, conditions are drawn from their distribution among the codes.
            seed: Seed of all random numbers.
            generator: Source of random numbers instead of the seed, on the CPU.

        Raises:
            ConfigurationError: The prior has no condition, or there is no such class.
            ValueError: `n` is below 1.
        """
        return self.sample_with_conditions(n, condition, seed=seed, generator=generator)[0]

    @torch_defaults()
    def sample_with_conditions(
        self, n: int, condition: Any = None, *, seed: int = 0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, np.ndarray[Any, Any] | None]:
        """Draws codes like `sample`, and also returns their conditions.

        Returns:
            The codes, and class names (n,) or vectors (n, K); None without a condition.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        given = self._wanted(condition, n)
        noise_from = generator or torch.Generator().manual_seed(seed_for(seed, "sample"))
        drawn_from = generator or torch.Generator().manual_seed(seed_for(seed, "condition"))
        parts, conditions = [], []
        with evaluating(self.prior):
            for start in range(0, n, _CHUNK):
                size = min(_CHUNK, n - start)
                # Whole chunks are drawn, so that the result for a seed depends neither on n nor on the device.
                noise = self.prior.noise(_CHUNK, generator=noise_from)[:size].to(self.device)
                s = None
                if self._condition is not None:
                    s = given[start : start + size] if given is not None else None
                    s = self._condition.draw(_CHUNK, drawn_from)[:size] if s is None else s
                    conditions.append(s)
                parts.append((self.prior(noise) if s is None else self.prior(noise, s.to(self.device))).cpu())
        record = self.record.codes
        codes = self.scale.inverse(torch.cat(parts)).to(_DTYPES[record.dtype]).view(n, *record.given_shape)
        named = self._condition.named(torch.cat(conditions)) if self._condition is not None else None
        return codes, named

    @torch_defaults()
    def log_prob(self, codes: Any, condition: Any = None) -> Tensor:
        """Log-density of codes in nats, float64 (N,), in their original scale; for indices, log-probability.

        Only dimensions that varied in the fit count; codes may have any value in the others.

        Args:
            codes: Codes of the shape that the prior was fitted to, one a row.
            condition: For a conditional prior, a class by name, or a vector, for all codes; or one for each of them. By
                default, the density is marginalised over classes, weighted by their frequencies.

        Raises:
            TypeError: The prior has no density.
            ConfigurationError: The codes have another shape or are not finite; or the prior is conditioned on vectors,
                but no condition is given.
        """
        if not self.prior.has_density:
            raise TypeError(
                f"--prior {self.config.prior.name} has no density: it can only be sampled; use a prior with one, such "
                "as flow or full-gaussian"
            )
        flat = codes_like(codes, self.record.codes.space, self.record.codes.given_shape)
        given = self._wanted(condition, len(flat))
        volume = self.scale.log_volume()
        if self._condition is None:
            return self._density(flat, None) - volume
        if given is not None:
            return self._density(flat, given) - volume
        if not self.classes:
            raise ConfigurationError(
                "this prior has a density for each vector, but none over all vectors; give one as condition="
            )
        # A class without codes has a share of 0, and contributes nothing.
        of_classes = [
            self._density(flat, self._condition.of_class(place, len(flat))) + float(np.log(share))
            for place, share in enumerate(self._condition.shares)
        ]
        return torch.logsumexp(torch.stack(of_classes), dim=0) - volume

    @torch_defaults()
    def responsibilities(self, codes: Any) -> Tensor:
        """p(component | code) of a mixture: (N, components), rows sum to 1.

        Raises:
            TypeError: The prior is not a mixture.
            ConfigurationError: The codes have another shape or are not finite.
        """
        with evaluating(self.prior):
            chunks = torch.split(codes_like(codes, self.record.codes.space, self.record.codes.given_shape), _CHUNK)
            return torch.cat([self.prior.responsibilities(self.scale(part).to(self.device)).cpu() for part in chunks])

    def _density(self, flat: Tensor, s: Tensor | None) -> Tensor:
        parts = []
        registered = self._registry.get("prior", self.config.prior.name)
        with evaluating(self.prior), refusing(registered, f"--prior {self.config.prior.name}"):
            for start in range(0, len(flat), _CHUNK):
                codes = self.scale(flat[start : start + _CHUNK])
                # Whole chunks, so that rounding does not depend on the number of codes.
                missing = _CHUNK - len(codes)
                given = [_filled(codes, missing).to(self.device)]
                if s is not None:
                    given.append(_filled(s[start : start + _CHUNK], missing).to(self.device))
                parts.append(self.prior.log_prob(*given)[: len(codes)].cpu().double())
        return torch.cat(parts)

    def _wanted(self, condition: Any, n: int) -> Tensor | None:
        if condition is None:
            return None
        if self._condition is None:
            raise ConfigurationError(
                "this prior has no condition: it was fitted to codes alone; fit one with conditions=, or leave the "
                "condition out"
            )
        return self._condition.find(condition, n)


def _filled(rows: Tensor, missing: int) -> Tensor:
    """Rows, padded by repeating the last one."""
    return torch.cat([rows, rows[-1:].expand(missing, -1)])
