"""A prior of your own in twenty lines: register it, hold it to the conformance kit, and train with it.

    python examples/a_prior_in_twenty_lines.py [STEPS] [RUN]

It needs the kit: `pip install 'priorkit[testing]'`.
"""

import math
import sys

import torch
from torch.distributions import Normal

import priorkit
from priorkit.interfaces import Prior
from priorkit.testing import check_prior


class TwoBells(Prior):
    """Each dimension lies near -1 or near 1: an even mixture of two normal distributions."""

    has_density = True

    def __init__(self, code_dim):
        super().__init__()
        self.code_dim = code_dim

    def noise(self, n, *, generator=None, device=None):
        return torch.randn(n, 2 * self.code_dim, generator=generator, device=device)

    def forward(self, noise, condition=None):
        bell, side = noise.chunk(2, dim=1)
        return 0.5 * bell + side.sign()

    def log_prob(self, code, condition=None):
        left, right = (Normal(mean, 0.5, validate_args=False).log_prob(code.float()) for mean in (-1.0, 1.0))
        return (torch.logaddexp(left, right) - math.log(2)).sum(1)


@priorkit.register("prior", "two-bells")
def build(options, context):
    return TwoBells(context.code_dim)


if __name__ == "__main__":
    report = check_prior("two-bells")
    report.raise_if_failed()
    print(f"two-bells passes {len(report.passed)} checks; {len(report.skipped)} do not apply")

    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    config = priorkit.recipe("vae", prior="two-bells", networks="mlp", code_dim=8, steps=steps)
    run = priorkit.train(config, sys.argv[2] if len(sys.argv) > 2 else "runs/two-bells")
    print(priorkit.diagnose(run).sentence)
