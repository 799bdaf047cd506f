from PIL import Image

from priorkit.studies import save_curves


def row(step, **values):
    return {"step": step, "images": 8 * step, "seconds": 0.1 * step, **values}


def test_a_panel_for_every_measurement(tmp_path):
    runs = {
        "_one$": [row(1, **{"loss/a": 2.0}), row(2, **{"loss/a": 1.0, "held_out/b": 3.0})],
        "two": [row(1, **{"loss/c": 2.0})],
    }
    assert save_curves(runs, tmp_path / "curves.png") == 3
    with Image.open(tmp_path / "curves.png") as picture:
        assert len(picture.convert("RGB").getcolors(10**6)) > 10


def test_no_measurements_no_file(tmp_path):
    assert save_curves({"one": []}, tmp_path / "curves.png") == 0
    assert list(tmp_path.iterdir()) == []
