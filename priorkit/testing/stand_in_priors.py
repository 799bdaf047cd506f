"""Small priors and a deterministic encoder, in place of a run's own."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from priorkit.interfaces import CodeKind, CodeSpace, Encoder, ImageShape, Learning, Posterior, Prior

__all__ = [
    "DeterministicEncoder",
    "FittedNormal",
    "LearnedNormal",
    "MatchedNormal",
    "OnlySampled",
    "StandardNormal",
    "UniformIndices",
]


class StandardNormal(Prior):
    """A standard normal distribution; with classes, each class has its own centre.

    Args:
        code_dim: Dimensions of a code.
        classes: Number of classes; 0 for no condition.
    """

    has_density = True
    centres: Tensor

    def __init__(self, code_dim: int, classes: int = 0) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.takes_condition = classes > 0
        places = torch.arange(max(classes, 1), dtype=torch.float32)
        self.register_buffer("centres", places[:, None].expand(-1, code_dim).clone())

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal, (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the noise, shifted to the centre of its class."""
        return noise if condition is None else noise + condition @ self.centres

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the log-density (N,) of codes (N, code_dim)."""
        centre = torch.zeros_like(code) if condition is None else condition @ self.centres
        normal = Normal(centre, torch.ones_like(code), validate_args=False)
        found: Tensor = normal.log_prob(code).sum(dim=1)  # type: ignore[no-untyped-call]
        return found

    def distribution(self) -> Distribution:
        """Returns the normal distribution, if there are no classes."""
        if self.takes_condition:
            return super().distribution()
        mean = torch.zeros_like(self.centres[0])
        return Independent(Normal(mean, torch.ones_like(mean), validate_args=False), 1, validate_args=False)


class LearnedNormal(Prior):
    """A normal distribution that learns its mean and standard deviation by likelihood.

    Args:
        code_dim: Dimensions of a code.
    """

    learning = Learning.LIKELIHOOD
    has_density = True

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.mean = nn.Parameter(torch.full((code_dim,), 0.5))
        self.log_deviation = nn.Parameter(torch.full((code_dim,), 0.3))

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal, (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns scaled and shifted noise."""
        return self.mean + self.log_deviation.exp() * noise

    def log_prob(self, code: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns the log-density (N,) of codes (N, code_dim)."""
        normal = Normal(self.mean, self.log_deviation.exp(), validate_args=False)
        found: Tensor = normal.log_prob(code).sum(dim=1)  # type: ignore[no-untyped-call]
        return found


class MatchedNormal(LearnedNormal):
    """A normal distribution that learns from the encoder's codes.

    Args:
        code_dim: Dimensions of a code.
    """

    learning = Learning.CODES

    def code_loss(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Returns minus the mean log-density of codes (N, code_dim)."""
        return -self.log_prob(code).mean()


class FittedNormal(LearnedNormal):
    """A normal distribution that is fitted to all codes at once.

    Args:
        code_dim: Dimensions of a code.
    """

    learning = Learning.ALL_CODES

    def __init__(self, code_dim: int) -> None:
        super().__init__(code_dim)
        self.requires_grad_(False)

    def fit_codes(self, code: Tensor, noise: Tensor, condition: Tensor | None = None) -> None:
        """Sets mean and standard deviation to those of codes (M, code_dim)."""
        with torch.no_grad():
            self.mean.copy_(code.mean(dim=0))
            self.log_deviation.copy_(code.std(dim=0, unbiased=False).clamp(min=1e-6).log())


class OnlySampled(Prior):
    """A standard normal distribution without `log_prob`.

    Args:
        code_dim: Dimensions of a code.
    """

    def __init__(self, code_dim: int) -> None:
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Standard normal, (n, code_dim)."""
        return torch.randn(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """The noise."""
        return noise


class UniformIndices(Prior):
    """A prior of indices in which all entries are equally likely.

    Args:
        codes: The space of the indices.
    """

    kinds = (CodeKind.INDICES,)

    def __init__(self, codes: CodeSpace) -> None:
        super().__init__()
        self.code_dim, self.entries = codes.dim, codes.entries

    def noise(self, n: int, *, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """Uniform, (n, code_dim)."""
        return torch.rand(n, self.code_dim, generator=generator, device=device)

    def forward(self, noise: Tensor, condition: Tensor | None = None) -> Tensor:
        """Indices, int64 (N, code_dim)."""
        return (noise * self.entries).long().clamp(max=self.entries - 1)


class DeterministicEncoder(Encoder):
    """A linear encoder without a variance.

    Args:
        code_dim: Dimensions of a code.
        shape: The images' shape.
    """

    def __init__(self, code_dim: int, shape: ImageShape) -> None:
        super().__init__()
        self.code_dim = code_dim
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(shape.channels * shape.size**2, code_dim))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Posterior:
        """Encodes images (N, C, H, W)."""
        code = self.body(image)
        return Posterior(code, code)
