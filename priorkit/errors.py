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
"""What torch says where it cannot allocate a tensor."""
_NO_PRIMITIVE = "could not create a primitive"
"""All that oneDNN says, which computes for torch on processors, where it has no memory for the code of an operation. It
names what it does not support at an earlier stage, by a longer message that begins so."""


class PriorkitError(ValueError):
    """Something that the user can mend; the message says how."""


class ConfigurationError(PriorkitError):
    """An option has a value that it cannot have, or two options contradict each other."""


class UnknownComponentError(ConfigurationError):
    """No loaded plug-in supplies a component of that kind and name."""


class DataError(PriorkitError):
    """A data set is missing, broken, or of a shape that priorkit cannot use."""


class DeviceError(PriorkitError):
    """The device or precision that was asked for is not available on this machine."""


class ExportError(PriorkitError):
    """A part of a trained model cannot be exported, or not to that file."""


class RunFolderError(PriorkitError):
    """A run folder exists already, is none, or belongs to another configuration."""


class RunFolderWarning(UserWarning):
    """A part of a run folder could not be used, and another one took its place."""


class TrainingWarning(UserWarning):
    """Training runs, and shows a symptom of collapse, or of a critic that teaches nothing."""


class DataWarning(UserWarning):
    """Data was taken for something that may not be meant."""


class TrackingWarning(UserWarning):
    """A tracker has failed; training goes on without it."""


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
    """A plug-in of a third party has a mistake; its user can only report it, or do without."""


class ProcessesError(PriorkitError):
    """The processes that train a run together do not find together, or one of them has failed.

    Args:
        message: What to tell the user.
        told: Whether the main process tells it already.
    """

    def __init__(self, message: str, *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told


class NonFiniteLossError(ArithmeticError):
    """Training reached a loss that is infinite or not a number, and stopped."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is how Python or torch (on a processor or a GPU) refuse to allocate something."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OverflowError | RuntimeError | TypeError) and any(
        # Not in str(error), which a class of a plug-in's may have made fail.
        str(said) == _NO_PRIMITIVE or any(words in str(said) for words in _OUT_OF_MEMORY)
        for said in error.args
    )
