"""Runs benchmarks: `python tests/benchmarks [NAME ...] [--repeats N] [--threads N] [--json] [--list]`."""

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
    "startup",
    "memory",
    "throughput",
    "processes",
    "arithmetic",
)


def _benchmarks() -> dict[str, Benchmark]:
    found = [benchmark for module in _MODULES for benchmark in importlib.import_module(module).BENCHMARKS]
    return {benchmark.name: benchmark for benchmark in found}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python tests/benchmarks", description="Runs priorkit's benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks; all by default")
    parser.add_argument("--repeats", type=int, metavar="N", help="turns of each contender that count")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of one process (default: torch's own choice)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    return parser


def main() -> int:
    parser = _parser()
    asked = parser.parse_args()
    if asked.repeats is not None and asked.repeats < 1:
        parser.error(f"argument --repeats: expected at least 1, given {asked.repeats}")
    if asked.threads is not None and asked.threads < 1:
        parser.error(f"argument --threads: expected at least 1, given {asked.threads}")
    known = _benchmarks()
    if asked.list:
        width = max(map(len, known))
        print("\n".join(f"{name:<{width}}  {benchmark.summary}" for name, benchmark in known.items()))
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
