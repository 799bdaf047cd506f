"""No regularizer."""

from torch import Tensor

from priorkit.interfaces import CodeKind, Encoder, Learning, Posterior, Prior, Regularizer

__all__ = ["NoRegularizer"]


class NoRegularizer(Regularizer):
    """Leaves the codes alone."""

    kinds = tuple(CodeKind)
    needs_prior_code = False

    def check(self, encoder: Encoder, prior: Prior) -> None:
        """Refuses priors that learn by likelihood: nothing would train them."""
        if prior.learning is Learning.LIKELIHOOD:
            raise ValueError(
                f"trains nothing, and {type(prior).__name__} learns by likelihood; use --regularizer kl, or --prior "
                "gaussian"
            )

    def encoder_terms(
        self, posterior: Posterior, prior: Prior, prior_code: Tensor, condition: Tensor | None = None
    ) -> dict[str, Tensor]:
        """No terms."""
        return {}
