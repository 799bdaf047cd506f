"""Modules from Python code that replace priorkit's: copied, and tried before training."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError, is_out_of_memory
from priorkit.interfaces import ImageCritic

__all__ = ["Given", "PlainCodeCritic", "PlainImageCritic", "fresh", "tried"]

Given = nn.Module | Callable[[], nn.Module]
"""A module, or a factory of modules: a function, or a class without arguments."""


def fresh(given: Given, role: str) -> nn.Module:
    """Returns a module to train: a copy of the given module, or a new module from the given factory.

    Copies keep the module's weights. New modules are initialised from torch's global generator, and so by the run's
    seed.

    Args:
        given: The module, or its factory.
        role: The module's role in messages: `encoder`.

    Raises:
        ConfigurationError: `given` is neither a module nor a factory, the module cannot be copied, or the factory
            fails.
    """
    if isinstance(given, nn.Module):
        try:
            return copy.deepcopy(given).cpu().train()
        except Exception as error:
            raise ConfigurationError(
                f"{role}: {type(given).__name__} cannot be copied ({_in_words(error)}); give a function that returns it"
            ) from error
    if not callable(given):
        raise ConfigurationError(f"{role}: expected a torch module, or a function that returns one, not {given!r}")
    name = getattr(given, "__name__", type(given).__name__)
    try:
        made = given()
    except Exception as error:
        raise ConfigurationError(
            f"{role}: {name}() fails: {_in_words(error)}; give a function without arguments: lambda: {name}(...)"
        ) from error
    if not isinstance(made, nn.Module):
        raise ConfigurationError(f"{role}: {name}() returned a {type(made).__name__}, but a torch module was expected")
    return made


def tried(module: nn.Module, role: str, inputs: tuple[Tensor, ...], expected: tuple[int, ...], mend: str) -> nn.Module:
    """Passes two blank inputs through a module, to check its output.

    Args:
        module: The module; its state is not changed.
        role: The module's role in messages.
        inputs: The inputs.
        expected: The required shape of its output.
        mend: Advice for a wrong shape, which ends the message.

    Returns:
        The module.

    Raises:
        ConfigurationError: The module fails, or its output is not a finite tensor of this shape.
    """
    name = type(module).__name__
    shapes = " and ".join(str(tuple(value.shape)) for value in inputs)
    state, training = {key: value.clone() for key, value in module.state_dict().items()}, module.training
    module.eval()
    try:
        with torch.no_grad():
            output = module(*inputs)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ConfigurationError(f"{role}: {name} fails on an input of shape {shapes}: {_in_words(error)}") from error
    finally:
        module.load_state_dict(state)
        module.train(training)
    if not isinstance(output, Tensor):
        raise ConfigurationError(
            f"{role}: {name} returned a {type(output).__name__}, but a tensor of shape {expected} was expected; wrap "
            "it in a module that returns the tensor"
        )
    if tuple(output.shape) != expected:
        raise ConfigurationError(
            f"{role}: {name} turns {shapes} into {tuple(output.shape)}, and {expected} was expected; {mend}"
        )
    if not bool(output.isfinite().all()):
        raise ConfigurationError(f"{role}: {name} returned numbers that are not finite for a blank input")
    return module


def _in_words(error: Exception) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {message}' if message else ''}"


class PlainImageCritic(ImageCritic):
    """D_I made from a module that turns images into logits.

    An `nn.Sequential` offers the outputs of all its parts except the last as features. Other modules offer none,
    because their layers are unknown.

    Args:
        module: Turns images (N, C, H, W), and s (N, condition_dim) if D_I sees it, into logits (N,) or (N, 1).
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.layers = max(len(module) - 1, 0) if isinstance(module, nn.Sequential) else 0

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """Returns the output of a part of the `nn.Sequential`, shape (N, ...).

        Raises:
            ConfigurationError: There is no such part, or the module is not an `nn.Sequential`.
        """
        if not isinstance(self.module, nn.Sequential) or not -self.layers <= layer < self.layers:
            raise ConfigurationError(
                f"image_critic: {type(self.module).__name__} offers {self.layers} layers of features, but layer "
                f"{layer} is needed; use loss='pixel', or give an nn.Sequential or an ImageCritic"
            )
        features: Tensor = self.module[: layer % self.layers + 1](image)
        return features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns the last features of an `nn.Sequential` into logits (N,)."""
        assert isinstance(self.module, nn.Sequential), "only an nn.Sequential has features"
        logits: Tensor = self.module[-1](features).flatten()
        return logits

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """D_I(x) or D_I(x, s): logits (N,)."""
        logits: Tensor = self.module(image) if condition is None else self.module(image, condition)
        return logits.flatten()


class PlainCodeCritic(nn.Module):
    """D_C made from a module that turns codes into logits (N,) or (N, 1).

    Args:
        module: The module.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any) -> Tensor:
        """D_C(c): logits (N,)."""
        logits: Tensor = self.module(*inputs)
        return logits.flatten()
