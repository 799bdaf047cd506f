"""Code generators to check."""

from collections.abc import Iterator, Sequence

import torch

from priorkit.interfaces import CodeGenerator
from priorkit.plugins import CodeGeneratorContext
from priorkit.testing.case import Case
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import Subject

__all__ = ["CodeGeneratorSubject", "code_generator_subjects"]


class CodeGeneratorSubject(Subject[CodeGenerator]):
    """A code generator with given dimensions of noise and codes.

    Args:
        case: The component with its options.
        noise_dim: Dimensions of the input.
        code_dim: Dimensions of a code.
        condition_dim: Number of dimensions of the input that belong to a condition.
    """

    interface = CodeGenerator
    may_drop_out = True

    def __init__(self, case: Case, noise_dim: int, code_dim: int, condition_dim: int = 0) -> None:
        given = f" and condition_dim {condition_dim}" if condition_dim else ""
        super().__init__(case, f"noise_dim {noise_dim}, code_dim {code_dim}{given}")
        self.noise_dim = noise_dim
        self.code_dim = code_dim
        self.condition_dim = condition_dim

    def context(self) -> CodeGeneratorContext:
        """Returns the dimensions."""
        return CodeGeneratorContext(self.noise_dim, self.code_dim, self.condition_dim)

    def passes(self, component: CodeGenerator) -> Sequence[ForwardPass]:
        """Returns the pass from noise to codes."""
        return [
            ForwardPass(
                "forward",
                lambda inputs: component(inputs["noise"]),
                lambda n: (n, self.code_dim),
                trains=True,
                reaches=("noise",),
            )
        ]

    def inputs(self, component: CodeGenerator, n: int, seed: int) -> Inputs:
        """Returns `noise`, standard normal (n, noise_dim)."""
        return {"noise": torch.randn(n, self.noise_dim, generator=torch.Generator().manual_seed(seed))}

    def extreme_inputs(self, component: CodeGenerator) -> Sequence[tuple[str, Inputs]]:
        """Returns noise of 0, and large noise."""
        noise = self.inputs(component, 16, self.case.seed)["noise"]
        # Normal noise beyond 6 does not occur in runs.
        return [("noise of 0", {"noise": 0 * noise}), ("large noise", {"noise": (30 * noise).clamp(-6, 6)})]


def code_generator_subjects(case: Case) -> Iterator[CodeGeneratorSubject]:
    """Yields a code generator for all dimensions of codes, little and much noise, and a condition."""
    code_dims = case.situations.code_dims
    for code_dim in code_dims:
        yield CodeGeneratorSubject(case, 3, code_dim)
    yield CodeGeneratorSubject(case, 1, code_dims[-1])
    # More noise than the default, and a condition.
    yield CodeGeneratorSubject(case, 80, code_dims[0], 10)
