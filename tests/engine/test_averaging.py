import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from priorkit.engine import AveragedNetworks


def make_network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    network[2].register_buffer("scale", torch.ones(2))
    return network


def train_a_little(network: nn.Module, generator: torch.Generator) -> None:
    """Changes every weight, and the statistics by a pass over a random batch."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator))
        network[2].scale.mul_(1.5)
    network(torch.randn(8, 3, generator=generator))


@settings(deadline=None, max_examples=10)
@given(
    seed=st.integers(0, 2**32),
    decay=st.floats(0, 0.9999),
    updates=st.integers(1, 15),
)
def test_follows_the_recurrence(seed: int, decay: float, updates: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    network = make_network(seed)
    averages = AveragedNetworks({"net": network}, decay)
    expected = {key: value.double().clone() for key, value in network.state_dict().items()}
    weights = {name for name, _ in network.named_parameters()}
    for t in range(updates):
        train_a_little(network, generator)
        averages.update()
        warm_up = (1 + t) / (10 + t)
        for key, value in network.state_dict().items():
            kept = min(decay, warm_up) if key in weights else 0.0
            # Batch-norm statistics are not averaged: they are recomputed when the copy is used.
            if not key.startswith("1.") or key in weights:
                expected[key] = kept * expected[key] + (1 - kept) * value.double()
    assert averages.updates == {"net": updates}
    for key, value in averages.networks["net"].state_dict().items():
        torch.testing.assert_close(value.double(), expected[key], rtol=1e-4, atol=1e-5)


def test_the_first_update_almost_forgets_the_initial_weights() -> None:
    network = make_network(0)
    averages = AveragedNetworks({"net": network}, 0.999)
    with torch.no_grad():
        network[0].weight.fill_(5.0)
        averages.networks["net"][0].weight.fill_(0.0)
    averages.update()
    torch.testing.assert_close(averages.networks["net"][0].weight, torch.full((4, 3), 4.5))


def test_copies_of_what_stands_still_stand_still() -> None:
    network = make_network(0)
    averages = AveragedNetworks({"net": network}, 0.999)
    for _ in range(3):
        averages.update()
    for key, value in averages.networks["net"].state_dict().items():
        assert torch.equal(value, network.state_dict()[key])


def test_leaves_the_networks_alone_and_is_ready_for_use() -> None:
    network = make_network(0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    averages = AveragedNetworks({"net": network}, 0.999)
    train_a_little(averages.networks["net"], torch.Generator().manual_seed(0))
    averages.update()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert network.training
    assert all(weight.requires_grad for weight in network.parameters())
    copy = averages.networks["net"]
    assert not any(layer.training for layer in copy.modules())
    assert not any(weight.requires_grad for weight in copy.parameters())


def test_goes_on_where_it_was_saved() -> None:
    generator = torch.Generator().manual_seed(0)
    network = make_network(0)
    averages = AveragedNetworks({"net": network}, 0.9)
    for _ in range(4):
        train_a_little(network, generator)
        averages.update()
    restored = AveragedNetworks({"net": network}, 0.9)
    restored.networks["net"].load_state_dict(averages.networks["net"].state_dict())
    restored.load_state_dict(averages.state_dict())
    train_a_little(network, generator)
    averages.update()
    restored.update()
    expected = averages.networks["net"].state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in restored.networks["net"].state_dict().items())


def test_a_network_without_statistics_is_followed_too() -> None:
    network = nn.Linear(2, 2)
    averages = AveragedNetworks({"net": network}, 0.0)
    with torch.no_grad():
        network.weight.fill_(3.0)
    averages.update()
    assert torch.equal(averages.networks["net"].weight, network.weight)


class Borrower(nn.Module):
    """A module that refers to a network that is not its submodule."""

    def __init__(self, lender: nn.Module) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.lent = [lender]

    def __deepcopy__(self, memo: dict[int, object]) -> "Borrower":
        return Borrower(memo.get(id(self.lent[0]), self.lent[0]))


def test_copies_refer_to_copies() -> None:
    lender = make_network(0)
    together = AveragedNetworks({"lender": lender, "borrower": Borrower(lender)}, 0.9)
    assert together.networks["borrower"].lent[0] is together.networks["lender"]
    alone = AveragedNetworks({"borrower": Borrower(lender)}, 0.9)
    assert alone.networks["borrower"].lent[0] is lender


def test_what_is_not_trained_is_left_where_it_is() -> None:
    first, second = make_network(0), make_network(1)
    averages = AveragedNetworks({"first": first, "second": second}, 0.999)
    generator = torch.Generator().manual_seed(0)
    for network in (first, second):
        train_a_little(network, generator)
    before = {key: value.clone() for key, value in averages.networks["first"].state_dict().items()}
    averages.update({"second", "others"})
    assert averages.updates == {"first": 0, "second": 1}
    for key, value in averages.networks["first"].state_dict().items():
        assert torch.equal(value, before[key])
    assert not torch.equal(averages.networks["second"][0].weight, make_network(1)[0].weight)
    # Each network warms up separately: a network that is trained later is averaged like one trained from the start.
    alone = AveragedNetworks({"second": make_network(1)}, 0.999)
    with torch.no_grad():
        for own, trained in zip(alone._sources["second"].parameters(), second.parameters(), strict=True):
            own.copy_(trained)
    alone.update()
    assert torch.equal(alone.networks["second"][0].weight, averages.networks["second"][0].weight)


def test_one_number_of_updates_is_that_of_all() -> None:
    averages = AveragedNetworks({"first": make_network(0), "second": make_network(1)}, 0.9)
    averages.load_state_dict({"updates": 7})
    assert averages.updates == {"first": 7, "second": 7}
    averages.load_state_dict({"updates": {"first": 3, "second": 4}})
    assert averages.state_dict() == {"updates": {"first": 3, "second": 4}}
