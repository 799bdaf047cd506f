"""The loss of a classifier that learns without labels: balanced, confident, and stable under small changes."""

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

__all__ = ["SelfLabelling"]


class SelfLabelling:
    """Regularized information maximisation (Hu et al. 2017, IMSAT, arXiv:1702.08720, Eq. 6; cf. Ji et al. 2019, IIC).

    Args:
        information: Weight of the mutual information of an image and its class.
        balance: Factor mu of the marginal entropy within it, which favours classes of equal sizes.
        consistency: Weight of the divergence between Q on an image and on the changed image.
    """

    def __init__(self, *, information: float = 0.1, balance: float = 4.0, consistency: float = 1.0) -> None:
        self.information = information
        self.balance = balance
        self.consistency = consistency

    def terms(self, logits: Tensor, changed: Tensor) -> dict[str, Tensor]:
        """`information`, -(mu H(mean Q) - mean H(Q)), and `consistency`, KL(stop(Q(x)) || Q(T(x))), in nats, weighted.

        Args:
            logits: Q's output for images, shape (N, K).
            changed: Q's output for the changed images, shape (N, K).
        """
        log_q, log_changed = log_softmax(logits.float(), dim=1), log_softmax(changed.float(), dim=1)
        q = log_q.exp()
        # Shares that are 0 in single precision have no logarithm, and contribute nothing.
        share = q.mean(0)
        marginal = -(share * share.clamp(min=1e-12).log()).sum()
        conditional = -(q * log_q).sum(1).mean()
        divergence = kl_div(log_changed, log_q.detach(), reduction="batchmean", log_target=True)
        return {
            "information": self.information * (conditional - self.balance * marginal),
            "consistency": self.consistency * divergence,
        }
