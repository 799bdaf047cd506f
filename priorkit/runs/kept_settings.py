"""Settings recorded in a folder, which this version may not know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from priorkit.config import RunConfig, choices_of, component_options
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.registry import Registry

__all__ = ["blaming_file", "require_known_options"]


@contextmanager
def blaming_file(file: Path, version: str | None) -> Iterator[None]:
    """Makes errors about settings name their file, because no flag of the user's is wrong.

    Args:
        file: The file.
        version: The version of priorkit that wrote it, if it is known.

    Raises:
        ConfigurationError: A setting is wrong.
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
    """Checks that all components know their options in a file.

    Raises:
        ConfigurationError: An option or its value is not known; the message names the file.
    """
    for kind, choice in choices_of(config):
        # Missing plug-ins are reported elsewhere, if they matter.
        if any(item.component.name == choice.name for item in registry.components(kind.slot)):
            with blaming_file(file, version):
                component_options(registry.get(kind.slot, choice.name), choice.options)
