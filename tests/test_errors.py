"""The errors that are raised for users' mistakes."""

import inspect

import pytest

from priorkit import errors
from priorkit.errors import (
    ConfigurationError,
    NonFiniteLossError,
    PluginError,
    PriorkitError,
    UnknownComponentError,
    is_out_of_memory,
)


def test_the_module_exports_every_error() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert defined | {"is_out_of_memory"} == set(errors.__all__)


@pytest.mark.parametrize(
    "name", [name for name in errors.__all__ if name not in ("NonFiniteLossError", "is_out_of_memory")]
)
def test_users_mistakes_can_be_caught_together(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, PriorkitError)
    assert issubclass(error, ValueError)
    assert str(error("what was wrong, and how to mend it")) == "what was wrong, and how to mend it"


def test_an_unknown_component_is_a_mistake_in_the_configuration() -> None:
    assert issubclass(UnknownComponentError, ConfigurationError)


def test_a_loss_that_explodes_is_no_mistake_of_the_users() -> None:
    assert issubclass(NonFiniteLossError, ArithmeticError)
    assert not issubclass(NonFiniteLossError, PriorkitError)


def test_a_plugins_mistake_is_in_what_was_configured() -> None:
    assert issubclass(PluginError, ConfigurationError)


@pytest.mark.parametrize(
    ("error", "lack"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (TypeError("Overflow when unpacking long"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_recognised(error: Exception, lack: bool) -> None:
    assert is_out_of_memory(error) == lack
