"""The entry point of the command line."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version

from priorkit.cli.streams import is_of_output, refusal_of_output
from priorkit.deprecation import DeprecatedOptionWarning
from priorkit.display.console import Console, stdout_for_data, stdout_spared
from priorkit.display.folding import folded, width_of
from priorkit.errors import (
    NonFiniteLossError,
    PriorkitError,
    ProcessesError,
    RunFolderWarning,
    TrackingWarning,
    TrainingWarning,
    is_out_of_memory,
)
from priorkit.plugins import PluginWarning, nearest
from priorkit.plugins.wording import in_one_line
from priorkit.registry import Registry, installed_plugins

__all__ = ["main"]

_SMALLER_RUN = (
    "choose a smaller --code-dim, --batch-size or width of the networks "
    "(--networks.width, --networks.hidden, --prior.noise-dim)"
)

_COMMANDS = {
    "train": (
        "train:train_command",
        "train an autoencoder and its prior: priorkit train --prior learned --loss perceptual",
    ),
    "fit": (
        "fit:fit_command",
        "fit a prior to the codes of a trained run, or to given codes: priorkit fit RUN, priorkit fit --codes FILE",
    ),
    "reproduce": (
        "reproduce:reproduce_command",
        "repeat a table or figure of the paper: priorkit reproduce table3 --dataset mnist --steps 500",
    ),
    "sweep": (
        "sweep:sweep_command",
        "search for the best settings by many runs: priorkit sweep vae --search learning_rate=1e-4..1e-2",
    ),
    "watch": ("watch:watch_command", "show runs in a browser while they train: priorkit watch runs"),
    "compare": ("compare:compare_command", "show trained runs side by side: scores, curves, samples"),
    "sample": ("decoding:sample_command", "draw images from a trained run, or codes from a prior of given codes"),
    "reconstruct": ("decoding:reconstruct_command", "encode and decode images"),
    "interpolate": ("decoding:interpolate_command", "interpolate between images in the space of codes"),
    "explore": (
        "explore:explore_command",
        "write an interactive page: a map of codes, sliders, the decoder in the browser",
    ),
    "export": (
        "export:export_command",
        "write the decoder, encoder, prior or sampler to an ONNX or .pt2 file, which runs without priorkit",
    ),
    "evaluate": (
        "evaluate:evaluate_command",
        "score a trained run: its samples, reconstructions, codes and likelihood",
    ),
    "diagnose": (
        "diagnose:diagnose_command",
        "find out how a run's prior differs from its codes, and what to try",
    ),
    "picture": (
        "picture:picture_command",
        "draw a figure: classes, codes in two dimensions, nearest training images, several runs",
    ),
    "pack": ("sharing:pack_command", "pack a trained run into one file, to share it"),
    "unpack": ("sharing:unpack_command", "unpack a packed run, safely"),
    "push": ("sharing:push_command", "push a trained run to the Hugging Face hub: priorkit push RUN user/name"),
    "pull": ("sharing:pull_command", "download a run from the Hugging Face hub: priorkit pull hf://user/name"),
    "models": ("sharing:models_command", "describe runs: folders, packed files, or runs on the hub"),
    "components": (
        "listings:components_command",
        "list every prior, loss, network, data set and recipe, with its options",
    ),
    "plugins": ("listings:plugins_command", "list the loaded plug-ins, and the broken ones"),
    "new-plugin": (
        "new_plugin:new_plugin_command",
        "start a plug-in of your own from a template: priorkit new-plugin my-prior --kind prior",
    ),
}
"""Each command's function, with its module below `priorkit.cli` (imported when the command runs), and its summary."""


def _help(width: int | None) -> str:
    """Returns the output of `priorkit --help`."""
    commands = [folded(f"  {name:<11}  {summary}", width, hang=15) for name, (_, summary) in _COMMANDS.items()]
    end = "`priorkit COMMAND --help` says more.  `priorkit --version` prints the version."
    return "\n".join(
        [
            "usage: priorkit COMMAND ...\n",
            "Plug-in priors for autoencoders.\n",
            "commands:",
            *commands,
            folded(f"\n{end}\n", width, hang=0),
        ]
    )


Command = Callable[[Sequence[str], Registry], int]


def _command(name: str) -> Command:
    module, _, function = _COMMANDS[name][0].partition(":")
    command: Command = getattr(import_module(f"priorkit.cli.{module}"), function)
    return command


def _complain(message: str) -> None:
    # Programs read one line; on a terminal, which would break it within words, it is folded.
    width = width_of(sys.stderr) if sys.stderr.isatty() else None
    print(folded(f"priorkit: {in_one_line(message)}", width), file=sys.stderr, flush=True)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    if os.environ.get("RANK", "0") != "0":
        # All processes that train together find the same: the first reports it.
        return
    # A warning for users is one line; only a warning for developers names a line of code.
    of_user = issubclass(
        category, DeprecatedOptionWarning | PluginWarning | RunFolderWarning | TrackingWarning | TrainingWarning
    )
    where = "" if of_user else f" ({category.__name__}, {filename}:{lineno})"
    _complain(f"warning: {message}{where}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The command and its arguments; the process's own if None.

    Returns:
        The exit status: 0 for success, 1 after training has diverged, 2 after a mistake that the user can mend, 130
        after Ctrl-C, 141 if nobody reads the output any more.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in ("-h", "--help"):
        print(_help(width_of(sys.stdout)), end="")
        return 0
    if given and given[0] == "--version":
        print(f"priorkit {version('priorkit')}")
        return 0
    if not given:
        print(_help(width_of(sys.stderr)), end="", file=sys.stderr)
        return 2
    name, *rest = given
    if name not in _COMMANDS:
        _complain(f"unknown command {name!r}{nearest(name, _COMMANDS)} `priorkit --help` lists them")
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        if not sys.warnoptions:
            # By default Python hides warnings of deprecation, but users should learn that an option's name changes.
            warnings.simplefilter("default", DeprecatedOptionWarning)
        return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        with stdout_for_data() if as_json or "--quiet" in arguments else contextlib.nullcontext():
            with stdout_spared():
                registry = installed_plugins()
            return _command(name)(arguments, registry)
    except PriorkitError as error:
        if isinstance(error, ProcessesError) and error.told:
            return 2
        return _fail(str(error), 2, as_json)
    except ImportError as error:
        return _fail(str(error), 2, as_json)
    except NonFiniteLossError as error:
        return _fail(str(error), 1, as_json)
    except BrokenPipeError:
        # The reader of our output has gone, so nobody would see a message.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", 130, as_json)
    except OSError as error:
        if is_of_output(error):
            return _fail(refusal_of_output(error), 2, as_json=False)
        where = f" {os.fsdecode(error.filename)!r}" if isinstance(error.filename, str | bytes) else ""
        fix = "check the path, its permissions and the space that is left"
        return _fail(f"cannot use{where}: {error.strerror or error}; {fix}", 2, as_json)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        fix = (
            _SMALLER_RUN
            if name in ("train", "fit", "reproduce", "sweep")
            else "ask for fewer images with -n, or compute on another --device"
        )
        return _fail(f"not enough memory: {fix}", 2, as_json)


def _fail(message: str, status: int, as_json: bool) -> int:
    if as_json:
        Console(as_json=True).data({"event": "error", "message": message, "status": status})
    _complain(message)
    return status
