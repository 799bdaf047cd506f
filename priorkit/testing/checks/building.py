"""Checks of how a component is built, and of its options."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import metadata

import torch
from hypothesis import currently_in_test_context, given

from priorkit.config import RunConfig, config_to_toml
from priorkit.plugins import Options, kind_named
from priorkit.plugins.hooks import GROUP
from priorkit.registry.blame import error_in_words, raised_by
from priorkit.testing.check import Check, Defect, NotApplicable, Refused, Unbuildable, require
from priorkit.testing.forward_pass import ForwardPass, Inputs
from priorkit.testing.strategies import few
from priorkit.testing.strategies import options as options_of
from priorkit.testing.subject import AnySubject

__all__ = ["BUILDING"]


def builds(subject: AnySubject) -> None:
    """It can be built in at least one situation, and the result implements the interface."""
    subject.built()


def seed_decides_its_weights(subject: AnySubject) -> None:
    """Two instances built after the same seed have the same parameters and buffers."""
    first, second = subject.tensors(subject.built()), subject.tensors(subject.built())
    require(first.keys() == second.keys(), f"two builds have different tensors: {sorted(first)} and {sorted(second)}")
    for name, tensor in first.items():
        require(torch.equal(tensor, second[name]), f"{name!r} differs between two builds after the same seed")


def _options_class(subject: AnySubject) -> type[Options]:
    component = subject.case.component
    if component is None:
        raise NotApplicable("it is given as a function, so its options are not known")
    if currently_in_test_context():
        raise NotApplicable("options cannot be drawn inside another hypothesis test")
    return component.options


def options_survive_a_file(subject: AnySubject) -> None:
    """Its options are unchanged when they are written to a run's configuration file and read again."""
    model = _options_class(subject)

    @few(4 * subject.examples)
    @given(options_of(model, **subject.case.options))
    def survive(given_options: Options) -> None:
        choice = {"name": "checked", **given_options.model_dump(mode="json")}
        several = kind_named(subject.case.slot).several
        config = RunConfig.model_validate({subject.case.slot: [choice] if several else choice})
        read = tomllib.loads(config_to_toml(config))[subject.case.slot]
        read = read[0] if several else read
        read = {"name": read} if isinstance(read, str) else read
        again = model(**{key: value for key, value in read.items() if key != "name"})
        require(again == given_options, f"{given_options!r} is read back as {again!r}")

    survive()


def _usable_in(one: ForwardPass, inputs: Inputs, given_options: Options) -> None:
    try:
        outputs = one.without_gradients(inputs)
    except Exception as error:
        raise Defect(f"{one.name} of {given_options!r} ends with {error_in_words(error)}", *_UNUSABLE) from error
    for name, output in outputs.items():
        usable = output.isfinite() | (output == -torch.inf if one.zero_density else False)
        require(bool(usable.all()), f"{name} of {given_options!r} is infinite or not a number", *_UNUSABLE)


_UNUSABLE = (
    "the options class allows values that the component cannot work with",
    "give the field its bounds (`Field(1.0, gt=0)`), or raise a ConfigurationError in `build`",
)


def options_are_usable(subject: AnySubject) -> None:
    """With any options that its class allows, it can be built and called, or refuses them with a reason."""
    model = _options_class(subject)

    # Options that cannot be used in one situation cannot be used in most others either.
    @few(2 * subject.examples if subject.first else subject.examples)
    @given(options_of(model, **subject.case.options))
    def usable(given_options: Options) -> None:
        try:
            component = subject.built(options=given_options)
        except Refused as refused:
            error = refused.__cause__ or refused
            # The ValueError may come from a built-in function that was given a wrong value.
            if not raised_by(error):
                words = f"building it from {given_options!r} ends with {error_in_words(error)}"
                raise Defect(words, *_UNUSABLE) from refused
            require(
                bool(str(refused.__cause__).strip()),
                f"{given_options!r} is refused without a message",
                "the error has no message",
                "say what was given, what was expected and how to mend it",
            )
            return
        except Unbuildable as error:
            raise Defect(f"building it from {given_options!r} ends with {error.found}", *_UNUSABLE) from error
        inputs = subject.inputs(component, 2, subject.case.seed)
        for one in subject.passes(component):
            _usable_in(one, inputs, given_options)

    usable()


@cache
def _imported(modules: tuple[str, ...], path: str) -> Mapping[str, str]:
    """Returns the outcome of importing each module: empty, the word `torch`, or the last line of an error.

    The modules are imported one after the other in a fresh process. After a module that fails, the rest is imported in
    another process.
    """
    endings = dict.fromkeys(modules, "")
    left = list(modules)
    while left:
        command = [sys.executable, "-c", _IMPORT, *left]
        environment = {**os.environ, "PYTHONPATH": path}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        count = sum(line.startswith(_SIGN) for line in done.stdout.splitlines())
        if count < len(left) and done.returncode:
            endings[left[count]] = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        left = left[count + 1 :]
    return endings


_SIGN = "imported without torch: "
_IMPORT = f"""
import importlib, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
    if "torch" in sys.modules:
        sys.exit("torch")
    print({_SIGN!r} + module, flush=True)
"""


def listing_imports_no_torch(subject: AnySubject) -> None:
    """The plug-in's entry module does not import torch, so that commands that only list components stay quick."""
    if subject.case.component is None:
        raise NotApplicable("it is given as a function")
    module = subject.case.module
    for distribution in metadata.distributions():
        plugins = [item.value.partition(":")[0].strip() for item in distribution.entry_points if item.group == GROUP]
        if module in plugins:
            found = _imported(tuple(dict.fromkeys(plugins)), os.pathsep.join(sys.path))[module]
            require(not found, f"importing {module} in a fresh process ends with {found!r}")
            return
    raise NotApplicable(f"no installed plug-in's entry point is {module}")


BUILDING = (
    Check(
        "builds",
        builds,
        "`build` raises an error other than a ValueError",
        "build from the options and the context alone; refuse what cannot work with a ConfigurationError",
    ),
    Check(
        "seed_decides_its_weights",
        seed_decides_its_weights,
        "parameters are drawn from another generator than torch's, such as numpy's",
        "draw parameters with torch.nn.init, or torch.randn without a generator, as torch's layers do",
    ),
    Check(
        "listing_imports_no_torch",
        listing_imports_no_torch,
        "the plug-in's entry module imports torch at its top, or a module that imports torch",
        "import what needs torch inside `build`, and for type hints under `if TYPE_CHECKING`",
        required=False,
        once=True,
    ),
    Check(
        "options_survive_a_file",
        options_survive_a_file,
        "a field's type does not exist in TOML, or a validator changes a value that it has already changed",
        "use numbers, text, booleans, Literal, Path and tuples of these; validators must keep their own results",
        required=False,
        once=True,
    ),
    Check(
        "options_are_usable",
        options_are_usable,
        *_UNUSABLE,
        required=False,
    ),
)
