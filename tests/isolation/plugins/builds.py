"""Has priors that cannot be built, for one reason each."""

import math

from pydantic import field_validator

from priorkit.plugins import Component, Options, hookimpl


class CheckedOptions(Options):
    width: int = 1

    @field_validator("width")
    @classmethod
    def check(cls, width):
        if width > 1:
            raise TypeError("too wide")
        return width


def fail(error):
    def build(options, context):
        raise error

    return build


def logarithm(options, context):
    return math.log(options.width - 1)


class ClassPrior:
    pass


def depend(options, context):
    import no_such_module_anywhere  # noqa: F401


def build_by_name():
    return {
        "runtime": fail(RuntimeError("no such\nluck")),
        "type": fail(TypeError("of another type")),
        "key": fail(KeyError("z")),
        "file": fail(FileNotFoundError(2, "No such file", "weights.bin")),
        "exits": fail(SystemExit(0)),
        "stops": fail(BaseException("now")),
        "value": fail(ValueError("the code is too long")),
        "memory": fail(RuntimeError("out of memory")),
        "ctrl-c": fail(KeyboardInterrupt()),
        "depends": depend,
        "text": lambda options, context: "a prior",
        "domain": logarithm,
        "class": lambda options, context: ClassPrior,
        "nothing": lambda options, context: None,
        "checked": lambda options, context: None,
    }


@hookimpl
def priorkit_priors():
    return [Component(name, CheckedOptions, build, "a prior", "a test") for name, build in build_by_name().items()]
