"""Runs a command, and writes the time and memory that it used: `launcher.py REPORT COMMAND ...`.

This is a small process of its own because, on Linux, a program starts with the peak memory of its parent: a large
parent would be measured instead of its child.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    report, *command = sys.argv[1:]
    began = time.perf_counter()
    status = subprocess.run(command, check=False).returncode
    wall = time.perf_counter() - began
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # macOS counts bytes, Linux kibibytes.
    unit = 1 if sys.platform == "darwin" else 1024
    used = {"processor_seconds": usage.ru_utime + usage.ru_stime, "seconds": wall, "peak_bytes": usage.ru_maxrss * unit}
    Path(report).write_text(json.dumps(used))
    return status


if __name__ == "__main__":
    sys.exit(main())
