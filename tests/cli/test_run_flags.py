import json
import tomllib
from itertools import permutations
from typing import Literal

import pytest
from pydantic import Field

from priorkit.cli.run_flags import parse_train_arguments
from priorkit.config import RunConfig, component_options, validate_settings
from priorkit.deprecation import Deprecated, DeprecatedOptionWarning
from priorkit.errors import ConfigurationError, UnknownComponentError
from priorkit.plugins import Options
from priorkit.registry import installed_plugins


def parse(*arguments):
    return parse_train_arguments(arguments, installed_plugins())


@pytest.mark.parametrize("order", list(permutations([("--prior", "learned"), ("--prior.noise-dim", "9"), ("aae",)])))
def test_options_come_in_any_order(order):
    parsed = parse(*[word for part in order for word in part])
    assert parsed.recipe == "aae"
    assert parsed.settings["prior"] == {"name": "learned", "noise_dim": "9"}
    assert parsed.settings["loss"] == {"name": "pixel"}


def test_flags_lie_over_the_recipe():
    parsed = parse("vae", "--loss.reduction", "mean", "--learning-rates.encoder", "1e-3", "--code-dim=8")
    assert parsed.settings["loss"] == {"name": "pixel", "reduction": "mean"}
    assert parsed.settings["learning_rates"] == {"encoder": "1e-3"}
    assert parsed.flags == {
        "loss": {"reduction": "mean"},
        "learning_rates": {"encoder": "1e-3"},
        "code_dim": "8",
    }


def test_another_component_drops_the_recipes_options_for_the_first():
    assert parse("vae", "--loss", "perceptual").settings["loss"] == {"name": "perceptual"}


@pytest.mark.parametrize(
    ("words", "value"),
    [(["--simultaneous"], "true"), (["--no-simultaneous"], "false"), (["--simultaneous", "no"], "no")],
)
def test_switches(words, value):
    assert parse(*words, "learned").settings["simultaneous"] == value


def test_a_file_is_a_recipe(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('code_dim = 7\n[prior]\nname = "learned"\nnoise_dim = 3\n')
    parsed = parse(str(file), "--code-generator.hidden", "5")
    assert parsed.settings["code_dim"] == 7
    assert parsed.settings["prior"] == {"name": "learned", "noise_dim": 3}
    assert parsed.settings["code_generator"] == {"name": "mlp", "hidden": "5"}


def test_none_takes_an_optional_value_back(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("clip_norm = 1.0\n")
    assert parse(str(file), "--clip-norm", "none").settings["clip_norm"] is None


@pytest.fixture
def former_names(monkeypatch):
    names = {"rate": Deprecated("learning_rate", since="0.2", gone="0.4")}
    monkeypatch.setattr(RunConfig, "renamed_options", names)
    options = installed_plugins().get("prior", "learned").component.options
    # `mean` is an option of another prior, and `dimensions` is none of any.
    names = {name: Deprecated("noise_dim", since="0.2", gone="0.4") for name in ("mean", "dimensions")}
    monkeypatch.setattr(options, "renamed_options", names)


@pytest.mark.usefixtures("former_names")
def test_flags_by_their_former_names(tmp_path):
    with pytest.warns(DeprecatedOptionWarning, match="the option 'rate' is deprecated"):
        parsed = parse("learned", "--rate", "1e-3", "--prior.dimensions", "9")
    assert parsed.flags == {"learning_rate": "1e-3", "prior": {"dimensions": "9"}}
    registered = installed_plugins().get("prior", "learned")
    for former in ("dimensions", "mean"):
        # The recipe's own value is overridden, too.
        file = tmp_path / "mine.toml"
        file.write_text('prior = { name = "learned", noise_dim = 3 }\n')
        chosen = validate_settings(parse(str(file), f"--prior.{former}", "9").settings).prior
        with pytest.warns(DeprecatedOptionWarning, match=f"option '{former}' of prior 'learned' .*deprecated"):
            assert component_options(registered, chosen.options).noise_dim == 9


@pytest.mark.usefixtures("former_names")
def test_a_former_name_stays_another_components_option():
    assert parse("--prior", "gaussian", "--prior.mean", "2").settings["prior"] == {"name": "gaussian", "mean": "2"}
    with pytest.raises(ConfigurationError, match="dimensions"):
        parse("--prior", "gaussian", "--prior.dimensions", "2")
    assert "--prior.dimensions" not in parse("--help").help


@pytest.mark.usefixtures("former_names")
def test_a_run_is_trained_by_former_names(cli, tmp_path):
    done = cli("train", "--rate", "1e-3", "--prior.dimensions", "9", "--steps", "1", "--out", tmp_path / "run")
    assert done.err.count("'rate' is deprecated since priorkit 0.2 and goes in 0.4; use 'learning_rate'\n") == 1
    assert done.err.count("'dimensions' of prior 'learned' is deprecated") == 1
    written = tomllib.loads((tmp_path / "run/config.toml").read_text())
    assert written["learning_rate"] == 1e-3
    assert written["prior"]["noise_dim"] == 9
    assert "dimensions" not in written["prior"]
    assert "rate" not in written


def test_help_shows_the_options_of_what_is_selected():
    text = parse("--help").help
    assert "--prior.noise-dim" in text
    assert "--prior.mean" not in text
    text = parse("--prior", "gaussian", "--help").help
    assert "--prior.mean" in text
    assert "--prior.noise-dim" not in text
    assert "--loss.distance" in parse("vae", "--help").help


def test_help_has_every_option_of_the_run_with_its_default():
    text = " ".join(parse("--help").help.split())
    for wanted in ("--batch-size", "default 64", "--learning-rates.image-critic", "--max-time", "--out", "--resume"):
        assert wanted in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--prior", "lerned"], "unknown prior 'lerned'; did you mean 'learned'?"),
        (["lerned"], "unknown recipe 'lerned'; did you mean 'learned'?"),
        (["--prior.noise-din", "3"], "unknown option --prior.noise-din; did you mean '--prior.noise-dim'?"),
        (
            ["--prior.hidden", "3"],
            "--prior.hidden: prior 'learned' has no such option any more; use --code-generator.hidden",
        ),
        (
            ["--prior", "gaussian", "--prior.noise-dim", "3"],
            "prior 'gaussian' has no option 'noise-dim'; it belongs to",
        ),
        (["--batchsize", "3"], "unknown option --batchsize; did you mean '--batch-size'?"),
        (["--batch-size", "many"], "--batch-size: input should be a valid integer"),
        (["--batch-size", "1"], '--batch-size: input should be greater than or equal to 2; given "1"'),
        (["--batch-size"], "--batch-size needs a value"),
        (["--max-time", "soon"], "--max-time: expected a time such as 90s, 8m or 1h30m"),
        (["--precision", "float16"], "--precision: input should be 'auto', 'float32' or 'bfloat16'"),
        (["--device", "gpu"], "--device: expected auto, cpu, cuda"),
        (["--epochs", "1e307"], "--epochs: input should be less than or equal to 1000000"),
        (["--code-dim", "10000000000000"], "--code-dim: input should be less than or equal to 1000000"),
        (["--optimizer", "none"], 'given "none"'),
        (["aae", "vae"], "unknown argument vae"),
        (["missing.toml"], "no configuration file 'missing.toml'"),
        (["--resume", "run", "vae"], "'vae' would configure another run; leave one out"),
        (["--resume", "run", "--out", "x"], "leave out --out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_explained(words, message):
    with pytest.raises((ConfigurationError, UnknownComponentError)) as caught:
        parse(*words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choice", ["prior = 3", "prior = []", "[prior]\nname = 5", "[[prior]]", "prior = 1979-05-27"])
@pytest.mark.parametrize("flags", [[], ["--prior.noise-dim", "5"], ["--help"]], ids=" ".join)
def test_a_file_that_chooses_no_component_is_explained(tmp_path, choice, flags):
    file = tmp_path / "mine.toml"
    file.write_text(choice)
    with pytest.raises(ConfigurationError, match="--prior: expected a name, or a table with the key `name`; given"):
        parse(str(file), *flags)


@pytest.mark.parametrize("limit", [["--steps", "5"], ["--epochs", "0.5"], ["--max-time", "9s"]], ids=" ".join)
def test_a_flag_of_length_replaces_the_files_limits(tmp_path, limit):
    file = tmp_path / "mine.toml"
    file.write_text("steps = 900\nmax_time = 60.0\n")
    settings = parse(str(file), *limit, "--seed", "1").settings
    key = limit[0][2:].replace("-", "_")
    assert {name: settings[name] for name in ("steps", "epochs", "max_time") if name in settings} == {key: limit[1]}
    assert parse(str(file), "--steps", "none").settings["max_time"] == 60.0


class ListOptions(Options):
    sizes: tuple[int, ...] = Field((1, 2), description="sizes")
    words: list[str] | None = Field(None, description="words")
    norm: Literal["none", "batch"] = Field("batch", description="norm")
    width: int | None = Field(None, description="width")


@pytest.mark.parametrize(
    ("flag", "text", "expected"),
    [
        ("sizes", "3, 4,5", (3, 4, 5)),
        ("sizes", "7", (7,)),
        ("sizes", "", ()),
        ("words", "a,b", ["a", "b"]),
        ("words", "none", None),
        ("norm", "none", "none"),
        ("width", "none", None),
        ("width", "3", 3),
    ],
)
def test_text_is_read_by_the_options_type(make_registry, make_component, flag, text, expected):
    registry = make_registry([("prior", make_component("listed", None, ListOptions))])
    asked = parse_train_arguments(["--prior", "listed", f"--prior.{flag}", text], registry)
    options = component_options(registry.get("prior", "listed"), validate_settings(asked.settings).prior.options)
    assert getattr(options, flag) == expected


def test_none_takes_a_components_value_back(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[code_generator]\nname = "mlp"\nhidden = 3\n')
    parsed = parse(str(file), "--code-generator.hidden", "none")
    assert parsed.settings["code_generator"] == {"name": "mlp", "hidden": None}
    assert parse("--networks.norm", "none").settings["networks"]["norm"] == "none"


def test_help_shows_what_a_file_says_as_users_write_it(tmp_path, make_registry, make_component):
    registry = make_registry([("prior", make_component("listed", None, ListOptions))])
    file = tmp_path / "mine.toml"
    file.write_text('[prior]\nname = "listed"\nsizes = [7, 8]\n')
    text = parse_train_arguments([str(file), "--help"], registry).help
    assert "[list of int; default 7,8]" in " ".join(text.split())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("unheard_of = 3\n", "unheard"),
        ('batch_size = "many"\n', "batch"),
        ("[networks]\nname = 'mlp'\nfuture = 1\n", "future"),
    ],
)
def test_a_configuration_of_a_run_names_its_file_and_its_version(wrong, message, tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(wrong)
    environment = {"priorkit": "9.8.7", "torch": "2.0", "device": "cpu", "precision": "float32", "components": {}}
    data = {"channels": 1, "size": 16, "train": 20, "held_out": 6, "fingerprint": "0"}
    (tmp_path / "environment.json").write_text(json.dumps({**environment, "data": data, "parameters": {}}))
    with pytest.raises(ConfigurationError) as caught:
        parse(str(file))
    for part in (repr(str(file)), "priorkit 9.8.7 wrote it", message):
        assert part in str(caught.value)
