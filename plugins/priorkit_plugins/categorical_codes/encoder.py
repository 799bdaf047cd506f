"""An encoder to classes: groups of one-hot vectors, relaxed in training."""

import torch
from torch import Tensor, nn

from priorkit.interfaces import Encoder, Posterior, Space, Support
from priorkit_plugins.categorical_codes.distribution import OneHotGroups
from priorkit_plugins.single_precision import at_least_single, single_precision

__all__ = ["CategoricalEncoder"]


class CategoricalEncoder(Encoder):
    """q(code | x): independent groups, each of one class out of several, as one-hot vectors.

    A draw is the class with the largest logit plus Gumbel noise. In training, the draw is instead the softmax of these
    sums divided by a temperature (Gumbel-softmax, Jang et al. 2017; concrete distribution, Maddison et al. 2017), or
    one-hot with the softmax's gradient (straight-through). In evaluation mode codes are one-hot. As in Jang et al., the
    divergence is that of the classes' probabilities, not of the relaxed densities of Maddison et al.

    The temperature falls exponentially with the encoder's passes in training.

    Args:
        body: From images (N, C, H, W) to (N, code_dim): logits, the classes of each group one after another.
        code_dim: groups * classes.
        classes: Classes of each group, at least 2.
        temperatures: Initial and final temperature, each above 0.
        annealing: Passes over which the temperature falls; 0 for the final temperature throughout.
        straight_through: Whether codes are one-hot in training, too.
    """

    stochastic = True
    passes: Tensor

    def __init__(
        self,
        body: nn.Module,
        code_dim: int,
        classes: int,
        *,
        temperatures: tuple[float, float] = (1.0, 0.5),
        annealing: int = 0,
        straight_through: bool = False,
    ) -> None:
        super().__init__()
        self.body = body
        self.code_dim = code_dim
        self.classes = classes
        self.support = Support(Space.ONE_HOT, groups=code_dim // classes)
        self._start, self._end = temperatures
        self._annealing = annealing
        self._straight_through = straight_through
        if annealing:
            # A tensor: saved with the run, and counted without waiting for the device.
            self.register_buffer("passes", torch.zeros((), dtype=torch.int64))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W), and draws codes with standard normal noise (N, code_dim), if given.

        Without noise, codes are the likeliest classes. Everything after the body is computed in float32, even under
        autocast.
        """
        parameters: Tensor = self.body(image)
        with single_precision(parameters.device):
            logits = at_least_single(parameters).view(len(parameters), -1, self.classes)
            temperature = self._temperature()
            spread = OneHotGroups(logits)
            mean, likeliest = self._code(spread, logits, temperature)
            if noise is None:
                return Posterior(mean, mean, log_prob=likeliest, distribution=spread)
            # Gumbel noise, by the quantiles of the normal noise.
            gumbel = -torch.log(-torch.special.log_ndtr(noise.to(logits.dtype)))
            code, log_prob = self._code(spread, logits + gumbel.view_as(logits), temperature)
            return Posterior(code, mean, log_prob=log_prob, distribution=spread)

    def _code(self, spread: OneHotGroups, scores: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
        """Codes from scores, and the log-probability of the classes with the largest scores."""
        soft, hard = (scores / temperature).softmax(2).flatten(1), spread.one_hot(scores)
        log_prob = spread.log_prob(hard)
        if self.training and not self._straight_through:
            return soft, log_prob
        # The difference is 0, but carries the gradient.
        return hard + (soft - soft.detach()), log_prob

    # A compiled backward pass would recompute the temperature from a counter that has changed by then.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _temperature(self) -> Tensor | float:
        if not self._annealing:
            return self._end
        share = (self.passes / self._annealing).clamp(max=1)
        temperature = self._start * (self._end / self._start) ** share
        if self.training and torch.is_grad_enabled():
            self.passes.add_(1)
        return temperature
