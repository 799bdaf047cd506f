"""Prints in every way there is."""

import os
import subprocess
import sys

from priorkit.plugins import Component, Options, hookimpl

print('{"on": "stdout"}')
sys.stderr.write("on stderr\n")
sys.stdout.buffer.write(b"past sys.stdout\n")
os.write(1, b"and past Python\n")
subprocess.run(["echo", "from a child"])


@hookimpl
def priorkit_priors():
    return [Component("loud", Options, print, "a prior", "a test")]
