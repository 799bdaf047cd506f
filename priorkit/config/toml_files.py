"""Configurations as TOML files."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from priorkit.config.run_config import RunConfig
from priorkit.errors import ConfigurationError

__all__ = ["config_to_toml", "read_toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a configuration file. The table `[recipe]`, which describes a recipe to people, is left out.

    Raises:
        ConfigurationError: There is no such file, it cannot be read, or it is not TOML.
    """
    try:
        # Some editors begin UTF-8 files with a byte order mark, which TOML does not know.
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigurationError(f"no configuration file {str(path)!r}: check the path") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {str(path)!r}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{str(path)!r} is not TOML: {error}") from None
    if isinstance(settings.get("recipe"), dict):
        del settings["recipe"]
    return settings


def _writable(value: Any) -> Any:
    # TOML has no null: a key that is left out keeps its default, which is what None means everywhere here.
    if isinstance(value, Mapping):
        return {key: _writable(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def config_to_toml(config: RunConfig) -> str:
    """Writes a configuration as TOML that `read_toml` reads back to the same configuration."""
    return tomli_w.dumps(_writable(config.model_dump()))
