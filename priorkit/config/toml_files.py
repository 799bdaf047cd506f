"""Configurations as TOML files."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from priorkit.config.run_config import RunConfig
from priorkit.errors import ConfigurationError
from priorkit.whole_files import read_regular

__all__ = ["config_to_toml", "read_toml", "toml_values"]


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a configuration file. The table `[recipe]`, a description of the recipe, is left out.

    Raises:
        ConfigurationError: The file does not exist, cannot be read, or is not TOML.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.config import read_toml
        >>> read_toml(Path("runs/first/config.toml"))["steps"]
        2
    """
    try:
        # Some editors begin UTF-8 files with a byte order mark, which TOML does not allow.
        settings = tomllib.loads(read_regular(path).decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigurationError(f"no configuration file {str(path)!r}: check the path") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {str(path)!r}: {error.strerror}") from None
    except RecursionError:
        raise ConfigurationError(f"{str(path)!r} is nested too deeply for a configuration: check the file") from None
    except ValueError as error:
        # Python refuses numbers of thousands of digits; its advice after the semicolon is for programmers.
        raise ConfigurationError(f"{str(path)!r} is not TOML: {str(error).partition(';')[0]}") from None
    if isinstance(settings.get("recipe"), dict):
        del settings["recipe"]
    return settings


def toml_values(value: Any) -> Any:
    """Converts values for TOML, which has no null: a key whose value is None is left out and keeps its default.

    Examples:
        >>> from pathlib import Path
        >>> from priorkit.config import toml_values
        >>> toml_values({"steps": 500, "epochs": None, "data_dir": Path("images"), "sizes": (8, 16)})
        {'steps': 500, 'data_dir': 'images', 'sizes': [8, 16]}
    """
    if isinstance(value, Mapping):
        return {key: toml_values(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [toml_values(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def config_to_toml(config: RunConfig) -> str:
    """Writes a configuration as TOML that `read_toml` reads back to the same configuration.

    Examples:
        >>> from priorkit.config import RunConfig, config_to_toml
        >>> "steps = 500" in config_to_toml(RunConfig(steps=500)).splitlines()
        True
    """
    return tomli_w.dumps(toml_values(config.model_dump()))
