"""Trains a learned prior, prints the held-out scores meanwhile, and saves a picture of samples.

    python examples/train_and_sample.py [STEPS] [RUN]

The run folder, `runs/example` by default, holds the picture, too.
"""

import sys
from pathlib import Path

import priorkit
from priorkit.data import to_uint8
from priorkit.runs import save_grid


class Printer(priorkit.Observer):
    """Prints the held-out scores of every review."""

    def reviewed(self, session, review):
        """Called every `sample_every` steps."""
        print(f"step {session.steps}:", ", ".join(f"{name} {value:.4f}" for name, value in review.scores.items()))


def main(steps: int, folder: Path) -> None:
    """Trains for `steps` steps, in a new run folder."""
    config = priorkit.RunConfig(
        prior={"name": "learned", "noise_dim": 32},
        code_generator="residual",
        dataset="digits",
        steps=steps,
        sample_every=max(1, steps // 4),
    )
    run = priorkit.train(config, out=folder, observers=[Printer()])
    save_grid(to_uint8(run.sample(64)), folder / "final.png")
    print(f"final samples: {folder / 'final.png'}")


if __name__ == "__main__":
    main(
        steps=int(sys.argv[1]) if len(sys.argv) > 1 else 1000,
        folder=Path(sys.argv[2] if len(sys.argv) > 2 else "runs/example"),
    )
