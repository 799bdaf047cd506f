"""Checks of code generators: their attributes, and the use of their input."""

import torch

from priorkit.testing.check import Check, require
from priorkit.testing.subjects.code_generator import CodeGeneratorSubject

__all__ = ["CODE_GENERATORS"]


def says_what_it_is(subject: CodeGeneratorSubject) -> None:
    """Its attributes noise_dim and code_dim are those of its context."""
    generator = subject.component()
    for name, wanted in (("noise_dim", subject.noise_dim), ("code_dim", subject.code_dim)):
        found = getattr(generator, name, None)
        require(found == wanted, f"{name} is {found}, but it was built for {wanted}", fix=f"set self.{name} = {name}")


def every_input_counts(subject: CodeGeneratorSubject) -> None:
    """Each dimension of the input changes codes: of the noise z, and of the condition s that may follow it."""
    generator = subject.component()
    noise = subject.inputs(generator, 32, subject.case.seed)["noise"]
    with torch.no_grad():
        codes = generator(noise)
        for i in range(subject.noise_dim):
            other = noise.clone()
            other[:, i] += 1
            require(
                not torch.equal(generator(other), codes),
                f"dimension {i} of {subject.noise_dim} of the input changes no code",
            )


def every_code_dimension_varies(subject: CodeGeneratorSubject) -> None:
    """Each dimension of codes varies with the noise."""
    varies = torch.zeros(subject.code_dim, dtype=torch.bool)
    for seed in range(3):
        generator = subject.component(seed)
        with torch.no_grad():
            codes = generator(subject.inputs(generator, 32, subject.case.seed)["noise"])
        varies |= (codes != codes[:1]).any(dim=0)
    still = [i for i in range(subject.code_dim) if not varies[i]]
    require(not still, f"dimension {', '.join(map(str, still))} of {subject.code_dim} is the same in all codes")


CODE_GENERATORS = (
    Check(
        "says_what_it_is",
        says_what_it_is,
        "an attribute is missing, or both are swapped",
        "see the attributes of priorkit.interfaces.CodeGenerator",
    ),
    Check(
        "every_input_counts",
        every_input_counts,
        "part of the input is cut off or multiplied by zeros; with a condition, s comes last",
        "let the first layer read all noise_dim dimensions of the input",
    ),
    Check(
        "every_code_dimension_varies",
        every_code_dimension_varies,
        "a dimension is filled with a constant, or its unit is dead",
        "compute all code_dim dimensions from the noise",
    ),
)
