"""Fits a density to embeddings: how likely is each of them, which are odd, and what do new ones look like?

    python examples/fit_a_prior_to_embeddings.py [EMBEDDINGS.npy] [NEW.npy]

The file holds an array (N, D), such as sentence embeddings or the activations of a network. Without a file, the
embeddings are 12 principal components of scikit-learn's digits.
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import priorkit

components = PCA(12, random_state=0).fit_transform(load_digits().data)
embeddings = np.load(sys.argv[1]) if len(sys.argv) > 1 else components
train, held_out = train_test_split(embeddings, test_size=0.2, random_state=0)

# One normal distribution, and a mixture of twenty, fitted by EM. A better density is higher at held-out embeddings.
one = priorkit.fit_prior(train, "full-gaussian")
mixture = priorkit.fit_prior(train, {"name": "mixture", "em": True, "components": 20})
for name, prior in {"one normal distribution": one, "mixture of 20": mixture}.items():
    print(f"{name}: {prior.log_prob(held_out).mean():.2f} nats for a held-out embedding")

scores = mixture.log_prob(embeddings)  # (N,), in nats
print("least likely:", ", ".join(f"row {row} ({scores[row]:.1f})" for row in scores.argsort()[:3].tolist()))

new = mixture.sample(1000, seed=0)  # in the embeddings' own scale
target = sys.argv[2] if len(sys.argv) > 2 else "new-embeddings.npy"
np.save(target, np.asarray(new))
print(f"{len(new)} new embeddings in {target}")
