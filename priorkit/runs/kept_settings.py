"""Settings that a folder keeps, which this version may not know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from priorkit.config import RunConfig, choices_of, component_options
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.registry import Registry

__all__ = ["blaming_file", "require_known_options"]


@contextmanager
def blaming_file(file: Path, version: str | None) -> Iterator[None]:
    """Has what is wrong with settings name the file that they are from: no flag of the user's is to blame.

    Args:
        file: The file.
        version: The version of priorkit that wrote it, if it is known.

    Raises:
        ConfigurationError: Settings are wrong inside.
    """
    try:
        yield
    except UnknownComponentError:
        raise
    except ConfigurationError as error:
        if str(file) in str(error):
            raise
        by = f"priorkit {version} wrote it" if version else "another version of priorkit may have written it"
        reason = str(error).removeprefix("--")
        raise ConfigurationError(
            f"{str(file)!r} cannot be used here: {reason.rstrip('.')} ({by}; restore the file if it was changed, or "
            "install that version)"
        ) from error


def require_known_options(config: RunConfig, registry: Registry, file: Path, version: str | None) -> None:
    """Makes sure that all components know the options that a file gives them.

    Raises:
        ConfigurationError: One does not, or not such a value; the message names the file.
    """
    for kind, choice in choices_of(config):
        # What is not installed any more, others complain about, where it matters.
        if any(item.component.name == choice.name for item in registry.components(kind.slot)):
            with blaming_file(file, version):
                component_options(registry.get(kind.slot, choice.name), choice.options)
