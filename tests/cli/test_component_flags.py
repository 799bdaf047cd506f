from priorkit.cli.component_flags import component_options_of_all, tie_values
from priorkit.plugins import Component, Options
from priorkit.registry import LoadedPlugin, Registry, installed_plugins


class OtherOptions(Options):
    noise_dim: bool = False
    other: int = 1


def test_a_plugins_flag_does_not_change_what_priorkits_own_means():
    component = Component("other", OtherOptions, print, "a prior", "a test")
    registry = Registry(
        [LoadedPlugin("a", "acme", "1.0", (("prior", component),), ()), *installed_plugins().plugins],
    )
    described = component_options_of_all(registry)
    assert {"--prior.other", "--prior.noise-dim", "--loss.reduction"} <= {item.flag for item in described}
    assert {item.flag.partition(".")[0] for item in component_options_of_all(registry, "prior")} == {"--prior"}
    words = ["--prior.noise-dim", "vae", "--out", "--odd"]
    assert tie_values(words, described, ["--out"]) == ["--prior.noise-dim=vae", "--out=--odd"]
    # What is chosen stands last.
    chosen = [*described, *[item for item in described if item.flag == "--prior.noise-dim" and item.switch]]
    assert tie_values(words, chosen, ["--out"]) == ["--prior.noise-dim=true", "vae", "--out=--odd"]
