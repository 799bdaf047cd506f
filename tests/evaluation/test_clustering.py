from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from priorkit.evaluation import adjusted_rand_index, clustering_accuracy, normalised_mutual_information


def assignments(n: int, parts: int, seed: int) -> torch.Tensor:
    return torch.randint(parts, (n,), generator=torch.Generator().manual_seed(seed))


@given(n=st.integers(1, 40), clusters=st.integers(1, 4), labels=st.integers(1, 4), seed=st.integers(0, 2**62))
def test_accuracy_is_that_of_the_best_match_of_all(n: int, clusters: int, labels: int, seed: int) -> None:
    found, truth = assignments(n, clusters, seed), assignments(n, labels, seed + 1)
    side = max(clusters, labels)
    best = max(float((torch.tensor(match)[found] == truth).double().mean()) for match in permutations(range(side)))
    assert clustering_accuracy(found, truth) == pytest.approx(best)


def test_known_answers() -> None:
    truth = torch.tensor([0, 0, 1, 1, 2, 2])
    renamed = torch.tensor([5, 5, 0, 0, 3, 3])
    everything = torch.zeros(6, dtype=torch.int64)
    for score in (clustering_accuracy, normalised_mutual_information, adjusted_rand_index):
        assert score(renamed, truth) == pytest.approx(1)
    assert clustering_accuracy(everything, truth) == pytest.approx(1 / 3)
    assert normalised_mutual_information(everything, truth) == 0
    assert adjusted_rand_index(everything, truth) == 0
    # Every image a cluster of its own: three of six match, and the entropies are log 3 and log 6.
    alone = torch.arange(6)
    assert clustering_accuracy(alone, truth) == pytest.approx(0.5)
    log3, log6 = 1.0986122886681098, 1.791759469228055
    assert normalised_mutual_information(alone, truth) == pytest.approx(2 * log3 / (log3 + log6))
    # By hand: 2 of 3 pairs agree, 1 pair together in each, expected 1/3... of the maximum 1.
    assert adjusted_rand_index(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1])) == pytest.approx(-0.5)


def test_random_clusters_agree_by_chance_alone() -> None:
    found, truth = assignments(20_000, 10, 0), assignments(20_000, 10, 1)
    assert clustering_accuracy(found, truth) == pytest.approx(0.1, abs=0.02)
    assert adjusted_rand_index(found, truth) == pytest.approx(0, abs=0.01)
    assert normalised_mutual_information(found, truth) == pytest.approx(0, abs=0.01)
