"""The entry point of the command line."""

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version

from priorkit.cli.console import Console, stdout_for_data, stdout_spared
from priorkit.errors import NonFiniteLossError, PriorkitError, ProcessesError, is_out_of_memory
from priorkit.plugins import PluginWarning, Registry, installed_plugins, nearest
from priorkit.plugins.one_line import in_one_line

__all__ = ["main"]

_HELP = """\
usage: priorkit COMMAND ...

Plug-in priors for autoencoders.

commands:
  train        train an autoencoder and its prior: priorkit train --prior learned --loss perceptual
  fit          fit a prior to the codes of a trained autoencoder: priorkit fit RUN --prior flow-matching
  reproduce    train what a table or figure of the paper compares: priorkit reproduce table3 --dataset mnist --steps 500
  compare      show trained runs side by side: scores, curves, samples
  sample       draw images from a trained run
  reconstruct  encode and decode images
  interpolate  walk from image to image through the space of codes
  evaluate     score a trained run: its samples, reconstructions, codes and likelihood
  picture      draw a figure: classes, codes in the plane, nearest training images, several runs
  components   list every prior, loss, network, data set and recipe, with its options
  plugins      list the plug-ins that are loaded, and those that are broken
  new-plugin   write the beginning of a plug-in of your own: priorkit new-plugin my-prior --kind prior

`priorkit COMMAND --help` says more.  `priorkit --version` prints the version.
"""

_SMALLER_RUN = (
    "choose a smaller --code-dim, --batch-size or width of the networks "
    "(--networks.width, --networks.hidden, --prior.noise-dim)"
)

Command = Callable[[Sequence[str], Registry], int]


def _train(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.train import train_command

    return train_command(arguments, registry)


def _fit(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.fit import fit_command

    return fit_command(arguments, registry)


def _compare(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.compare import compare_command

    return compare_command(arguments, registry)


def _reproduce(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.reproduce import reproduce_command

    return reproduce_command(arguments, registry)


def _sample(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.pictures import sample_command

    return sample_command(arguments, registry)


def _reconstruct(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.pictures import reconstruct_command

    return reconstruct_command(arguments, registry)


def _interpolate(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.pictures import interpolate_command

    return interpolate_command(arguments, registry)


def _evaluate(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.evaluate import evaluate_command

    return evaluate_command(arguments, registry)


def _picture(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.figures import picture_command

    return picture_command(arguments, registry)


def _components(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.listings import components_command

    return components_command(arguments, registry)


def _plugins(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.listings import plugins_command

    return plugins_command(arguments, registry)


def _new_plugin(arguments: Sequence[str], registry: Registry) -> int:
    from priorkit.cli.new_plugin import new_plugin_command

    return new_plugin_command(arguments, registry)


_COMMANDS: dict[str, Command] = {
    "train": _train,
    "fit": _fit,
    "reproduce": _reproduce,
    "compare": _compare,
    "sample": _sample,
    "reconstruct": _reconstruct,
    "interpolate": _interpolate,
    "evaluate": _evaluate,
    "picture": _picture,
    "components": _components,
    "plugins": _plugins,
    "new-plugin": _new_plugin,
}


def _complain(message: str) -> None:
    print(f"priorkit: {in_one_line(message)}", file=sys.stderr, flush=True)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    if os.environ.get("RANK", "0") != "0":
        # Of several processes that train together, the first tells what all of them find.
        return
    # A user's warning is one line; only a developer's needs to say which line of code it comes from.
    where = "" if issubclass(category, PluginWarning) else f" ({category.__name__}, {filename}:{lineno})"
    _complain(f"warning: {message}{where}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The command and its arguments; the process's own if None.

    Returns:
        The exit status: 0, 2 for something that the user can mend, 1 for training that diverged, 130 after Ctrl-C.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in ("-h", "--help"):
        print(_HELP, end="")
        return 0
    if given and given[0] == "--version":
        print(f"priorkit {version('priorkit')}")
        return 0
    if not given:
        print(_HELP, end="", file=sys.stderr)
        return 2
    name, *rest = given
    if name not in _COMMANDS:
        _complain(f"unknown command {name!r}{nearest(name, _COMMANDS)} `priorkit --help` lists them")
        return 2
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        with stdout_for_data() if as_json else contextlib.nullcontext():
            with stdout_spared():
                registry = installed_plugins()
            return _COMMANDS[name](arguments, registry)
    except PriorkitError as error:
        if isinstance(error, ProcessesError) and error.told:
            return 2
        return _fail(str(error), 2, as_json)
    except ImportError as error:
        return _fail(str(error), 2, as_json)
    except NonFiniteLossError as error:
        return _fail(str(error), 1, as_json)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody to complain to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as error:
        return _fail(str(error) or "interrupted", 130, as_json)
    except OSError as error:
        where = f" {str(error.filename)!r}" if error.filename else ""
        fix = "check the path, its permissions and the space that is left"
        return _fail(f"cannot use{where}: {error.strerror or error}; {fix}", 2, as_json)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        fix = (
            _SMALLER_RUN
            if name in ("train", "fit", "reproduce")
            else "ask for fewer images with -n, or compute on another --device"
        )
        return _fail(f"not enough memory: {fix}", 2, as_json)


def _fail(message: str, status: int, as_json: bool) -> int:
    if as_json:
        Console(as_json=True).data({"event": "error", "message": message, "status": status})
    _complain(message)
    return status
