import platform
import subprocess
import sys

import pytest

from priorkit.cli.memory import keep_freed_memory

# Touches 16 MiB again and again; each block that came fresh from the system costs a fault for every page.
_FAULTS = """
import resource, sys
from priorkit.cli.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
bytearray(16 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytearray(16 * 2**20)[::4096]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    done = subprocess.run([sys.executable, "-c", _FAULTS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_used_again():
    assert faults("keep") < 1000


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
