"""The support of a distribution of codes: the set where its density is above 0, and the measure of the density."""

from dataclasses import dataclass
from enum import Enum

from torch import Tensor

__all__ = ["Space", "Support"]


class Space(Enum):
    """The kind of set in which codes of D dimensions lie, and the measure that densities are with respect to."""

    EVERYWHERE = "all codes"
    """All of R^D, by volume (Lebesgue measure)."""

    BALL = "a ball"
    """The open ball around 0, by volume: a density with respect to hyperbolic volume must be multiplied by the volume
    element."""

    SPHERE = "the unit sphere"
    """Codes of length 1, by the sphere's surface: arc length on a circle, area in three dimensions."""

    SIMPLEX = "a simplex"
    """Entries above 0 that add up to 1, by the volume of all of them but the last, as torch.distributions.Dirichlet."""

    ONE_HOT = "one-hot codes"
    """One-hot vectors, by counting measure: densities are probabilities."""


@dataclass(frozen=True)
class Support:
    """The set where a prior's or posterior's density is above 0, and the measure of the density.

    A divergence compares densities with respect to the same measure, and is finite only if the posterior's support lies
    within the prior's: a normal posterior, whose codes lie everywhere, has no divergence from a distribution on the
    sphere.

    >>> sphere, everywhere = Support(Space.SPHERE), Support()
    >>> sphere.holds(everywhere), everywhere.holds(sphere), everywhere.holds(Support(Space.BALL))
    (False, False, True)
    >>> str(Support(Space.SIMPLEX, groups=8))
    '8 simplices'

    Attributes:
        space: The kind of set, and with it the measure.
        radius: Radius of a ball, above 0.
        groups: Number of simplices or one-hot vectors of equal length that a code concatenates. The measure is the
            product of their measures.
    """

    space: Space = Space.EVERYWHERE
    radius: float = 1.0
    groups: int = 1

    def holds(self, other: "Support") -> bool:
        """Whether this support contains the other support, with the same measure."""
        if self.space is Space.EVERYWHERE:
            return other.space in (Space.EVERYWHERE, Space.BALL)
        if self.space is not other.space or self.groups != other.groups:
            return False
        return self.space is not Space.BALL or other.radius <= self.radius * (1 + 1e-6)

    def contains(self, code: Tensor, tolerance: float = 1e-3) -> Tensor:
        """Which of the codes (N, code_dim) lie in this support, up to rounding errors: bool (N,).

        Args:
            code: Codes, floating-point.
            tolerance: By how much a length or a sum may be off.
        """
        inside: Tensor
        if self.space is Space.EVERYWHERE:
            inside = code.isfinite().all(1)
        elif self.space is Space.BALL:
            inside = code.norm(dim=1) <= self.radius * (1 + tolerance)
        elif self.space is Space.SPHERE:
            inside = (code.norm(dim=1) - 1).abs() <= tolerance
        else:
            parts = code.view(len(code), self.groups, -1)
            inside = (((parts.sum(2) - 1).abs() <= tolerance) & (parts >= 0).all(2)).all(1)
            if self.space is Space.ONE_HOT:
                inside = inside & ((parts.amax(2) - 1).abs() <= tolerance).all(1)
        return inside

    def __str__(self) -> str:
        if self.space is Space.BALL:
            return f"a ball of radius {self.radius:.4g}"
        if self.groups > 1:
            return f"{self.groups} {'simplices' if self.space is Space.SIMPLEX else 'one-hot groups'}"
        return str(self.space.value)
