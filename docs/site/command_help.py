"""Makes Markdown of the commands' help."""

import os
import subprocess
import sys

__all__ = ["help_of"]


def help_of(command: str) -> str:
    """Returns the output of `priorkit COMMAND --help` as a Markdown block, without third-party plug-ins.

    Args:
        command: The command's words, such as `train` or `picture tsne`; empty for priorkit itself.

    Raises:
        CalledProcessError: The command does not exist.
    """
    done = subprocess.run(
        [sys.executable, "-m", "priorkit", *command.split(), "--help"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PRIORKIT_PLUGINS": "", "NO_COLOR": "1"},
    )
    return f"```text\n{done.stdout.strip()}\n```"
