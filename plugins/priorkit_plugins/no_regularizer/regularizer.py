"""No regularizer."""

from torch import Tensor

from priorkit.interfaces import CodeKind, Posterior, Prior, Regularizer

__all__ = ["NoRegularizer"]


class NoRegularizer(Regularizer):
    """A regularizer without terms."""

    kinds = tuple(CodeKind)
    has_terms = False
    needs_prior_code = False
    trains_prior = False

    def encoder_terms(
        self,
        posterior: Posterior,
        prior: Prior,
        prior_code: Tensor,
        condition: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """No terms."""
        return {}
