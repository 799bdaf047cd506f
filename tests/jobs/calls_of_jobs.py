"""Calls that the tests' processes carry out."""

import os
import signal
import time
import warnings

from priorkit.errors import ConfigurationError, NonFiniteLossError


def double(number, channel):
    channel.tell("about", process=os.getpid(), share=os.environ.get("SHARE"))
    print("this is no event")
    warnings.warn("take care", UserWarning, stacklevel=1)
    return {"number": 2 * number}


def refuse(kind, channel):
    raise {"mend": ConfigurationError, "diverge": NonFiniteLossError, "mistake": RuntimeError}[kind](f"{kind}\nthis")


def vanish(_, channel):
    os.kill(os.getpid(), signal.SIGKILL)


def vanish_by(number, _):
    os.kill(os.getpid(), number)
    time.sleep(60)


def wait(word, channel):
    """Waits for a word, or to be stopped."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    channel.tell("ready", process=os.getpid())
    for _ in range(3000):
        if channel.asked(word) or stopped:
            return {"stopped": bool(stopped)}
        time.sleep(0.02)
    return {}


def leave_mark(path, channel):
    """As `wait`, and leaves a file behind."""
    answer = wait("never", channel)
    path.write_text(str(answer["stopped"]))
    return answer
