"""Modules that Python code gives in the place of priorkit's: copied, and tried before they are trained."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from priorkit.errors import ConfigurationError, is_out_of_memory
from priorkit.interfaces import ImageCritic

__all__ = ["Given", "PlainCodeCritic", "PlainImageCritic", "fresh", "tried"]

Given = nn.Module | Callable[[], nn.Module]
"""A module, or what makes one: a class without arguments, a function."""


def fresh(given: Given, role: str) -> nn.Module:
    """A module of one's own to train: a copy of the one that was given, or a new one where it can be made.

    Copies keep the weights that the module has. Those that are made are initialised from torch's global generator, by
    the run's seed.

    Args:
        given: The module, or what makes it.
        role: What it is used as, to begin messages: `encoder`.

    Raises:
        ConfigurationError: It is neither, or cannot be made or copied.
    """
    if isinstance(given, nn.Module):
        try:
            return copy.deepcopy(given).cpu().train()
        except Exception as error:
            raise ConfigurationError(
                f"{role}: {type(given).__name__} cannot be copied ({_in_words(error)}); give a function that makes it"
            ) from error
    if not callable(given):
        raise ConfigurationError(f"{role}: expected a torch module, or a function that makes one, not {given!r}")
    name = getattr(given, "__name__", type(given).__name__)
    try:
        made = given()
    except Exception as error:
        raise ConfigurationError(
            f"{role}: {name}() fails: {_in_words(error)}; give a function without arguments, as lambda: {name}(...)"
        ) from error
    if not isinstance(made, nn.Module):
        raise ConfigurationError(f"{role}: {name}() gives a {type(made).__name__}, and a torch module was expected")
    return made


def tried(module: nn.Module, role: str, inputs: tuple[Tensor, ...], expected: tuple[int, ...], mend: str) -> nn.Module:
    """Passes two blank inputs through a module, to see that its output fits.

    Args:
        module: The module; its state is left as it was.
        role: What it is used as, to begin messages.
        inputs: What it is called with.
        expected: The shape that its output must have.
        mend: How to mend another shape, to end the message.

    Returns:
        The module.

    Raises:
        ConfigurationError: It fails, or gives something else.
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
            f"{role}: {name} gives a {type(output).__name__}, and a tensor of shape {expected} was expected; wrap it "
            "in a module that gives the tensor"
        )
    if tuple(output.shape) != expected:
        raise ConfigurationError(
            f"{role}: {name} turns {shapes} into {tuple(output.shape)}, and {expected} was expected; {mend}"
        )
    if not bool(output.isfinite().all()):
        raise ConfigurationError(f"{role}: {name} gives numbers that are not finite for a blank input")
    return module


def _in_words(error: Exception) -> str:
    message = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {message}' if message else ''}"


class PlainImageCritic(ImageCritic):
    """D_I made of a module from images to logits.

    A module in a row (`nn.Sequential`) offers the outputs of its parts as features, all but the last one's. Of any
    other, nothing is known inside, so it offers none.

    Args:
        module: From images (N, C, H, W), and s (N, condition_dim) where it is shown, to logits (N,) or (N, 1).
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.layers = max(len(module) - 1, 0) if isinstance(module, nn.Sequential) else 0

    def features(self, image: Tensor, layer: int = -1) -> Tensor:
        """The output of a part of the row, shape (N, ...).

        Raises:
            ConfigurationError: There is no such part, or the module is no row.
        """
        if not isinstance(self.module, nn.Sequential) or not -self.layers <= layer < self.layers:
            raise ConfigurationError(
                f"image_critic: {type(self.module).__name__} offers {self.layers} layers of features, and layer "
                f"{layer} was asked for; use loss='pixel', or give an nn.Sequential or an ImageCritic"
            )
        features: Tensor = self.module[: layer % self.layers + 1](image)
        return features

    def score(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Turns the last features of a row into logits (N,)."""
        assert isinstance(self.module, nn.Sequential), "only a row has features"
        logits: Tensor = self.module[-1](features).flatten()
        return logits

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """D_I(x) or D_I(x, s): logits (N,)."""
        logits: Tensor = self.module(image) if condition is None else self.module(image, condition)
        return logits.flatten()


class PlainCodeCritic(nn.Module):
    """D_C made of a module from codes to logits (N,) or (N, 1).

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
