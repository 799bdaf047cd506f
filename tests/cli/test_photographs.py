"""A folder of photographs of all kinds, as people have it, is trained on at the first try."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from priorkit.runs import RunFolder

SIZES = ((160, 120), (120, 160), (80, 60), (75, 75), (300, 200))
SMALL = ("--networks", "mlp", "--networks.hidden", "8", "--code-dim", "4", "--device", "cpu", "--precision", "float32")


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """25 images of five sizes, grey, in colour and transparent, one of them large; and a file that is broken."""
    folder, numbers = tmp_path / "photographs", np.random.default_rng(0)
    folder.mkdir()
    for index in range(25):
        colours = numbers.integers(256, size=(6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(colours).resize((3000, 2000) if index == 7 else SIZES[index % 5])
        mode = ("RGB", "L", "RGBA")[index % 3]
        image.convert(mode).save(folder / f"{index:02}.{'png' if mode == 'RGBA' else 'jpg'}")
    (folder / "99.jpg").write_bytes((folder / "00.jpg").read_bytes()[:300])
    return folder


def test_a_folder_of_photographs_trains_at_the_first_try(cli, photographs):
    source = ("--dataset", "folder", "--data-dir", photographs)
    result = cli("train", "vae", *source, *SMALL, "--steps", 2, "--out", "run")
    assert (result.status, result.err) == (0, "")
    assert "data set folder: 23 images to train on, 2 held out, 64x64, colour" in result.out
    for note in (
        "1 file is broken and left aside: 99.jpg",
        "--image-size 64 is chosen",
        "--channels 3 is chosen",
        "2 of 25 images are held out",
        "--batch-size 16 is chosen: there are 23 images to train on",
    ):
        assert note in result.out
    kept = tomllib.loads(Path("run/config.toml").read_text())
    assert (kept["image_size"], kept["channels"], kept["batch_size"]) == (64, 3, 16)

    # What was chosen is the run's: it goes on, is trained again and is evaluated without being asked anything.
    assert cli("train", "--resume", "run", "--steps", 4, "--quiet") == (0, "run\n", "")
    assert cli("train", "run/config.toml", "--steps", 4, "--out", "again", "--quiet").status == 0
    straight, again = (RunFolder.open(Path(name)).checkpoints.path("last") for name in ("run", "again"))
    assert (straight / "weights.safetensors").read_bytes() == (again / "weights.safetensors").read_bytes()
    assert cli("evaluate", "run", "--scores", "psnr", "--device", "cpu", "--quiet").status == 0
    assert (
        cli("reconstruct", "run", photographs / "07.jpg", "--device", "cpu", "--quiet").out == "reconstructions.png\n"
    )
    # The images are the same from disk.
    assert cli("train", "--resume", "run", "--steps", 5, "--stream", "always", "--workers", 0, "--quiet").status == 0


def test_what_is_said_is_done_or_refused(cli, photographs):
    source = ("--dataset", "folder", "--data-dir", photographs)
    said = ("--image-size", 16, "--channels", 1, "--batch-size", 8)
    result = cli("train", "vae", *source, *SMALL, *said, "--steps", 1, "--out", "run")
    assert "16x16, grey" in result.out
    assert "8 images a step" in result.out
    assert "is chosen" not in result.out
    refused = cli("train", "vae", *source, *SMALL, "--batch-size", 64, "--steps", 1, "--out", "other")
    assert refused.status == 2
    assert "--batch-size 64 is more than the 23 training images" in refused.err
    refused = cli("train", "vae", *source, *SMALL, "--dataset.broken", "refuse", "--steps", 1, "--out", "other")
    assert refused.status == 2
    assert f"{photographs / '99.jpg'} cannot be read as an image" in refused.err
    assert not Path("other").exists()
