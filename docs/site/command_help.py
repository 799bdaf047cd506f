"""What the commands say of themselves."""

import os
import subprocess
import sys

__all__ = ["help_of"]


def help_of(command: str) -> str:
    """The output of `priorkit COMMAND --help`, as a block of Markdown; without the plug-ins of others.

    Args:
        command: A command; with a blank, also the kind of picture. Empty for priorkit itself.

    Raises:
        CalledProcessError: There is no such command.
    """
    done = subprocess.run(
        [sys.executable, "-m", "priorkit", *command.split(), "--help"],
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PRIORKIT_PLUGINS": "", "NO_COLOR": "1"},
    )
    return f"```text\n{done.stdout.strip()}\n```"
