"""The settings of a fit of a prior to codes, and their defaults."""

from collections.abc import Mapping
from typing import Any

from priorkit.config.run_config import LIMITS

__all__ = ["CODE_FIT_SETTINGS", "FIT_DEFAULTS"]

FIT_DEFAULTS: Mapping[str, Any] = {
    # The codes are fixed here: several updates on one batch would gain nothing.
    "prior": {"name": "flow-matching", "fits": 1, "times": 1},
    "condition": "none",
    "regularizer": "none",
    "phases": ["code-fitting"],
    "learning_rate": 1e-3,
    "beta1": 0.9,
    "batch_size": 256,
    "steps": 2000,
}
"""Defaults of a fit that differ from those of a training."""

CODE_FIT_SETTINGS = (
    *("prior", "code_generator", "condition"),
    *("batch_size", "optimizer", "learning_rate", "lr_schedule"),
    *("beta1", "beta2", "weight_decay", "clip_norm", "average"),
    *LIMITS,
    *("seed", "device", "precision", "log_every", "checkpoint_every", "keep_checkpoints"),
)
"""Fields of `RunConfig` that apply to given codes (`priorkit fit --codes`); all others are about images."""
