"""The configuration of a run: a pydantic class, TOML files, and how layers of settings become one."""

from priorkit.config.component_choice import ComponentChoice
from priorkit.config.durations import format_duration, parse_duration
from priorkit.config.fields import FieldDescription, describe_fields, describe_former_fields, flag_for, value_in_words
from priorkit.config.fit_settings import CODE_FIT_SETTINGS, FIT_DEFAULTS
from priorkit.config.json_text import parse_json
from priorkit.config.lr_schedule import LRSchedule
from priorkit.config.recipes import recipe
from priorkit.config.resolution import (
    choices_of,
    component_options,
    merge_settings,
    resolve_config,
    validate_settings,
)
from priorkit.config.run_config import (
    AUTOENCODER_SETTINGS,
    DEFAULT_STEPS,
    DEVICE_NAME,
    LIMITS,
    NAMED_TABLES,
    LearningRates,
    RunConfig,
)
from priorkit.config.run_length import require_reached_stages
from priorkit.config.shown_paths import without_paths
from priorkit.config.stages import Stage, beginnings
from priorkit.config.toml_files import config_to_toml, read_toml, toml_values

__all__ = [
    "AUTOENCODER_SETTINGS",
    "CODE_FIT_SETTINGS",
    "DEFAULT_STEPS",
    "DEVICE_NAME",
    "FIT_DEFAULTS",
    "LIMITS",
    "NAMED_TABLES",
    "ComponentChoice",
    "FieldDescription",
    "LRSchedule",
    "LearningRates",
    "RunConfig",
    "Stage",
    "beginnings",
    "choices_of",
    "component_options",
    "config_to_toml",
    "describe_fields",
    "describe_former_fields",
    "flag_for",
    "format_duration",
    "merge_settings",
    "parse_duration",
    "parse_json",
    "read_toml",
    "recipe",
    "require_reached_stages",
    "resolve_config",
    "toml_values",
    "validate_settings",
    "value_in_words",
    "without_paths",
]
