"""Options that make training faster must not change its results: compiled networks, recorded phases, bfloat16."""

from collections.abc import Mapping
from typing import Any

from check import Asked, Check, Skip
from closeness import Tolerance, require_close, require_close_losses, trained, weights_of
from priorkit.engine.cuda_graphs import WARM_UP
from priorkit.errors import DeviceError
from tiny import EXACT, exact_float32, make_config, make_session

__all__ = ["CHECKS"]

_COMPILED = ("vae", "learned")
_RECORDED = ("aae", "vae", "learned", "learned-supervised", "vampprior", "gm-vae", "vq-vae", "dcgan", "info-vae")
_ROUNDED = ("aae", "vae", "learned", "vampprior", "matched", "dcgan", "factor-vae")
_REPLAYS = 5
_LOSSES = Tolerance(1e-3, 1e-4)
_WEIGHTS = Tolerance(1e-3, 1e-4)
_BFLOAT16 = Tolerance(5e-2, 5e-2)


def _with_and_without(recipe: str, asked: Asked, steps: int, both: Mapping[str, Any], **option: Any) -> str:
    """Trains with and without an option, and with the settings `both` in either case. Compares the results."""
    with exact_float32():
        plain, changed = (make_session(recipe, asked, **EXACT, **both, **more) for more in ({}, option))
        first, second = (trained(session, steps) for session in (changed, plain))
        compared = require_close_losses(first, second, _LOSSES)
        return f"{steps} steps: {compared}, weights: " + require_close(weights_of(changed), weights_of(plain), _WEIGHTS)


def _compiled(recipe: str, asked: Asked) -> str:
    # On a CPU, convolutions take minutes to compile.
    networks = {} if asked.on_cuda else {"networks": {"name": "mlp", "hidden": 8}}
    try:
        return _with_and_without(recipe, asked, 2, networks, compile=True)
    except DeviceError as error:
        # The machine has no working compiler.
        raise Skip(str(error)) from None


def _recorded(recipe: str, asked: Asked) -> str:
    steps = WARM_UP + 1 + _REPLAYS
    # Only one stage's phases are recorded: lengthens the first stage so that it lasts for all steps.
    stages = [stage.model_dump(exclude_none=True) for stage in make_config(recipe, asked).stages or ()]
    longer: dict[str, Any] = {"steps": 2 * steps}
    if stages:
        longer["stages"] = [{**stages[0], "steps": steps}, *stages[1:]]
    return _with_and_without(recipe, asked, steps, longer, cuda_graphs=True)


def _rounded(recipe: str, asked: Asked) -> str:
    with exact_float32():
        try:
            rounded, exact = (make_session(recipe, asked, precision=name) for name in ("bfloat16", "float32"))
        except DeviceError as error:
            raise Skip(str(error)) from None
        first, second = (trained(session, 1) for session in (rounded, exact))
        compared = require_close_losses(first, second, _BFLOAT16)
        trained(rounded)
        rounded.check_finite()
    return f"first step: {compared} from float32's; {rounded.steps} steps finite"


CHECKS = [
    Check("compile", "training with --compile equals training without it", _compiled, _COMPILED),
    Check(
        "cuda-graphs", "training with --cuda-graphs equals training without it", _recorded, _RECORDED, needs_cuda=True
    ),
    Check("bfloat16", "--precision bfloat16 has finite losses near those of float32", _rounded, _ROUNDED),
]
