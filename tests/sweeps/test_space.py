import pytest

from priorkit.errors import ConfigurationError
from priorkit.sweeps import SearchSpace, parse_search


@pytest.fixture
def space(registry):
    return lambda text, **settings: SearchSpace.checked(settings, parse_search([text]), registry)


def draw(space, **values):
    """What is drawn, where each option's last value is, unless named."""
    return space.draw(lambda option: values.get(option.name, option.ends[-1]))


def test_options_of_components_that_were_drawn(space):
    found = space("prior.noise-dim=8..16,prior=mixture,learned")
    assert draw(found) == {"prior": "learned", "prior.noise_dim": "16"}
    assert draw(found, prior="mixture") == {"prior": "mixture"}
    config = found.config(draw(found))
    assert (config.prior.name, config.prior.options["noise_dim"]) == ("learned", 16)
    assert found.config({"prior": "mixture"}).prior.name == "mixture"


def test_values_lie_over_the_settings(space):
    found = space("learning_rate=1e-4..1e-2,networks.hidden=8,16", networks="mlp", steps=7)
    config = found.config({"learning_rate": "0.003", "networks.hidden": "16"})
    assert (config.learning_rate, config.networks.options["hidden"], config.steps) == (0.003, 16, 7)


def test_numbers_are_of_the_options_kind(space):
    (average,) = space("average=0..0.5").options
    assert not average.whole
    assert space("code_dim=2..64").options[0].whole


def test_switches_lists_and_words(space):
    found = space("simultaneous=yes,no,optimizer=adam,sgd,clip-norm=none,1")
    config = found.config({"simultaneous": "yes", "optimizer": "sgd", "clip_norm": "none"})
    assert (config.simultaneous, config.optimizer, config.clip_norm) == (True, "sgd", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rat=1..2", r"a run has no option --learning-rat; did you mean 'learning_rate'\?"),
        ("prior.nois-dim=1..2", r"prior learned has no such option; did you mean 'prior.noise_dim'\?"),
        ("prior=learned,lerned", "--search prior=lerned: unknown prior 'lerned'"),
        ("networks.width=0,16", "--search networks.width=0: --networks.width"),
        ("average=0..2", "--search average=2.0: --average: input should be less than 1"),
        ("code_dim=2.5..8", "it takes whole numbers"),
        ("optimizer=1..2", "has no range; list values"),
        ("device=cpu,cuda", "cannot be searched"),
        ("stages=autoencoder:1,autoencoder:2", "cannot be searched"),
    ],
)
def test_what_is_refused_before_anything_starts(space, text, message):
    with pytest.raises(ConfigurationError, match=message) as refused:
        space(text)
    assert "\n" not in str(refused.value)


def test_an_option_of_none_of_the_components_searched(space):
    with pytest.raises(ConfigurationError, match="prior gaussian or mixture has no such option"):
        space("prior=gaussian,mixture,prior.noise-dim=1..2")
