"""Compares priors: fits each to the codes of one autoencoder, and prints a table of scores.

    python examples/compare_priors.py [STEPS] [FOLDER]

All runs lie in the folder. Encoder and decoder are the same in each; only the prior differs.
"""

import sys
from pathlib import Path

import priorkit

PRIORS = {
    "full-gaussian": {},
    "mixture": {"em": True, "components": 20},
    "kde": {},
    "flow-matching": {},
}
"""Priors to fit, with their options. `priorkit components prior` lists others."""


def scores(run: priorkit.Run) -> str:
    """A line of the table."""
    found = priorkit.diagnose(run)
    nats = f"{run.prior.log_prob(found.codes.held_out).mean():.2f}" if run.prior.has_density else "-"
    distance = run.metrics[-1]["held_out/sample_distance"]
    codes = found.comparison
    return f"{nats:>8} {codes.told_apart:>10.2f} {codes.holes:>6.0%} {distance:>16.4f}"


def main(steps: int = 500, folder: Path = Path("runs/compared")) -> None:
    """Trains the autoencoder, fits the priors, and prints the table."""
    config = priorkit.recipe("vae", networks="mlp", code_dim=8, steps=steps)
    trained = priorkit.train(config, folder / "vae")
    rows = {"gaussian (trained with)": scores(trained)}
    for name, options in PRIORS.items():
        # Priors that are fitted in closed form or by EM take all codes at once, in a single step.
        length = {"steps": steps} if name == "flow-matching" else {}
        rows[name] = scores(priorkit.fit(trained, folder / name, prior={"name": name, **options}, **length))

    print(f"\n{'prior':24} {'nats':>7} {'told apart':>10} {'holes':>6} {'sample distance':>16}")
    for name, row in rows.items():
        print(f"{name:23} {row}")
    print("nats: mean log-density of held-out codes; told apart: accuracy of a classifier, 0.5 for a perfect prior;")
    print("holes: mass of the prior far from all codes; sample distance: of decoded samples to held-out images")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *map(Path, sys.argv[2:3]))
