"""A component in one situation, ready to be tried."""

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from priorkit.plugins import Options
from priorkit.registry.blame import error_in_words, place_of
from priorkit.testing.case import Case
from priorkit.testing.check import NotApplicable, Refused, Unbuildable
from priorkit.testing.forward_pass import ForwardPass, Inputs

__all__ = ["AnySubject", "Subject", "as_module"]

T = TypeVar("T")


class Subject(abc.ABC, Generic[T]):
    """How a component of one kind is built and called in one situation.

    Attributes:
        interface: What it must be.
        may_drop_out: Whether it may draw from torch's global generator in training mode, as dropout does.
        situation: The situation in words: `code_dim 2, 3 classes`.
        variant: What sets it apart from other situations but for sizes: with classes, or which part of networks.
        companions: Modules that it is called with and that are not its own, such as a prior that a regularizer reads.
            They are moved to wherever it is moved.
        computed: Inputs that a run's networks compute, and under autocast to bfloat16 may give in bfloat16.
        loading: Whether it is built to have a trained run's tensors loaded, which brings no training images.
        examples: How many examples of what varies are tried.
        first: Whether the check has been held in no other situation before.
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
        """What the component is told when it is built."""

    @abc.abstractmethod
    def passes(self, component: T) -> Sequence[ForwardPass]:
        """The ways of calling it."""

    @abc.abstractmethod
    def inputs(self, component: T, n: int, seed: int) -> Inputs:
        """What all passes take, for `n` samples, drawn from that seed."""

    def extreme_inputs(self, component: T) -> Sequence[tuple[str, Inputs]]:
        """Inputs that a run may well meet and that strain floating-point numbers, with what they are in words."""
        return ()

    def part(self, made: Any) -> T:
        """The part of what the plug-in builds that this is about: all of it, except for networks."""
        part: T = made
        return part

    def built(self, seed: int = 0, options: Options | None = None) -> T:
        """A new component, as a run would build it after `torch.manual_seed(seed)`.

        Raises:
            Refused: It cannot be had in this situation.
            Unbuildable: Building it ends in an error, or makes something else.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.case.seed + seed)
            try:
                made = self.case.build(self.context(), options)
                part = self.part(made)
            except NotApplicable:
                raise
            except ValueError as error:
                raise Refused(f"with {self.situation} it is refused: {' '.join(str(error).split())}") from error
            except Exception as error:
                place = place_of(error, self.case.package)
                raise Unbuildable(error_in_words(error) + (f" in {place}" if place else "")) from error
        if isinstance(part, type):
            raise Unbuildable(
                f"it builds the class {part.__name__} itself, not an instance of it",
                "the class is returned where it should be called",
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
        """A new component in evaluation mode, with its parameters somewhat away from where they start.

        Where they start, much is zero or one, and defects do not show.
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
        """Copies of all its parameters and buffers, by name."""
        if not isinstance(component, nn.Module):
            return {}
        named = [*component.named_parameters(), *component.named_buffers()]
        return {name: tensor.detach().clone() for name, tensor in named}


AnySubject = Subject[Any]
"""A component of any kind."""


def as_module(component: object) -> nn.Module:
    """The component, where it is a module.

    Raises:
        NotApplicable: It is none.
    """
    if not isinstance(component, nn.Module):
        raise NotApplicable("it is no module")
    return component
