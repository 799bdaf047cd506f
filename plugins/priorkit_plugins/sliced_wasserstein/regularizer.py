"""The sliced Wasserstein distance."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from priorkit.errors import ConfigurationError
from priorkit.interfaces import Posterior, Prior, Regularizer
from priorkit_plugins.single_precision import single_precision

__all__ = ["SlicedWassersteinRegularizer"]


class SlicedWassersteinRegularizer(Regularizer):
    """The mean, over directions, of the squared 2-Wasserstein distance of projected codes (Kolouri et al. 2018).

    Along a direction, the best transport from the data's codes to as many of the prior's is from each to that of the
    same rank. The paper draws new directions for each batch. Here many are drawn with the networks' first weights,
    uniformly from the unit sphere, and each batch takes the next few: a resumed run goes on with the next.

    Args:
        code_dim: Dimensions of a code.
        projections: Directions for each batch.
        directions: How many there are, at least `projections`; fewer than `code_dim` would miss differences.
        weight: Weight of the distance.

    Raises:
        ConfigurationError: There are fewer directions than a batch takes.
    """

    needs_whole_batch = True

    directions: Tensor
    turn: Tensor
    _window: Tensor

    def __init__(self, code_dim: int, projections: int = 50, directions: int = 1000, weight: float = 1.0) -> None:
        super().__init__()
        if directions < projections:
            raise ConfigurationError(
                f"--regularizer.directions {directions} is fewer than the {projections} that each batch takes: use "
                f"more, or --regularizer.projections {directions}"
            )
        self.weight = weight
        self.register_buffer("directions", normalize(torch.randn(directions, code_dim, dtype=torch.float32), dim=1))
        self.register_buffer("turn", torch.zeros((), dtype=torch.int64))
        self.register_buffer("_window", torch.arange(projections), persistent=False)

    def encoder_terms(
        self, posterior: Posterior, prior: Prior, prior_code: Tensor, condition: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`regularization`: the weighted distance along the next directions."""
        chosen = self.directions.index_select(0, (self.turn + self._window) % len(self.directions))
        if self.training and torch.is_grad_enabled():
            self.turn.add_(len(self._window)).remainder_(len(self.directions))
        code, prior_code = posterior.code.float(), prior_code.float()
        with single_precision(code.device):
            data, wanted = (torch.sort(codes @ chosen.T, dim=0).values for codes in (code, prior_code))
            return {"regularization": self.weight * (data - wanted).square().mean()}
