"""priorkit: plug-in priors for autoencoders.

    import priorkit

    run = priorkit.train(priorkit.RunConfig(steps=500), out="runs/first")
    images = run.sample(64)

Everything heavy is imported when it is first used: `import priorkit` does not import torch.
"""

# Type checkers take it for typing's, whose import would take long enough for Ctrl-C to come before anyone minds it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    __version__: str
    from priorkit.codes import FittedPrior, fit_prior, make_prior
    from priorkit.codes.density import PriorDensity
    from priorkit.config import LearningRates, RunConfig, recipe
    from priorkit.errors import NonFiniteLossError, PriorkitError
    from priorkit.exploring import explore
    from priorkit.registry import Registry, installed_plugins, register
    from priorkit.runs import Run, diagnose, fit, load_run, pull, train, unpack
    from priorkit.sweeps import Sweep, sweep
    from priorkit.training import Observer

__all__ = [
    "FittedPrior",
    "LearningRates",
    "NonFiniteLossError",
    "Observer",
    "PriorDensity",
    "PriorkitError",
    "Registry",
    "Run",
    "RunConfig",
    "Sweep",
    "__version__",
    "diagnose",
    "explore",
    "fit",
    "fit_prior",
    "installed_plugins",
    "load_run",
    "make_prior",
    "pull",
    "recipe",
    "register",
    "sweep",
    "train",
    "unpack",
]

_HOME = {
    "FittedPrior": "priorkit.codes",
    "LearningRates": "priorkit.config",
    "NonFiniteLossError": "priorkit.errors",
    "Observer": "priorkit.training",
    "PriorDensity": "priorkit.codes.density",
    "PriorkitError": "priorkit.errors",
    "Registry": "priorkit.registry",
    "Run": "priorkit.runs",
    "RunConfig": "priorkit.config",
    "Sweep": "priorkit.sweeps",
    "diagnose": "priorkit.runs",
    "explore": "priorkit.exploring",
    "fit": "priorkit.runs",
    "fit_prior": "priorkit.codes",
    "installed_plugins": "priorkit.registry",
    "load_run": "priorkit.runs",
    "make_prior": "priorkit.codes",
    "pull": "priorkit.runs",
    "recipe": "priorkit.config",
    "register": "priorkit.registry",
    "sweep": "priorkit.sweeps",
    "train": "priorkit.runs",
    "unpack": "priorkit.runs",
}


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    if name == "__version__":
        # Read from the installed distribution, which takes a while.
        value: object = import_module("importlib.metadata").version("priorkit")
        globals()[name] = value
        return value
    if name not in _HOME:
        # Perhaps it was called so before.
        deprecation = import_module("priorkit.deprecation")
        return deprecation.deprecated_attributes("priorkit", deprecation.FORMER_NAMES)(name)
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
