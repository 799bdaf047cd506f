"""The diffusion prior."""

from contextlib import nullcontext
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from priorkit.interfaces import Learning, Prior, Standardisation
from priorkit_plugins.code_fields.field import CodeField
from priorkit_plugins.code_fields.guidance import guided, with_dropout
from priorkit_plugins.diffusion.schedule import cosine_schedule, sampler_levels
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["DiffusionPrior"]


class DiffusionPrior(Prior):
    """p(code) or p(code | s), the end of a chain that removes noise: DDPM's (Ho et al. 2020), in DDIM's steps.

    A code c at level t of T is x_t = alpha_t c + sigma_t e, e ~ N(0, I), by a cosine schedule. A network predicts e, or
    v = alpha_t e - sigma_t c (Salimans and Ho 2022, arXiv:2202.00512), from x_t by regression; c and e follow from
    either. `forward` takes x_t to a lower level s as alpha_s c + sqrt(sigma_s^2 - d^2) e + d z, z ~ N(0, I), with d
    proportional to eta (Song et al. 2021, arXiv:2010.02502, Eqs. 12 and 16): with eta = 0, codes are a function of the
    initial noise.

    In a stage on codes, codes are standardised, because the schedule assumes codes of the noise's scale. Sampling
    computes the network in float32, never in mixed precision: errors of many steps add up.

    Args:
        field: The network.
        levels: T, the number of noise levels.
        steps: Steps from noise to a code, between 1 and T.
        eta: Between 0 (DDIM) and 1 (as much new noise as DDPM).
        predict: The network's prediction target.
        guidance: w of classifier-free guidance; 0 for none.
        condition_dropout: Share of the codes from which the network learns without s.
        fits: Number of updates on the codes of a batch.
        improvement: Factor of the gradient of training against the image discriminator.
    """

    learning = Learning.CODES
    signal: Tensor
    noise_scale: Tensor

    def __init__(
        self,
        field: CodeField,
        *,
        levels: int = 1000,
        steps: int = 20,
        eta: float = 0.0,
        predict: Literal["v", "noise"] = "v",
        guidance: float = 0.0,
        condition_dropout: float = 0.0,
        fits: int = 1,
        improvement: float = 0.0,
    ) -> None:
        super().__init__()
        self.field = field
        self.code_dim = field.codes.dim
        self.takes_condition = field.condition_dim > 0
        self.standardisation = Standardisation(field.codes)
        self.levels = levels
        self.eta = eta
        self.predict = predict
        self.guidance = guidance
        self.condition_dropout = condition_dropout
        self.code_steps = fits
        self.improvement = improvement
        signal, noise_scale = cosine_schedule(levels)
        self.path = sampler_levels(signal, steps)
        self.register_buffer("signal", signal.float(), persistent=False)
        self.register_buffer("noise_scale", noise_scale.float(), persistent=False)

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Draws N(0, I) numbers, shape (n, code_dim), or (n, steps, code_dim) if eta is above 0."""
        steps = len(self.path) - 1
        shape = (n, self.code_dim) if self.eta == 0 else (n, steps, self.code_dim)
        return torch.randn(shape, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns noise, as `noise` returns it, and s (N, condition_dim) if used, into codes (N, code_dim)."""
        # In training, the network may be computed in the run's mixed precision; codes stay float32.
        with nullcontext() if self.training else single_precision(noise.device):
            code = noise if self.eta == 0 else noise[:, 0]
            for step, (level, lower) in enumerate(pairwise(self.path), start=1):
                found, left = self._parts(code, level, condition)
                code = self.signal[lower] * found
                # The last step ends at the predicted code.
                if lower > 0 and self.eta == 0:
                    code = code + self.noise_scale[lower] * left
                elif lower > 0:
                    new = self._new_noise(level, lower)
                    old = (self.noise_scale[lower].square() - new.square()).clamp(min=0).sqrt()
                    code = code + old * left + new * noise[:, step]
            return self.standardisation.inverse(code)

    def _parts(self, code: Tensor, level: int, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """The network's prediction of the clean code and the noise in codes at a level."""
        signal, scale = self.signal[level], self.noise_scale[level]
        time = torch.full((len(code),), level / self.levels, device=code.device, dtype=code.dtype)
        predicted = guided(self.field, code, time, condition, self.guidance)
        if self.predict == "noise":
            return (code - scale * predicted) / signal, predicted
        return signal * code - scale * predicted, scale * code + signal * predicted

    def _new_noise(self, level: int, lower: int) -> Tensor:
        """The standard deviation of the noise added in a step to a lower level (Song et al. 2021, Eq. 16)."""
        ratio = self.noise_scale[lower] / self.noise_scale[level]
        lost = (1 - (self.signal[level] / self.signal[lower]).square()).clamp(min=0)
        return self.eta * ratio * lost.sqrt()

    def standardise(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets the scale of the codes by their means and deviations (code_dim,)."""
        self.standardisation.set(mean, deviation)

    def code_noise(
        self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None
    ) -> Tensor:
        """N(0, I) numbers, then uniform ones for the level and for dropping s: shape (n, code_dim + 2)."""
        noise = torch.randn(n, self.code_dim, generator=generator, device=device)
        return torch.cat([noise, torch.rand(n, 2, generator=generator, device=device)], dim=1)

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The mean squared error of the network's prediction for codes (N, code_dim), each at a random level."""
        scaled: Tensor = self.standardisation(at_least_single(code))
        normal, uniform = noise[:, :-2].to(scaled), noise[:, -2:]
        level = (uniform[:, 0] * self.levels).long().clamp(max=self.levels - 1) + 1
        signal, scale = self.signal[level][:, None], self.noise_scale[level][:, None]
        given = with_dropout(condition, uniform[:, 1], self.condition_dropout)
        predicted: Tensor = self.field(signal * scaled + scale * normal, level.to(scaled) / self.levels, given)
        target = normal if self.predict == "noise" else signal * normal - scale * scaled
        return (predicted.to(target) - target).square().mean()
