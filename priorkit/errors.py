"""The errors that priorkit raises for its users' mistakes.

Each is a `ValueError`: it says what was wrong, what was given, what was expected and how to mend it.
The command line prints its message on one line and exits with status 2.
"""

from pathlib import Path

__all__ = [
    "ConfigurationError",
    "DamagedCheckpointError",
    "DataError",
    "DataWarning",
    "DeviceError",
    "ExportError",
    "MissingExtraError",
    "NonFiniteLossError",
    "PluginError",
    "PriorkitError",
    "ProcessesError",
    "RunFolderError",
    "RunFolderWarning",
    "TrackingWarning",
    "TrainingWarning",
    "UnknownComponentError",
    "is_out_of_memory",
]

_OUT_OF_MEMORY = (
    "not enough memory",
    "can't allocate memory",
    "out of memory",
    "Storage size calculation overflowed",
    "Overflow when unpacking long",
)
"""Messages of torch when it cannot allocate a tensor."""
_NO_PRIMITIVE = "could not create a primitive"
"""The whole message of oneDNN, torch's CPU library, when it has no memory for the code of an operation. Errors about
unsupported operations begin with the same words, but are longer."""


class PriorkitError(ValueError):
    """A mistake that the user can mend; the message says how."""


class ConfigurationError(PriorkitError):
    """An option has an invalid value, or two options contradict each other."""


class UnknownComponentError(ConfigurationError):
    """No loaded plug-in supplies a component of that kind and name."""


class DataError(PriorkitError):
    """A data set is missing, broken, or of a shape that priorkit cannot use."""


class DeviceError(PriorkitError):
    """The requested device or precision is not available on this machine."""


class ExportError(PriorkitError):
    """A part of a trained model cannot be exported, or not to the given file."""


class RunFolderError(PriorkitError):
    """A run folder already exists, is not a run folder, or belongs to another configuration."""


class RunFolderWarning(UserWarning):
    """A part of a run folder could not be used, and a substitute was used instead."""


class TrainingWarning(UserWarning):
    """Training shows a symptom of collapse, or of a critic that gives no useful gradient."""


class DataWarning(UserWarning):
    """Data was interpreted in a way that the user may not have meant."""


class TrackingWarning(UserWarning):
    """A tracker has failed; training continues without it."""


class DamagedCheckpointError(RunFolderError):
    """A file of a checkpoint is damaged or missing.

    Args:
        file: The file.
        reason: What is wrong with it.
    """

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(
            f"cannot read the checkpoint {str(file)!r}: {reason}; restore the file, or train the run again"
        )
        self.file = file
        self.reason = reason


class MissingExtraError(PriorkitError):
    """A feature needs an optional dependency; the message names the extra that installs it."""


class PluginError(ConfigurationError):
    """A third-party plug-in has a mistake; its user can only report the mistake, or not use the plug-in."""


class ProcessesError(PriorkitError):
    """The processes that train a run together cannot connect, or one of them has failed.

    Args:
        message: The error message.
        told: Whether the main process already reports this error.
    """

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


class NonFiniteLossError(ArithmeticError):
    """Training reached a loss that is infinite or not a number, and stopped."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that Python or torch (on a CPU or a GPU) could not allocate memory.

    Examples:
        >>> from priorkit.errors import is_out_of_memory
        >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
        True
        >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        False
    """
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OverflowError | RuntimeError | TypeError) and any(
        # Not str(error), which a plug-in's error class may have broken.
        str(said) == _NO_PRIMITIVE or any(words in str(said) for words in _OUT_OF_MEMORY)
        for said in error.args
    )
