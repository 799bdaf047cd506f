"""Draws random numbers on the CPU for every device, so that two devices train on the same noise."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

__all__ = ["DrawnOnTheCpu"]

_DRAWS = frozenset(
    (
        *("bernoulli", "binomial", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal"),
        *("poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random", "randperm"),
        *("uniform", "native_dropout", "_sample_dirichlet", "_standard_gamma"),
    )
)
"""Names of torch's operations that draw random numbers, without the final underscore of in-place operations."""


class DrawnOnTheCpu(TorchDispatchMode):
    """A context in which random numbers for another device are drawn on the CPU and moved there.

    Each generator of the device is replaced by a CPU generator with the same seed, which starts anew whenever a new
    seed is set. No seed may be set twice, or be shared by two generators. Operations without a generator draw from the
    CPU's global one, which priorkit seeds together with the device's.
    """

    def __init__(self) -> None:
        super().__init__()
        # By seed, because operations get a new Python object for the same generator every time.
        self._followers: dict[int, torch.Generator] = {}

    def follower(self, generator: torch.Generator) -> torch.Generator:
        """Returns the CPU generator that replaces another generator."""
        if generator.device.type == "cpu":
            return generator
        seed = generator.initial_seed()
        if seed not in self._followers:
            self._followers[seed] = torch.Generator().manual_seed(seed)
        return self._followers[seed]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name.removesuffix("_") not in _DRAWS:
            return func(*args, **kwargs)
        device = self._device(args, kwargs)
        if device.type == "cpu":
            return func(*args, **kwargs)

        def on_the_cpu(value: Any) -> Any:
            if isinstance(value, Tensor):
                return value.cpu()
            if isinstance(value, torch.device):
                return torch.device("cpu")
            return self.follower(value) if isinstance(value, torch.Generator) else value

        drawn = func(*tree_map(on_the_cpu, args), **tree_map(on_the_cpu, kwargs))
        if name.endswith("_"):
            return args[0].copy_(drawn)
        if "out" in kwargs:
            return kwargs["out"].copy_(drawn)
        return tree_map(lambda value: value.to(device) if isinstance(value, Tensor) else value, drawn)

    def _device(self, args: Any, kwargs: Any) -> torch.device:
        """Returns the device on which an operation would draw."""
        given = next((value for value in args if isinstance(value, Tensor)), kwargs.get("out"))
        device = given.device if given is not None else kwargs.get("device")
        return torch.device("cpu") if device is None else torch.device(device)
