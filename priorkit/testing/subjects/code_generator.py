"""Code generators."""

from collections.abc import Iterator, Sequence

import torch

from priorkit.interfaces import CodeGenerator
from priorkit.plugins import CodeGeneratorContext
from priorkit.testing.case import Case
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.subject import Subject

__all__ = ["CodeGeneratorSubject", "code_generator_subjects"]


class CodeGeneratorSubject(Subject[CodeGenerator]):
    """A code generator from noise of some dimensions to codes of some others.

    Args:
        case: What is checked.
        noise_dim: Dimensions of its input.
        code_dim: Dimensions of a code.
        condition_dim: How many dimensions of its input are a condition's.
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
        """What a run tells a code generator."""
        return CodeGeneratorContext(self.noise_dim, self.code_dim, self.condition_dim)

    def passes(self, component: CodeGenerator) -> Sequence[ForwardPass]:
        """From noise to codes."""
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
        """`noise`, standard normal (n, noise_dim)."""
        return {"noise": torch.randn(n, self.noise_dim, generator=torch.Generator().manual_seed(seed))}

    def extreme_inputs(self, component: CodeGenerator) -> Sequence[tuple[str, Inputs]]:
        """Noise of 0, and large noise."""
        noise = self.inputs(component, 16, self.case.seed)["noise"]
        # No run draws noise further out.
        return [("noise of 0", {"noise": 0 * noise}), ("large noise", {"noise": (30 * noise).clamp(-6, 6)})]


def code_generator_subjects(case: Case) -> Iterator[CodeGeneratorSubject]:
    """A code generator in each situation of a case: all dimensions of codes, little and much noise, a condition."""
    code_dims = case.situations.code_dims
    for code_dim in code_dims:
        yield CodeGeneratorSubject(case, 3, code_dim)
    yield CodeGeneratorSubject(case, 1, code_dims[-1])
    # More than the default has, with a condition beside it.
    yield CodeGeneratorSubject(case, 80, code_dims[0], 10)
