"""The scale of given codes: priors learn codes of mean 0 and deviation 1."""

import math

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError
from priorkit.interfaces import CodeKind, CodeSpace

__all__ = ["CodeScale"]

_CHUNK = 10_000


class CodeScale(nn.Module):
    """Standardises codes to float32, and back; removes constant dimensions.

    Vectors are scaled dimension by dimension, maps channel by channel, and indices not at all. Computes in float64 on
    the CPU, because with a large offset float32 would lose precision.

    Args:
        space: The space of the given codes.

    Attributes:
        mean: Mean of each dimension, float64 (dim,); the value of constant dimensions.
        deviation: Standard deviation of each, float64 (dim,); 1 for constant dimensions.
        varies: Which dimensions vary, bool (dim,); the prior sees only these.

    Examples:
        >>> import torch
        >>> from priorkit.codes import CodeScale
        >>> from priorkit.interfaces import CodeSpace
        >>> codes = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
        >>> scale = CodeScale.of(codes, CodeSpace((2,)))
        >>> scale(codes)
        tensor([[-1.],
                [ 1.]])
        >>> torch.equal(scale.inverse(scale(codes)), codes.double())
        True
    """

    mean: Tensor
    deviation: Tensor
    varies: Tensor

    def __init__(self, space: CodeSpace) -> None:
        super().__init__()
        self.space = space
        self.register_buffer("mean", torch.zeros(space.dim, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(space.dim, dtype=torch.float64))
        self.register_buffer("varies", torch.ones(space.dim, dtype=torch.bool))

    @classmethod
    def of(cls, codes: Tensor, space: CodeSpace, what: str = "codes") -> "CodeScale":
        """The scale of codes (N, dim).

        Args:
            codes: Finite numbers, or indices.
            space: The space of the codes.
            what: The subject of a message.

        Raises:
            ConfigurationError: They do not vary, or their range exceeds float64.
        """
        scale = cls(space)
        if space.kind is CodeKind.INDICES:
            if bool((codes == codes[0]).all()):
                raise ConfigurationError(f"all {len(codes)} {what} are the same: there is nothing to learn from them")
            return scale
        groups = space.shape[0] if space.kind is CodeKind.MAP else space.dim
        least, most = (bound.view(groups, -1) for bound in (codes.amin(0), codes.amax(0)))
        low, high = least.amin(1).double(), most.amax(1).double()
        reach = high - low
        if not bool(reach.isfinite().all()):
            place = int(reach.isfinite().int().argmin())
            raise ConfigurationError(
                f"{what} reach from {float(low[place]):g} to {float(high[place]):g} in column {place}, which "
                "exceeds the range of float64; divide them by the largest first"
            )
        # With numbers from 0 to 1, squares do not underflow and sums do not overflow.
        unit = torch.where(reach > 0, reach, 1.0)
        total = squares = torch.zeros(groups, dtype=torch.float64)
        for chunk in torch.split(codes, _CHUNK):
            part = (chunk.double().view(len(chunk), groups, -1) - low[:, None]) / unit[:, None]
            total, squares = total + part.sum((0, 2)), squares + part.square().sum((0, 2))
        count = codes.numel() // groups
        deviation = reach * (squares / count - (total / count).square()).clamp(min=0).sqrt()
        varies = deviation > 0
        if not bool(varies.any()):
            raise ConfigurationError(
                f"all {groups} {'channels' if space.kind is CodeKind.MAP else 'dimensions'} of the {what} are "
                f"constant over {len(codes)} rows: there is nothing to learn from them"
            )
        places = space.dim // groups
        mean = torch.where(varies, low + reach * (total / count), low)
        scale.mean.copy_(mean.repeat_interleave(places))
        scale.deviation.copy_(torch.where(varies, deviation, 1.0).repeat_interleave(places))
        scale.varies.copy_(varies.repeat_interleave(places))
        return scale

    @property
    def seen(self) -> CodeSpace:
        """The space of the prior's codes."""
        space = self.space
        if space.kind is CodeKind.INDICES:
            return space
        if space.kind is CodeKind.MAP:
            places = math.prod(space.shape[1:])
            return CodeSpace((int(self.varies.sum()) // places, *space.shape[1:]))
        return CodeSpace((int(self.varies.sum()),))

    def forward(self, codes: Tensor) -> Tensor:
        """Converts codes (N, dim) to the prior's: float32 (N, seen.dim); indices are unchanged."""
        if self.space.kind is CodeKind.INDICES:
            return codes
        parts = [
            ((chunk[:, self.varies].double() - self.mean[self.varies]) / self.deviation[self.varies]).float()
            for chunk in torch.split(codes, _CHUNK)
        ]
        return torch.cat(parts)

    def inverse(self, seen: Tensor) -> Tensor:
        """Converts the prior's codes (N, seen.dim) back: float64 (N, dim); indices are unchanged."""
        if self.space.kind is CodeKind.INDICES:
            return seen
        codes = self.mean.repeat(len(seen), 1)
        codes[:, self.varies] += self.deviation[self.varies] * seen.double()
        return codes

    def log_volume(self) -> float:
        """The log-density of the prior's codes minus that of the original codes, in nats."""
        return float(self.deviation[self.varies].log().sum())
