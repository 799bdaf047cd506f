"""`priorkit new-plugin`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_says_what_it_wrote_and_what_comes_next(cli):
    result = cli("new-plugin", "student-t")
    assert (result.status, result.err) == (0, "")
    said, commands = result.out.split("next:\n")
    assert said.startswith("wrote a plug-in with the prior 'student-t':\n")
    listed = {Path(line.strip()) for line in said.splitlines()[1:]}
    assert listed == {path for path in Path("priorkit-student-t").rglob("*") if path.is_file()}
    assert commands.splitlines() == [
        "  pip install -e './priorkit-student-t[test]'",
        "  pytest ./priorkit-student-t",
        "  priorkit train vae --prior student-t",
    ]


def test_kind_and_folder(cli, tmp_path):
    result = cli("new-plugin", "--kind", "code-generator", "--out", tmp_path / "a b", "bend")
    assert result.status == 0
    assert (tmp_path / "a b/priorkit-bend/priorkit_bend/code_generator.py").is_file()
    assert f"  pip install -e '{tmp_path}/a b/priorkit-bend[test]'\n" in result.out
    assert "  priorkit train learned --code-generator bend\n" in result.out


def test_json(cli):
    result = cli("new-plugin", "beta", "--kind=recipe", "--json")
    assert result.status == 0
    (said,) = (json.loads(line) for line in result.out.splitlines())
    assert said["folder"] == "priorkit-beta"
    assert "priorkit_beta/beta.toml" in said["files"]
    assert said["next"][2] == "priorkit train beta"


def test_quiet(cli):
    assert cli("new-plugin", "beta", "--kind", "recipe", "--quiet") == (0, "priorkit-beta\n", "")


def test_help_lists_the_kinds(cli):
    with pytest.raises(SystemExit) as left:
        cli("new-plugin", "--help")
    assert left.value.code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Student"], "'Student' cannot name a component: it must be lower-case words"),
        (["x", "--kind", "regulariser"], "--kind regulariser: unknown; did you mean 'regularizer'? Known: prior, "),
        (["gaussian"], "priorkit has a prior 'gaussian' of its own"),
        (["x", "--output", "y"], "unknown option --output; did you mean '--out'? `priorkit new-plugin --help` lists"),
        ([], "the following arguments are required: NAME; see `priorkit new-plugin --help`"),
        (["x", "--kind"], "--kind needs a value"),
    ],
)
def test_mistakes(cli, tmp_path, arguments, message):
    result = cli("new-plugin", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"priorkit: {message}")
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(cli):
    cli("new-plugin", "x")
    module = Path("priorkit-x/priorkit_x/prior.py")
    module.write_text("mine")
    result = cli("new-plugin", "x", "--kind", "loss")
    assert result.status == 2
    assert result.err.startswith("priorkit: the folder 'priorkit-x' is not empty, and nothing in it is overwritten;")
    assert module.read_text() == "mine"


def test_a_folder_that_cannot_be_made(cli):
    Path("file").write_text("mine")
    result = cli("new-plugin", "x", "--out", "file")
    assert result.status == 2
    assert result.err.startswith("priorkit: ")
    assert result.err.count("\n") == 1
    assert Path("file").read_text() == "mine"


def test_it_needs_no_torch(tmp_path):
    program = (
        "import sys; from priorkit.cli import main; status = main(['new-plugin', 'x', '--quiet']); "
        "sys.exit(status or 'torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "priorkit-x/pyproject.toml").is_file()
