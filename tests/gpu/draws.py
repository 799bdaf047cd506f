"""Random numbers drawn on the CPU for every device, so that two devices train on the same noise."""

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
"""torch's operations that draw, without the underscore of those that write in place."""


class DrawnOnTheCpu(TorchDispatchMode):
    """Inside, what would be drawn on another device is drawn on the CPU and moved there.

    A generator of that device is followed by one of the CPU, which starts from the same seed whenever a new one is set;
    no seed may be set twice, nor be that of two generators. Where none is given, the CPU's global one is drawn from,
    which priorkit seeds together with the device's.
    """

    def __init__(self) -> None:
        super().__init__()
        # By seed: operations are given another Python object for the same generator every time.
        self._followers: dict[int, torch.Generator] = {}

    def follower(self, generator: torch.Generator) -> torch.Generator:
        """The generator of the CPU that is drawn from in the place of another one."""
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
        """Where an operation would draw."""
        given = next((value for value in args if isinstance(value, Tensor)), kwargs.get("out"))
        device = given.device if given is not None else kwargs.get("device")
        return torch.device("cpu") if device is None else torch.device(device)
