"""Draws new digits of each class: a prior of principal components, decoded by the inverse of scikit-learn's PCA.

    python examples/digits_through_pca.py [STEPS] [PICTURE.png]

The picture has a row for each class. `fit_a_prior_to_embeddings.py` scores codes instead.
"""

import sys

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import priorkit

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
picture = sys.argv[2] if len(sys.argv) > 2 else "digits-through-pca.png"

digits = load_digits()
pca = PCA(24).fit(digits.data)
prior = priorkit.fit_prior(pca.transform(digits.data), "flow-matching", conditions=digits.target, steps=steps)

# Ten samples of each class.
codes = prior.sample(100, condition=np.repeat(np.arange(10), 10))
pixels = np.clip(pca.inverse_transform(codes) / 16 * 255, 0, 255).astype(np.uint8).reshape(10, 10, 8, 8)
rows = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1))).transpose(0, 2, 1, 3).reshape(100, 100)
Image.fromarray(rows).resize((500, 500)).save(picture)
print(f"100 digits in {picture}")
