from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import priorkit


def arrays(path):
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def test_samples_as_arrays(cli, trained):
    result = cli("sample", trained, "-n", 1203, "--out", "samples.npz")
    assert (result.status, result.err) == (0, "")
    saved = arrays("samples.npz")
    assert saved.keys() == {"images"}
    assert (saved["images"].shape, saved["images"].dtype) == ((1203, 16, 16, 1), np.uint8)


def test_the_same_seed_gives_the_same_samples_however_many(cli, trained):
    for name, number, seed in (("a", 9, 1), ("b", 700, 1), ("c", 9, 2)):
        assert cli("sample", trained, "-n", number, "--seed", seed, "--out", f"{name}.npz", "--quiet").status == 0
    first, second, third = (arrays(f"{name}.npz")["images"] for name in "abc")
    # Matrix products of other sizes may round otherwise, which can move a pixel from one value to the next.
    assert np.abs(first.astype(int) - second[:9]).max() <= 1
    assert np.abs(first.astype(int) - third).max() > 1


def test_samples_as_a_picture_and_as_files(cli, trained):
    assert cli("sample", trained, "-n", 6, "--columns", 3, "--out", "grid.png").status == 0
    with Image.open("grid.png") as picture:
        assert picture.width > picture.height
    assert cli("sample", trained, "-n", 6, "--out", "files").status == 0
    with Image.open("files/000005.png") as picture:
        assert (picture.size, picture.mode) == ((16, 16), "L")


def test_nothing_is_overwritten_unless_asked(cli, trained, tmp_path):
    (tmp_path / "samples.png").write_text("precious")
    result = cli("sample", trained)
    assert result.status == 2
    assert "samples.png already exists and is left as it is; name another one, or add --overwrite" in result.err
    assert (tmp_path / "samples.png").read_text() == "precious"
    assert cli("sample", trained, "--overwrite").status == 0
    with Image.open("samples.png") as picture:
        picture.verify()


def test_reconstructions_of_held_out_images(cli, trained):
    assert cli("reconstruct", trained, "-n", 4, "--columns", 4, "--out", "rec.npz").status == 0
    assert arrays("rec.npz")["images"].shape == (8, 16, 16, 1)


def test_reconstructions_of_the_users_images(cli, trained):
    Image.new("RGB", (40, 30), (255, 0, 0)).save("mine.png")
    result = cli("reconstruct", trained, "mine.png", "--out", "rec.npz")
    assert result.status == 0, result.err
    rows = arrays("rec.npz")["images"]
    assert rows.shape == (2, 16, 16, 1)
    assert np.all(np.abs(rows[0].astype(int) - 76) <= 1)  # the luma of red


def test_interpolations(cli, trained):
    assert cli("interpolate", trained, "-n", 3, "--steps", 5, "--out", "walk.npz").status == 0
    assert arrays("walk.npz")["images"].shape == (15, 16, 16, 1)
    assert cli("interpolate", trained, "-n", 2, "--between", "images", "--out", "walk.png").status == 0


def test_interpolations_end_at_the_reconstructions_of_the_images(cli, trained):
    for name, colour in (("a", 30), ("b", 220)):
        Image.new("L", (16, 16), colour).save(f"{name}.png")
    assert cli("interpolate", trained, "a.png", "b.png", "--steps", 3, "--out", "walk.npz").status == 0
    assert cli("reconstruct", trained, "a.png", "b.png", "--out", "rec.npz").status == 0
    walk, rows = arrays("walk.npz")["images"], arrays("rec.npz")["images"]
    assert np.array_equal(walk[[0, 2]], rows[1::2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "nowhere"], "no run 'nowhere'"),
        (["sample", "."], "is not a run"),
        (["sample", "trained", "-n", "0"], "expected a whole number of at least 1, not '0'"),
        (["sample", "trained", "-n", "x"], "expected a whole number of at least 1, not 'x'"),
        (["sample", "trained", "-n", "100000000000"], "is more than fits into memory at once: draw at most"),
        (["sample", "trained", "--nmber", "3"], "unknown option --nmber"),
        (["sample", "trained", "--out", "x.jpg"], "cannot write '.jpg' files"),
        (["sample", "trained", "--device", "cuda:9"], "--device cuda:9"),
        (["sample", "trained", "--device", "gpu"], "--device: expected auto, cpu, cuda"),
        (["sample", "trained", "--checkpoint", "first"], "invalid choice: 'first'"),
        (["sample", "trained", "--out"], "--out needs a value"),
        (["sample"], "RUN"),
        (["reconstruct", "trained", "missing.png"], "no image 'missing.png'"),
        (["reconstruct", "trained", "notes.txt"], "cannot read 'notes.txt' as an image"),
        (["interpolate", "trained", "--steps", "1"], "--steps must be at least 2"),
        (["interpolate", "trained", "ok.png"], "name an even number, not 1"),
        (["interpolate", "trained", "ok.png", "ok.png", "ok.png"], "name an even number, not 3"),
        (["sample", "trained", "--data-dir", "."], "neither held-out nor training images are read here; leave it out"),
        (["interpolate", "trained", "--data-dir", "."], "neither held-out nor training images are read here"),
        (["reconstruct", "trained", "ok.png", "--data-dir", "."], "neither held-out nor training images are read here"),
        (["reconstruct", "trained", "--data-dir", "."], "reads no folder"),
        (["sample", "trained", "--device", "cuda:01"], "--device: expected auto, cpu, cuda"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, trained, tmp_path, arguments, message):
    (tmp_path / "notes.txt").write_text("no image")
    Image.new("L", (16, 16)).save(tmp_path / "ok.png")
    before = sorted(tmp_path.rglob("*"))
    result = cli(*arguments)
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_checkpoint_is_named(cli, trained):
    for file in trained.glob("checkpoints/step-*/weights.safetensors"):
        file.write_bytes(b"broken")
    result = cli("sample", trained)
    assert result.status == 2
    assert "weights.safetensors" in result.err


def test_arrays_and_files_of_reconstructions_are_pairs_whatever_the_columns(cli, trained):
    for name, columns in (("a.npz", 1), ("b.npz", 3), ("c", 3)):
        assert cli("reconstruct", trained, "-n", 5, "--columns", columns, "--out", name).status == 0
    rows = arrays("a.npz")["images"]
    assert np.array_equal(rows, arrays("b.npz")["images"])
    for number, row in enumerate(rows):
        with Image.open(f"c/{number:06d}.png") as picture:
            assert np.array_equal(np.asarray(picture), row[:, :, 0])
    # Every original can be found again: its reconstruction comes next.
    assert cli("reconstruct", trained, "c/000004.png", "--out", "d.npz").status == 0
    assert np.array_equal(arrays("d.npz")["images"], rows[4:6])


def test_a_grid_of_reconstructions_has_all_of_them(cli, trained):
    for number in (3, 4):
        out = f"{number}.png"
        assert cli("reconstruct", trained, "-n", number, "--columns", 2, "--out", out).status == 0
    with Image.open("3.png") as three, Image.open("4.png") as four:
        assert three.size == four.size


def test_held_out_images_come_from_where_the_data_lies_now(cli, tiny):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
    Path("before").mkdir()
    np.savez("before/images.npz", images=images)
    data = ["--dataset", "npz", "--data-dir", "before/images.npz"]
    trained = cli("train", "learned", *tiny, *data, "--steps", 1, "--out", "run", "--quiet")
    assert (trained.status, trained.err) == (0, "")
    Path("before").rename("after")
    assert cli("reconstruct", "run", "-n", 2).status == 2
    moved = cli("reconstruct", "run", "-n", 2, "--data-dir", "after/images.npz")
    assert (moved.status, moved.err) == (0, "")
    walk = ["--between", "images", "-n", 1, "--data-dir", "after/images.npz"]
    assert cli("interpolate", "run", *walk).status == 0


def test_a_class_without_training_images_is_not_drawn(cli, tiny, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    np.savez("data.npz", images=images, labels=np.arange(12) % 2, class_names=np.array(["cat", "dog", "emu"]))
    flags = ("--dataset", "npz", "--data-dir", "data.npz", "--condition", "labels", "--steps", 1, "--out", "run")
    trained = cli("train", "learned", *tiny, *flags)
    assert "1 of 3 classes have no image to train on: emu" in trained.out
    assert cli("sample", "run", "-n", 2, "--label", "dog").status == 0
    refused = cli("sample", "run", "-n", 2, "--label", "emu", "--overwrite")
    assert refused.status == 2
    assert "class 'emu' had no image to train on, so 'run' has not learned" in refused.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("code_dim = 4", 'code_dim = "many"', "code-dim: input should be a valid integer"),
        ("[prior]", "[prior]\ncolour = 3", "prior.colour: prior 'learned' has no option 'colour'"),
        ("code_dim = 4", "code_dim = 4\nfuture = 3", "future: a run has no option 'future'"),
    ],
)
@pytest.mark.parametrize("command", [("sample",), ("train", "--resume"), ("fit",)])
def test_settings_that_a_run_keeps_are_no_flags_of_the_users(cli, trained, command, old, new, told):
    config = trained / "config.toml"
    config.write_text(config.read_text().replace(old, new))
    result = cli(*command, trained, *(["--steps", 9] if command[-1] == "--resume" else []))
    assert result.status == 2
    assert f"priorkit: {str(config)!r} cannot be used here: {told}" in result.err
    assert f"(priorkit {priorkit.__version__} wrote it; restore the file" in result.err
