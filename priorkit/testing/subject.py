"""A component in one situation, ready to be checked."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from priorkit.plugins import Options
from priorkit.registry.blame import error_in_words, place_of
from priorkit.testing.case import Case
from priorkit.testing.check import Defect, NotApplicable, Refused, Unbuildable
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.global_generator import seeded

__all__ = ["AnySubject", "Subject", "as_module"]

T = TypeVar("T")


class Subject(abc.ABC, Generic[T]):
    """Builds and calls a component of one kind in one situation.

    Attributes:
        interface: The interface that the component must implement.
        may_drop_out: Whether the component may draw from torch's global generator in training mode, as dropout does.
        situation: The situation in words: `code_dim 2, 3 classes`.
        variant: How the situation differs from others, apart from sizes: with classes, or the part of the networks.
        companions: Modules that the component is called with but does not own, such as the prior of a regularizer.
            They are moved to the component's device.
        computed: Inputs that a run's networks compute, which under autocast may be bfloat16.
        loading: Whether the component is built to load a trained run's tensors, without training images.
        examples: Number of examples to try.
        first: Whether the check has not run in another situation before.
    """

    interface: ClassVar[type]
    computed: ClassVar[tuple[str, ...]] = ()
    may_drop_out: ClassVar[bool] = False

    def __init__(self, case: Case, situation: str, variant: str = "") -> None:
        self.case = case
        self.situation = situation
        self.variant = variant
        self.companions: tuple[nn.Module, ...] = ()
        self.examples = case.situations.examples
        self.loading = False
        self.first = True

    @abc.abstractmethod
    def context(self) -> Any:
        """Returns the context with which the component is built."""

    @abc.abstractmethod
    def passes(self, component: T) -> Sequence[ForwardPass]:
        """Returns the ways of calling the component."""

    @abc.abstractmethod
    def inputs(self, component: T, n: int, seed: int) -> Inputs:
        """Returns the inputs of all passes for `n` samples, drawn from the seed."""

    def extreme_inputs(self, component: T) -> Sequence[tuple[str, Inputs]]:
        """Returns inputs that a run may meet and that strain floating-point numbers, with their names in words."""
        return ()

    def part(self, made: Any) -> T:
        """Returns the part of the built object to check: all of it, except for networks."""
        part: T = made
        return part

    def built(self, seed: int = 0, options: Options | None = None) -> T:
        """Returns a new component, as a run would build it after `torch.manual_seed(seed)`.

        Raises:
            Refused: The component refuses this situation.
            Unbuildable: Building raises another error, or returns an object of another type.
        """
        with seeded(self.case.seed + seed):
            try:
                made = self.case.build(self.context(), options)
                part = self.part(made)
            except NotApplicable:
                raise
            except Defect as error:
                raise Unbuildable(error.found, error.cause, error.fix) from error
            except ValueError as error:
                raise Refused(f"it refuses {self.situation}: {' '.join(str(error).split())}") from error
            except Exception as error:
                place = place_of(error, self.case.package)
                raise Unbuildable(error_in_words(error) + (f" in {place}" if place else "")) from error
        if isinstance(part, type):
            raise Unbuildable(
                f"it builds the class {part.__name__} itself, not an instance of it",
                "`build` returns the class instead of calling it",
                f"return {part.__name__}(...)",
            )
        if not isinstance(part, self.interface):
            raise Unbuildable(
                f"it builds a {type(part).__name__}, not a {self.interface.__name__}",
                "`build` returns the wrong object, or the class does not derive from the interface",
                f"derive from priorkit.interfaces.{self.interface.__name__}",
            )
        return part

    def component(self, seed: int = 0) -> T:
        """Returns a new component in evaluation mode, with parameters changed a little from their initial values.

        Many initial values are 0 or 1, which would hide defects.
        """
        component = self.built(seed)
        if isinstance(component, nn.Module):
            generator = torch.Generator().manual_seed(self.case.seed + seed)
            with torch.no_grad():
                for weight in component.parameters():
                    if weight.is_floating_point() and weight.requires_grad:
                        size = 0.3 * weight.square().mean().sqrt().clamp(0.3, 1)
                        weight.add_(size * torch.randn(weight.shape, generator=generator).to(weight))
            component.eval()
        return component

    def tensors(self, component: T) -> dict[str, Tensor]:
        """Returns copies of all parameters and buffers of a component, by name."""
        if not isinstance(component, nn.Module):
            return {}
        named = [*component.named_parameters(), *component.named_buffers()]
        return {name: tensor.detach().clone() for name, tensor in named}


AnySubject = Subject[Any]
"""A component of any kind."""


def as_module(component: object) -> nn.Module:
    """Returns the component, if it is a module.

    Raises:
        NotApplicable: The component is not a module.
    """
    if not isinstance(component, nn.Module):
        raise NotApplicable("it is not a module")
    return component
