"""Networks compiled with torch.compile, in place."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from priorkit.errors import ConfigurationError, DeviceError

__all__ = ["compile_method", "require_compiler"]

Backend = str | Callable[..., Any]


def compile_method(module: nn.Module, method: str = "forward", *, backend: Backend = "inductor") -> None:
    """Compiles a method of a module at its first call in training mode, once for each kind of input.

    In evaluation mode, where batch sizes vary, the method runs uncompiled. Nothing else about the module changes: its
    tensors keep their names, and deep or pickled copies are not compiled.

    Args:
        module: The module.
        method: The method's name; the compiled method replaces it under the same name.
        backend: A backend of torch.compile, or its name.
    """
    setattr(module, method, _CompiledMethod(module, method, backend))


class _CompiledMethod:
    """Replaces a module's method by its compiled version."""

    def __init__(self, module: nn.Module, name: str, backend: Backend) -> None:
        self._module = module
        self._name = name
        self._eager = getattr(module, name)
        self._compiled = torch.compile(_with_own_code(self._eager), backend=backend, dynamic=False)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._module.training or torch.compiler.is_compiling():
            return self._eager(*args, **kwargs)
        try:
            return self._compiled(*args, **kwargs)
        except Exception as error:
            if not _is_of_the_compiler(error):
                raise
            raise ConfigurationError(
                f"--compile: {type(self._module).__name__}.{self._name} cannot be compiled ({_reason(error)}); "
                "use --no-compile"
            ) from error

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[nn.Module, str]]:
        # A copy of the module gets the class's own method.
        return getattr, (self._module, self._name)


def _with_own_code(method: Callable[..., Any]) -> Callable[..., Any]:
    # torch.compile keeps a limited number of variants of a code object, and stops compiling beyond it. Networks often
    # share code objects (nn.Sequential.forward), and each pass that freezes statistics or gradients is a variant.
    def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    call.__code__ = call.__code__.replace()
    return call


def _is_of_the_compiler(error: Exception) -> bool:
    # By name: importing these modules takes a second, which runs without --compile save.
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # The first line may only announce the backend's error.
    first = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def require_compiler(device: torch.device, *, backend: Backend = "inductor") -> None:
    """Tests torch.compile by compiling and running a small function, forward and backward.

    Raises:
        DeviceError: It does not work: a compiler is missing, or the device is not supported.
    """
    weight = torch.ones(8, device=device, requires_grad=True)
    compiled: Callable[[torch.Tensor], torch.Tensor] = torch.compile(_rehearsal, backend=backend, dynamic=False)
    try:
        compiled(weight).backward()  # type: ignore[no-untyped-call]
    except Exception as error:
        needed = "Triton (pip install triton)" if device.type == "cuda" else "a C++ compiler (g++ or clang++)"
        raise DeviceError(
            f"--compile: torch.compile does not work on {device} here ({_reason(error)}); it needs {needed}; "
            "install that, or use --no-compile"
        ) from error


def _rehearsal(weight: torch.Tensor) -> torch.Tensor:
    return (weight * 2).tanh().sum()
