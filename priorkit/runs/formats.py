"""Formats of run folders, and migrations from those of earlier versions.

`environment.json` and every checkpoint carry the number of the format that they were written in. The number is raised
if earlier files need a migration; new settings or options with a default do not raise it.

Reading migrates in memory, one function for each step, and writes nothing. Resuming a run (`priorkit train --resume`)
brings its folder up to date.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from torch import Tensor

from priorkit.errors import RunFolderError

__all__ = [
    "FORMAT",
    "migrated_environment",
    "migrated_settings",
    "migrated_state",
    "migrated_weights",
    "require_readable",
]

FORMAT = 4
"""The format that this version writes. Numbers are written since 4; earlier formats are recognised by their content.

0. Of the data, only the number and the shape of the images are recorded.
1. Fingerprints of the data are recorded. Only the decoder and the prior have averages; all uses share one set of
   batch-norm statistics.
2. The encoder has averages, too, and each use has statistics (`use/...`); residual networks upsample in one way only.
3. Residual networks have an option for upsampling.
4. Code generators have an option for their width, and every run records its phases; `sliced-wasserstein` saves no
   directions. The regularizer's tensors are called `regularizer/...`, no longer `code_critic/...`.
"""


def require_readable(number: object, what: str) -> None:
    """Checks that this version can read a format.

    Args:
        number: The recorded number, or None.
        what: The subject of the message.

    Raises:
        RunFolderError: The format is newer than this version, or the number is invalid.
    """
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise RunFolderError(f"{what} has the format {number!r}, but a whole number of at least 1 was expected")
    if number > FORMAT:
        raise RunFolderError(
            f"{what} was written by a newer priorkit (its format is {number}, but this version reads up to {FORMAT}); "
            "upgrade priorkit: pip install --upgrade priorkit"
        )


def migrated_environment(environment: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    """Migrates a run's environment to the current format.

    Args:
        environment: The recorded value.
        number: The format's number; None if none is recorded.
    """
    data = environment.get("data")
    if number is None and isinstance(data, Mapping) and "fingerprint" not in data:
        # 0 to 1
        return {**environment, "data": {**data, "fingerprint": None}}
    return dict(environment)


def migrated_settings(settings: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    """Migrates a run's settings to the current format.

    Args:
        settings: The recorded values.
        number: The format's number; None if none is recorded.
    """
    if number is None:
        number = 1 if "average_statistics" in settings else 2
    settings = dict(settings)
    for step in range(number, FORMAT):
        settings = _SETTINGS[step](settings)
    return settings


def migrated_weights(weights: Mapping[str, Tensor], number: int | None) -> dict[str, Tensor]:
    """Migrates a checkpoint's tensors, by name, to the current format.

    Args:
        weights: The recorded values.
        number: The format's number; None if none is recorded.
    """
    if number is None:
        number = 1 if _has_one_set_of_statistics(weights) else 2
    weights = dict(weights)
    for step in range(number, FORMAT):
        weights = _WEIGHTS.get(step, dict)(weights)
    return weights


def _is_built_in(choice: Any, name: str) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(choice, Mapping) and choice.get("name") in (name, f"priorkit:{name}")


def _without_average_statistics(settings: dict[str, Any]) -> dict[str, Any]:
    """1 to 2: statistics are recomputed, and no longer averaged."""
    settings.pop("average_statistics", None)
    return settings


def _with_upsampling(settings: dict[str, Any]) -> dict[str, Any]:
    """2 to 3: residual networks without an upsampling option used transposed convolutions."""
    networks = settings.get("networks")
    # Recorded settings are resolved, so a missing option did not exist.
    if _is_built_in(networks, "residual"):
        settings["networks"] = {"upsampling": "transposed", **networks}
    return settings


def _with_width_of_code_generator(settings: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: the width of a code generator was an option of the prior."""
    prior, code_generator = settings.get("prior"), settings.get("code_generator")
    if isinstance(code_generator, Mapping) and _is_built_in(prior, "learned") and "hidden" in prior:
        settings["prior"] = {key: value for key, value in prior.items() if key != "hidden"}
        settings["code_generator"] = {**code_generator, "hidden": prior["hidden"]}
    return settings


def _with_directions_of_each_batch(settings: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: `sliced-wasserstein` drew its directions once; the saved ones are no longer read."""
    regularizer = settings.get("regularizer")
    if _is_built_in(regularizer, "sliced-wasserstein"):
        settings["regularizer"] = {key: value for key, value in regularizer.items() if key != "directions"}
    return settings


def _with_rate_of_the_regularizer(settings: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: the regularizer's learning rate was named `code_critic`."""
    rates = settings.get("learning_rates")
    if isinstance(rates, Mapping) and "code_critic" in rates:
        others = {key: value for key, value in rates.items() if key != "code_critic"}
        settings["learning_rates"] = {**others, "regularizer": rates["code_critic"]}
    return settings


def _as_format_4(settings: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: all changes of settings together."""
    for step in (
        _with_width_of_code_generator,
        _with_directions_of_each_batch,
        _with_phases_of_a_fit,
        _with_rate_of_the_regularizer,
    ):
        settings = step(settings)
    return settings


def _with_tensors_of_the_regularizer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """3 to 4: the regularizer's tensors were named `code_critic/...`."""
    old = "code_critic/"
    return {f"regularizer/{key[len(old) :]}" if key.startswith(old) else key: value for key, value in weights.items()}


def migrated_state(state: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    """Migrates the rest of a checkpoint to the current format: its settings, and the names of its optimisers.

    Args:
        state: The recorded value.
        number: The format's number; None if none is recorded.
    """
    state = dict(state)
    if isinstance(state.get("config"), Mapping):
        state["config"] = migrated_settings(state["config"], number)
    engine = state.get("engine")
    if (number or 0) < 4 and isinstance(engine, Mapping) and "code_critic" in engine.get("optimizers", {}):
        optimizers = dict(engine["optimizers"])
        optimizers["regularizer"] = optimizers.pop("code_critic")
        state["engine"] = {**engine, "optimizers": optimizers}
    return state


def _with_phases_of_a_fit(settings: dict[str, Any]) -> dict[str, Any]:
    """3 to 4: the phases of a fit were implied; other runs had the default phases."""
    if settings.get("fitted_to") is not None:
        settings.setdefault("phases", ["code-fitting"])
    return settings


def _has_one_set_of_statistics(weights: Mapping[str, Tensor]) -> bool:
    def below(name: str) -> bool:
        return any(key.startswith(f"{name}/") for key in weights)

    follows_no_encoder = below("encoder") and below("average/decoder") and not below("average/encoder")
    return follows_no_encoder or (any(key.endswith(_STATISTICS) for key in weights) and not below("use"))


def _with_statistics_of_each_use(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """1 to 2: all uses had the same statistics, those of the averages if there were any.

    The encoder was used without averaging: its average starts with its weights.
    """
    averaged = any(key.startswith("average/") for key in weights)
    encoder = {f"average/{key}": value for key, value in weights.items() if averaged and key.startswith("encoder/")}
    weights = {**weights, **encoder}
    used = {key: weights.get(f"average/{key}", value) for key, value in weights.items() if key.endswith(_STATISTICS)}
    for key, value in used.items():
        network, _, place = key.partition("/")
        if network != "average":
            weights[f"use/{key}"] = value
        if network == "decoder":
            weights[f"use/reconstruction_decoder/{place}"] = value
    return weights


_STATISTICS = ("running_mean", "running_var")
_SETTINGS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    1: _without_average_statistics,
    2: _with_upsampling,
    3: _as_format_4,
}
_WEIGHTS: Mapping[int, Callable[[dict[str, Tensor]], dict[str, Tensor]]] = {
    1: _with_statistics_of_each_use,
    3: _with_tensors_of_the_regularizer,
}
