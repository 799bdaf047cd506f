"""Oxford 102 Flowers in small: the official files, with few photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import Flowers102

LABELS = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 101, 7: 100}
"""The label of each photograph, by its number."""


def write_flowers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven photographs of different widths, each of one grey value: 20 times its number."""
    folder = root / "flowers-102"
    (folder / "jpg").mkdir(parents=True)
    for number in range(1, 8):
        photograph = np.full((60, 50 + 10 * number, 3), 20 * number, dtype=np.uint8)
        Image.fromarray(photograph).save(folder / "jpg" / f"image_{number:05d}.jpg")
    savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 2, 3, 4, 5, 102, 101]])})
    splits = {"trnid": np.array([[1, 2]]), "valid": np.array([[7, 3]]), "tstid": np.array([[6, 5, 4]])}
    savemat(folder / "setid.mat", splits)
    names = {"image": "102flowers.tgz", "label": "imagelabels.mat", "setid": "setid.mat"}
    monkeypatch.setattr(Flowers102, "_file_dict", {key: (name, None) for key, name in names.items()})
