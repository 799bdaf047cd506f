"""What the tests' processes do instead of training."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class QuickJob:
    """What of a trial such a process needs: nothing that it would have to import torch for."""

    rate: float
    folder: Path

    @classmethod
    def of(cls, config, folder, scores, samples):
        return cls(config.learning_rate, folder)


def quick_trial(job, channel):
    """Takes a moment; the learning rate is the distance."""
    rate = job.rate
    job.folder.mkdir(parents=True, exist_ok=True)
    with (job.folder / "calls").open("a") as calls:
        calls.write("called\n")
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    for step in range(1, 1 + int(os.environ.get("TRIAL_STEPS", "3"))):
        channel.tell("review", step=step, seconds=0.1 * step, scores={"sample_distance": rate * (1 + 1 / step)})
        time.sleep(float(os.environ.get("TRIAL_SECONDS", "0.01")))
        if stopped or channel.asked("prune"):
            break
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    distance = float(os.environ.get("TRIAL_DISTANCE", rate))
    figures = {"sample_distance": distance, "seconds": 1 / rate, "parameters": 10, "steps": step, "images": 10}
    return {"figures": figures, "stopped": "terminated" if stopped else None, "pruned": channel.asked("prune")}
