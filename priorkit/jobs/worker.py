"""A process that carries out one job after another: `python -m priorkit.jobs.worker`, started by `JobPool`."""

import sys
import traceback
import warnings
from typing import Any

from priorkit.errors import NonFiniteLossError, PriorkitError, is_out_of_memory
from priorkit.jobs.channel import Channel, Function
from priorkit.plugins.wording import in_one_line

__all__ = ["carry_out_jobs"]


def carry_out_jobs(channel: Channel) -> None:
    """Carries out jobs until there are none, and reports how each ended.

    After an error that is not the user's, or a lack of memory, the process ends, and the next job gets a new one.
    """
    for function, arguments in channel.jobs():
        if not _carry_out(function, arguments, channel):
            return


def _carry_out(function: Function, arguments: Any, channel: Channel) -> bool:
    """Carries out a job; returns whether the process can take another one."""

    def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        channel.tell("warning", message=in_one_line(str(message)), category=category.__name__)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            channel.tell("done", result=function(arguments, channel))
    except (PriorkitError, NonFiniteLossError) as error:
        diverged = isinstance(error, NonFiniteLossError)
        channel.tell("failed", message=in_one_line(str(error)), diverged=diverged, leaves=False)
    except Exception as error:
        channel.tell("failed", message=_in_words(error), diverged=False, leaves=True)
        return False
    return True


def _in_words(error: Exception) -> str:
    if is_out_of_memory(error):
        return "not enough memory"
    if isinstance(error, OSError):
        where = f" {error.filename!r}" if error.filename is not None else ""
        return in_one_line(f"cannot use{where}: {error.strerror or error}")
    if isinstance(error, ImportError):
        return in_one_line(str(error))
    traceback.print_exc()
    return in_one_line(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    own = Channel.of_process()
    own.listen()
    carry_out_jobs(own)
    sys.exit(0)
