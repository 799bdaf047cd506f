"""Runs benchmarks: `python tests/benchmarks [NAME ...] [--repeats N] [--threads N] [--json] [--list]`.

Two commands, `judge` and `quality`, have options of their own: `python tests/benchmarks COMMAND --help`.
"""

import argparse
import importlib
import json
import os
import sys
import time
from typing import Any

from benchmark import Benchmark, Settings, Unsupported
from machine import describe_machine

_MODULES = (
    "against_pythae",
    "against_bare_loop",
    "sampling",
    "codes",
    "divergence",
    "startup",
    "memory",
    "throughput",
    "processes",
    "arithmetic",
)

_COMMANDS = {
    "judge": ("judging", "scores of runs by a classifier that no training uses; has options of its own"),
    "quality": ("quality", "quality of samples against training time, compared with pythae; has options of its own"),
}
"""Module and summary of each command; the module's `main` takes the arguments."""


def _benchmarks() -> dict[str, Benchmark]:
    found = [benchmark for module in _MODULES for benchmark in importlib.import_module(module).BENCHMARKS]
    return {benchmark.name: benchmark for benchmark in found}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python tests/benchmarks", description="Runs priorkit's benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="names of benchmarks; all by default")
    parser.add_argument("--repeats", type=int, metavar="N", help="measured turns of each contender")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of one process (default: torch's own choice)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    return parser


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] in _COMMANDS:
        module, _ = _COMMANDS[sys.argv[1]]
        status: int = importlib.import_module(module).main(sys.argv[2:])
        return status
    parser = _parser()
    asked = parser.parse_args()
    if asked.repeats is not None and asked.repeats < 1:
        parser.error(f"argument --repeats: expected at least 1, given {asked.repeats}")
    if asked.threads is not None and asked.threads < 1:
        parser.error(f"argument --threads: expected at least 1, given {asked.threads}")
    known = _benchmarks()
    if asked.list:
        listed = {name: benchmark.summary for name, benchmark in known.items()}
        listed |= {name: summary for name, (_, summary) in _COMMANDS.items()}
        width = max(map(len, listed))
        print("\n".join(f"{name:<{width}}  {summary}" for name, summary in listed.items()))
        return 0
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(known)}")

    import torch

    if asked.threads is not None:
        torch.set_num_threads(asked.threads)
        os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    settings = Settings(asked.repeats, torch.get_num_threads())
    machine = describe_machine(settings.threads)
    if not asked.json:
        print("\n".join(f"{key}: {value}" for key, value in machine.items()), flush=True)
    records: list[dict[str, Any]] = []
    failed = 0
    for name in asked.names or known:
        began = time.perf_counter()
        record: dict[str, Any] = {"name": name, "results": []}
        try:
            for result in known[name].run(settings):
                record["results"].append(result.record())
                if not asked.json:
                    print("", f"[{name}]", *result.lines(), sep="\n", flush=True)
        except Unsupported as reason:
            failed += 1
            record["unsupported"] = str(reason)
            print(f"\n[{name}] cannot run here: {reason}", file=sys.stderr, flush=True)
        record["seconds"] = round(time.perf_counter() - began, 1)
        records.append(record)
    if asked.json:
        print(json.dumps({"machine": machine, "benchmarks": records}, indent=2))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
