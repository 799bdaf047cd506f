"""Draws the pages' pictures: `python docs/site/draw_pictures.py --mnist DIR --colour FILE.npz --work FOLDER`.

DIR holds MNIST, FILE.npz holds colour images (for the pages, 20,000 of CIFAR-10, equally many of each class), and
FOLDER receives the runs. Existing runs and pictures are skipped, so the script can be stopped and started again. Names
of pictures after the options select these pictures. The script uses the `priorkit` of the PATH.
"""

import argparse
import re
import shlex
import subprocess
from pathlib import Path

from pictures_of_pages import PICTURES, RUNS
from PIL import Image
from small_pictures import save_small

__all__: list[str] = []

_FOLDER = Path(__file__).resolve().parents[1] / "pictures"
_GREY, _COLOUR, _PLOT = 16, 128, 64


def main() -> None:
    """Draws missing pictures, and trains the runs that they need."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, required=True, help="folder of MNIST")
    parser.add_argument("--colour", type=Path, required=True, help="an .npz file of colour images")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("pictures", nargs="*", help="pictures to draw (default: all)")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    # The commands on the pages use this name of the file.
    link = given.work / "cifar10.npz"
    if not link.exists():
        link.symlink_to(given.colour.resolve())
    for picture in given.pictures or PICTURES:
        path = _FOLDER / f"{picture}.png"
        if not path.exists():
            _draw(PICTURES[picture], path, given.work, given.mnist.resolve())
            print(picture, path.stat().st_size, "bytes", flush=True)


def _draw(command: str, path: Path, work: Path, mnist: Path) -> None:
    for run in re.findall(r"runs/([\w-]+)", command):
        _train(run, work, mnist)
    if "diagnose" in command:
        _carry_out(command, work)
        (run,) = re.findall(r"runs/[\w-]+", command)
        drawn = work / run / "diagnosis.png"
    else:
        drawn = work / path.name
        _carry_out(command, work, "--out", path.name, "--overwrite")
    with Image.open(drawn) as picture:
        colours = _GREY if picture.mode == "L" else _PLOT if path.stem in {"tsne", "diagnosis"} else _COLOUR
        save_small(picture, path, colours)


def _train(run: str, work: Path, mnist: Path) -> None:
    command = RUNS[run]
    if (work / "runs" / run).exists():
        return
    for other in re.findall(r"fit runs/([\w-]+)", command):
        _train(other, work, mnist)
    _carry_out(command, work, *(["--data-dir", str(mnist)] if "--dataset mnist" in command else []))


def _carry_out(command: str, folder: Path, *more: str) -> None:
    print(command, flush=True)
    subprocess.run([*shlex.split(command), "--quiet", *more], cwd=folder, check=True)


if __name__ == "__main__":
    main()
