"""Trains an autoencoder on a folder of images, and draws new images and reconstructions.

    python examples/train_on_your_own_images.py [FOLDER] [STEPS] [RUN]

The folder holds image files of any size, or one folder of them for each class. Without a folder, the script makes one:
coloured discs and squares.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import priorkit
from priorkit.data import to_uint8
from priorkit.runs import load_run_data, pairs, save_grid


def make_images(folder: Path, number: int = 200) -> None:
    """Draws discs and squares of random places and colours, 40x32 pixels, in one folder each."""
    rng = np.random.default_rng(0)
    for name in ("discs", "squares"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(number // 2):
            image = Image.new("RGB", (40, 32), "white")
            x, y, size = rng.integers((4, 2, 12), (18, 12, 18))
            draw = ImageDraw.Draw(image).ellipse if name == "discs" else ImageDraw.Draw(image).rectangle
            draw((x, y, x + size, y + size), fill=tuple(rng.integers(0, 200, 3).tolist()))
            image.save(folder / name / f"{index:03}.png")


def main(folder: Path | None = None, steps: int = 500, out: Path = Path("runs/own-images")) -> None:
    """Trains, and draws what the model makes."""
    if folder is None:
        folder = Path("shapes")
        make_images(folder)
    config = priorkit.recipe("vae", dataset="folder", data_dir=folder, networks="mlp", code_dim=16, steps=steps)
    run = priorkit.train(config, out)

    save_grid(to_uint8(run.sample(64, seed=0)), out / "new-images.png")
    held_out = load_run_data(run).test
    originals = held_out.take(torch.arange(min(16, len(held_out))))  # uint8 (N, C, H, W)
    again = run.decode(run.encode(originals), from_prior=False)
    save_grid(pairs(originals, to_uint8(again), columns=8), out / "reconstructions.png")
    print(f"new images and reconstructions in {out}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*map(Path, given[:1]), *map(int, given[1:2]), *map(Path, given[2:3]))
