"""priorkit's recipes in the benchmark `quality`: trained, resumed, loaded and sampled as users do."""

import tempfile
from pathlib import Path

from priorkit import load_run
from priorkit.cli.memory import keep_freed_memory
from priorkit.data import to_uint8
from priorkit.runs import prepare, prepare_resumed
from quality_points import Point, Report, Task
from sessions import make_config

__all__ = ["train_recipe"]


def train_recipe(recipe: str, task: Task, report: Report) -> None:
    """Trains a recipe with its defaults, and reports samples of `load_run(...).sample` at each of the times.

    At each time the run stops, and is then resumed exactly where it stopped. The clock is the run's own: pictures,
    held-out scores and checkpoints count, but loading does not.

    Args:
        recipe: Name of the recipe.
        task: Data, times and samples.
        report: Called with the samples.
    """
    keep_freed_memory()  # as the command does
    with tempfile.TemporaryDirectory(prefix="priorkit-benchmark-") as folder:
        path = Path(folder) / "run"
        seconds = 0.0
        for time in task.times:
            if seconds >= time:
                # The last step, or the review after it, took longer than this time.
                continue
            if path.exists():
                training = prepare_resumed(path, {"max_time": time})
            else:
                training = prepare(make_config(recipe, {**task.settings, "max_time": time}), path)
            outcome = training.run()
            if outcome.stopped is not None:
                raise KeyboardInterrupt(outcome.stopped)
            seconds = outcome.seconds
            run = load_run(path, device=task.device)
            report(Point(seconds, outcome.images, to_uint8(run.sample(task.samples, seed=task.seed)).cpu()))
