"""The settings of a fit to given codes: the applicable fields of `RunConfig`."""

from collections.abc import Mapping
from typing import Any

import tomli_w

from priorkit.codes.given_codes import GivenCodes
from priorkit.config import (
    CODE_FIT_SETTINGS,
    FIT_DEFAULTS,
    LIMITS,
    RunConfig,
    flag_for,
    merge_settings,
    resolve_config,
    toml_values,
    validate_settings,
)
from priorkit.errors import ConfigurationError
from priorkit.registry import Registry

__all__ = ["RESUMABLE_FIT", "resolve_code_fit", "settings_to_toml"]

RESUMABLE_FIT = (*LIMITS, "device")
"""Settings that may change when a fit is resumed."""


def resolve_code_fit(changes: Mapping[str, Any], codes: GivenCodes, registry: Registry) -> RunConfig:
    """The configuration of a fit, with all defaults filled in.

    Args:
        changes: The user's settings.
        codes: The codes; a batch has at most as many.
        registry: Where components come from.

    Raises:
        ConfigurationError: A setting is about images, or has a wrong value.
        UnknownComponentError: There is no such component.
    """
    refused = [key for key in changes if key in RunConfig.model_fields and key not in CODE_FIT_SETTINGS]
    if refused:
        raise ConfigurationError(
            f"{flag_for((refused[0],))}: a fit to given codes has no images and no autoencoder; leave it out"
        )
    lower = {key: value for key, value in FIT_DEFAULTS.items() if key in CODE_FIT_SETTINGS}
    if changes.get("batch_size") is None:
        lower["batch_size"] = min(lower["batch_size"], len(codes))
    given = {key: value for key, value in changes.items() if value is not None}
    config = resolve_config(validate_settings(merge_settings(lower, given)), registry)
    if config.batch_size > len(codes):
        raise ConfigurationError(
            f"--batch-size {config.batch_size} is more than the {len(codes)} codes; use at most --batch-size "
            f"{len(codes)}"
        )
    return config


def settings_to_toml(config: RunConfig) -> str:
    """The settings of a fit as TOML; values of None are left out, because TOML has no null."""
    dumped = config.model_dump(mode="json", include=set(CODE_FIT_SETTINGS), exclude_none=True)
    return tomli_w.dumps({key: toml_values(dumped[key]) for key in CODE_FIT_SETTINGS if key in dumped})
