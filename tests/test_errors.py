"""The errors for users' mistakes."""

from pathlib import Path

import pytest

from priorkit import errors
from priorkit.errors import (
    ConfigurationError,
    DamagedCheckpointError,
    NonFiniteLossError,
    PluginError,
    PriorkitError,
    RunFolderError,
    UnknownComponentError,
    is_out_of_memory,
)


def test_the_module_exports_every_error() -> None:
    defined = {name for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__}
    assert {name for name in defined if not name.startswith("_")} == set(errors.__all__)


_OTHERS = (
    "DamagedCheckpointError",
    "DataWarning",
    "NonFiniteLossError",
    "RunFolderWarning",
    "TrackingWarning",
    "TrainingWarning",
    "is_out_of_memory",
)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name not in _OTHERS])
def test_users_mistakes_can_be_caught_together(name: str) -> None:
    error = getattr(errors, name)
    assert issubclass(error, PriorkitError)
    assert issubclass(error, ValueError)
    assert str(error("what was wrong, and how to mend it")) == "what was wrong, and how to mend it"


def test_a_damaged_checkpoint_names_its_file() -> None:
    error = DamagedCheckpointError(Path("run/state.pt"), "it is missing")
    assert isinstance(error, RunFolderError)
    assert (
        str(error)
        == "cannot read the checkpoint 'run/state.pt': it is missing; restore the file, or train the run again"
    )
    assert (error.file, error.reason) == (Path("run/state.pt"), "it is missing")


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
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("could not create a primitive descriptor for the matmul primitive"), False),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_a_lack_of_memory_is_recognised(error: Exception, lack: bool) -> None:
    assert is_out_of_memory(error) == lack
