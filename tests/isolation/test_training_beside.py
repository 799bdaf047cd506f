"""Training, and using what was trained, beside third parties' plug-ins: broken, unruly, missing, of another version."""

import shutil

import pytest

pytestmark = [pytest.mark.whole, pytest.mark.filterwarnings("default::priorkit.plugins.PluginWarning")]


def test_training_beside_every_plugin_there_is(installed, beside, tiny, rows, all_names, tmp_path):
    environment = installed.environment(*[name for names in all_names for name in names if name != "slow"])
    result = beside(environment, "train", *tiny, "--json", "--out", tmp_path / "run", "--prior.noise-dim", 8)
    assert result.returncode == 0, result.stderr
    events = rows(result.stdout)
    assert events[-1]["event"] == "end"
    assert all(line.startswith("priorkit: warning: plug-in 'acme-") for line in complaints(result))
    assert len(complaints(result)) == len(all_names[0])


def complaints(result):
    """What was said on stderr, but for what the loud plug-in writes past Python's streams."""
    return [line for line in result.stderr.splitlines() if line.startswith("priorkit: ")]


@pytest.fixture(scope="module")
def run(installed, beside, tiny, rows, tmp_path_factory):
    """A run with a prior that lost its bare name to priorkit's own, and prints when it is built."""
    path = tmp_path_factory.mktemp("runs") / "run"
    environment = installed.environment("clash")
    result = beside(environment, "train", "vae", *tiny, "--prior", "acme-clash:gaussian", "--json", "--out", path)
    assert result.returncode == 0, result.stderr
    assert rows(result.stdout)[-1]["event"] == "end"
    assert result.stderr == "made a prior\n"
    return path


def test_a_prior_that_lost_its_name_is_used_under_its_full_name(installed, here, run, tmp_path):
    environment = installed.environment("clash")
    result = here(environment, "sample", run, "-n", 4, "--out", tmp_path / "samples.png")
    assert (result.returncode, result.stderr) == (0, "")
    shown = here(environment, "components", "gaussian").stdout
    assert "  gaussian: a prior [acme-clash:gaussian]\n" in shown
    bare = here(environment, "train", "vae", "--prior", "gaussian", "--code-dim", 0)
    assert "prior 'gaussian' comes from several plug-ins (priorkit:gaussian, acme-clash:gaussian); using" in bare.stderr


@pytest.fixture(params=["sample", "resume", "evaluate"])
def use(request, here, run, tmp_path):
    """Uses the run in one way."""
    if request.param == "resume":
        shutil.copytree(run, tmp_path / "run")
    commands = {
        "sample": ["sample", run, "-n", 2, "--out", tmp_path / "samples.png"],
        "resume": ["train", "--resume", tmp_path / "run", "--steps", 2],
        "evaluate": ["evaluate", run, "--scores", "psnr", "--out", tmp_path / "scores.json"],
    }
    return lambda environment, **variables: here(environment, *commands[request.param], **variables)


def test_a_run_whose_plugin_is_missing(installed, use):
    result = use(installed.environment())
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "uses prior 'gaussian' of acme-clash 1.0, which no installed plug-in supplies; install it again (" in line


def test_a_run_whose_plugin_is_left_out(installed, use):
    result = use(installed.environment("clash"), PRIORKIT_DISABLE_PLUGINS="acme-clash")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "install it again, or see whether PRIORKIT_DISABLE_PLUGINS leaves it out" in line


def test_a_run_whose_plugin_is_broken_now(installed, use):
    environment = installed.environment("clash", version="1.1", source="\nimport no_such_module_anywhere\n")
    result = use(environment)
    assert result.returncode == 2
    warning, line = result.stderr.splitlines()
    reason = f"No module named 'no_such_module_anywhere' ({environment / 'acme_clash.py'}:2)"
    assert warning.startswith("priorkit: warning: plug-in 'acme-clash' of acme-clash 1.1 is broken and left out")
    assert warning.endswith(reason)
    assert "uses prior 'gaussian' of acme-clash 1.0, which no installed plug-in supplies" in line
    assert "'acme-clash' of acme-clash 1.1 is broken: ModuleNotFoundError: " in line
    assert f"{reason}; mend it, or install it again" in line


def test_a_run_whose_plugin_has_another_version(installed, use):
    result = use(installed.environment("clash", version="2.0"))
    assert result.returncode == 0, result.stderr
    (line,) = complaints(result)
    assert "was trained with acme-clash 1.0, and 2.0 is installed now" in line


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ("runtime", "has failed: RuntimeError: no such luck (FILE:"),
        ("type", "has failed: TypeError: of another type (FILE:"),
        ("key", "has failed: KeyError: 'z' (FILE:"),
        ("file", "has failed: FileNotFoundError: [Errno 2] No such file: 'weights.bin' (FILE:"),
        ("exits", "has failed: SystemExit: 0 (FILE:"),
        ("stops", "has failed: BaseException: now (FILE:"),
        ("depends", "has failed: ModuleNotFoundError: No module named 'no_such_module_anywhere' (FILE:"),
        ("text", "built a str, not a Prior; this is a mistake in the plug-in"),
        (
            "class",
            "built the class ClassPrior itself, not an instance of it: call it; this is a mistake in the plug-in",
        ),
        ("nothing", "built a NoneType, not a Prior; this is a mistake in the plug-in"),
    ],
)
def test_a_plugin_that_fails_to_build(installed, here, tiny, rows, prior, words):
    environment = installed.environment("builds")
    result = here(environment, "train", *tiny, "--prior", prior, "--json", "--out", environment / "run")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert f"--prior {prior}: its plug-in (acme-builds 1.0) " in line
    assert words.replace("FILE", str(environment / "acme_builds.py")) in line
    assert rows(result.stdout)[-1]["message"] in line
    assert not (environment / "run").exists()


def test_what_python_refuses_beneath_a_plugin_has_its_place(installed, here, tiny):
    environment = installed.environment("builds")
    result = here(environment, "train", *tiny, "--prior", "domain")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    (number,) = [
        number
        for number, text in enumerate((environment / "acme_builds.py").read_text("utf-8").splitlines(), 1)
        if "math.log(" in text
    ]
    assert (
        line == f"priorkit: --prior domain: math domain error (in its plug-in, {environment}/acme_builds.py:{number})"
    )


def test_options_that_fail_to_be_checked(installed, here, tiny):
    result = here(installed.environment("builds"), "train", *tiny, "--prior", "checked", "--prior.width", 2)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "--prior checked: its plug-in (acme-builds 1.0) has failed: TypeError: too wide (" in line


@pytest.mark.parametrize(
    ("prior", "status", "message"),
    [
        ("value", 2, "--prior value: the code is too long"),
        ("memory", 2, "not enough memory: choose a smaller --code-dim"),
        ("ctrl-c", 130, "interrupted"),
    ],
)
def test_what_is_no_mistake_of_a_plugins(installed, here, tiny, prior, status, message):
    result = here(installed.environment("builds"), "train", *tiny, "--prior", prior)
    assert result.returncode == status
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"priorkit: {message}")


@pytest.mark.parametrize("prior", ["runtime", "exits"])
def test_developers_see_their_own_error(installed, here, tiny, prior):
    environment = installed.environment("builds")
    with pytest.raises((RuntimeError, SystemExit)) as caught:
        here(environment, "train", *tiny, "--prior", prior, PRIORKIT_STRICT_PLUGINS="1")
    assert str(caught.traceback[-1].path) == str(environment / "acme_builds.py")


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("ugly-recipe", "--prior.number: input should be a valid integer"),
        ("ugly-key", "the recipe 'ugly-key' is broken: --no-such key: a run has no option"),
        ("ugly-choice", "the recipe 'ugly-choice' is broken: --prior: "),
        ("ugly-value", "the recipe 'ugly-value' is broken: --steps: "),
    ],
)
def test_recipes_that_configure_nothing(installed, here, tiny, recipe, words):
    result = here(installed.environment("ugly"), "train", recipe, *tiny[:-2])
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert words in line


def test_a_flag_means_what_it_meant_before(installed, here):
    environment = installed.environment("switch")
    text = here(environment, "train", "--prior", "learned", "--prior.noise-dim", 17, "vae", "--help")
    assert (text.returncode, text.stderr) == (0, "")
    assert "default 17]" in " ".join(text.stdout.split())
    switched = here(environment, "train", "--prior", "switch", "--prior.noise-dim", "no-such-recipe")
    assert "unknown recipe 'no-such-recipe'" in switched.stderr


def test_two_distributions_of_one_name(installed, here):
    environment = installed.environment("one", "two")
    ambiguous = here(environment, "train", "vae", "--prior", "shared")
    assert ambiguous.returncode == 2
    assert "prior 'shared' is ambiguous: say which one, acme-one:shared, acme-two:shared" in ambiguous.stderr
    chosen = here(environment, "train", "vae", "--prior", "acme-two:shared")
    assert "--prior acme-two:shared: its plug-in (acme-two 1.0) built a NoneType" in chosen.stderr
