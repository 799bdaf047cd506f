"""The regularizer of beta-TC-VAEs."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Encoder, Posterior, Prior
from priorkit_plugins.divergence import prior_log_prob, require_divergence
from priorkit_plugins.scheduled_regularizer import ScheduledRegularizer
from priorkit_plugins.weight_schedule import WeightSchedule

__all__ = ["BetaTCVAERegularizer", "log_importance"]


def log_importance(n: int, train_count: int, *, stratified: bool, device: torch.device | None = None) -> Tensor:
    """Log-weights (n, n) of the batch's posteriors in the estimate of q(code) at each of its codes.

    Weighted (Chen et al. 2018, Section 4.1): 1 / (n N) for every posterior, N being the number of training images.
    These do not add up to 1, and the estimate is biased. Stratified (Appendix C.2): 1 / N for a code's own posterior;
    the other weights are such that all add up to 1.

    Args:
        n: Images of the batch, at least 2.
        train_count: N; taken to be at least n.
        stratified: Whether to use stratified rather than weighted sampling.
        device: Device of the weights.
    """
    count = max(train_count, n)
    if not stratified:
        return torch.full((n, n), -math.log(n * count), device=device)
    others = n - 1
    weights = torch.full((n, n), 1 / others, device=device)
    # One of the other posteriors, here the next one, gets the remaining weight.
    last = (torch.arange(n, device=device) + 1) % n
    weights.scatter_(1, last[:, None], (count - others) / (count * others))
    weights.fill_diagonal_(1 / count)
    return weights.log()


class BetaTCVAERegularizer(ScheduledRegularizer):
    """alpha I(x; code) + beta TC(code) + gamma sum_j KL(q(code_j) || p(code_j)) in nats (Eq. 4 of Chen et al. 2018).

    I is the mutual information of images and codes, TC the total correlation: the divergence of the aggregated
    posterior q(code) from the product of its marginals. With all weights 1, it is the divergence of the posteriors from
    the prior. q(code) and q(code_j) are estimated from the posteriors of the batch (`log_importance`), the rest from
    one draw. If the prior's dimensions are not independent, log p(code) replaces the sum of log p(code_j).

    Args:
        alpha: Weight of the mutual information.
        beta: Weight of the total correlation.
        gamma: Weight of the dimensions' divergence from the prior.
        train_count: Number of training images.
        stratified: Whether q(code) is estimated by stratified sampling.
        schedule: The factor of all weights.
    """

    needs_prior_code = False
    needs_whole_batch = True
    uses_condition = True

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        *,
        train_count: int,
        stratified: bool = False,
        schedule: WeightSchedule | None = None,
    ) -> None:
        super().__init__(schedule)
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.train_count = train_count
        self.stratified = stratified

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses deterministic encoders, and priors without a density that is positive everywhere.

        Raises:
            ValueError: It is one of these; the message says what to use instead.
        """
        require_divergence(encoder, prior)

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """`mutual_information`, `total_correlation` and `dimension_wise`, weighted."""
        given_image, aggregated, marginals = self._log_densities(posterior)
        density = prior_log_prob(posterior, prior, condition)
        terms = {
            "mutual_information": self.scheduled(self.alpha) * (given_image - aggregated).mean(),
            "total_correlation": self.scheduled(self.beta) * (aggregated - marginals).mean(),
            "dimension_wise": self.scheduled(self.gamma) * (marginals - density).mean(),
        }
        self.count_update()
        return terms

    def _log_densities(self, posterior: Posterior) -> tuple[Tensor, Tensor, Tensor]:
        """Of each draw: log q(code | x), log q(code), and the sum of log q(code_j); all (N,)."""
        if posterior.log_variance is None:
            raise ValueError("needs normal posteriors with independent dimensions; use --encoder gaussian")
        code = posterior.code.float()
        n = len(code)
        if n < 2:
            raise ConfigurationError("--regularizer beta-tc-vae compares codes of a batch: use at least --batch-size 2")
        normal = Normal(posterior.mean.float(), (0.5 * posterior.log_variance.float()).exp(), validate_args=False)
        # Of each draw (first dimension) under each posterior (second), one dimension of a code at a time.
        pairs: Tensor = normal.log_prob(code[:, None])  # type: ignore[no-untyped-call]
        weights = log_importance(n, self.train_count, stratified=self.stratified, device=code.device)
        aggregated = torch.logsumexp(weights + pairs.sum(2), 1)
        marginals = torch.logsumexp(weights[:, :, None] + pairs, 1).sum(1)
        return pairs.sum(2).diagonal(), aggregated, marginals
