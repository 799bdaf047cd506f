from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError
from priorkit.registry import installed_plugins
from priorkit.scaffolding import write_plugin

REGISTRY = installed_plugins()


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_files_are_written_below_the_folder(tmp_path):
    written = write_plugin("student-t", "prior", tmp_path / "not" / "there", REGISTRY)
    assert written.folder == tmp_path / "not" / "there" / "priorkit-student-t"
    found = {path.relative_to(written.folder) for path in written.folder.rglob("*") if path.is_file()}
    assert found == set(written.files)
    assert (written.folder / "priorkit_student_t/prior.py").read_text(encoding="utf-8").startswith('"""')


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "priorkit-x").mkdir()
    assert write_plugin("x", "loss", tmp_path, REGISTRY).files


@pytest.mark.parametrize("existing", ["a.txt", ".hidden", "inner/"])
def test_nothing_is_overwritten(tmp_path, existing):
    path = tmp_path / "priorkit-x" / existing
    path.parent.mkdir()
    if existing.endswith("/"):
        path.mkdir()
    else:
        path.write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match="is not empty, and nothing in it is overwritten; move it away, or"):
        write_plugin("x", "prior", tmp_path, REGISTRY)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("dangling", [False, True])
def test_what_is_no_folder_is_left(tmp_path, dangling):
    path = tmp_path / "priorkit-x"
    if dangling:
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text("mine")
    with pytest.raises(ConfigurationError, match="exists and is not a folder"):
        write_plugin("x", "prior", tmp_path, REGISTRY)
    assert [found.name for found in tmp_path.iterdir()] == ["priorkit-x"]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("gaussian", "prior", "priorkit has a prior 'gaussian' of its own, .*`priorkit components prior` lists"),
        ("mlp", "code-generator", "a code generator 'mlp' of its own, .*`priorkit components code-generator` lists"),
        ("vae", "recipe", "a recipe 'vae' of its own, .*`priorkit components recipes` lists"),
        ("A", "prior", "'A' cannot name a component"),
        ("a", "priors", "--kind priors: unknown; did you mean 'prior'?"),
    ],
)
def test_what_cannot_be_used_leaves_nothing_behind(tmp_path, name, kind, message):
    with pytest.raises(ConfigurationError, match=message):
        write_plugin(name, kind, tmp_path / "out", REGISTRY)
    assert not Path(tmp_path / "out").exists()


def test_names_of_other_kinds_and_of_other_plugins_are_free(tmp_path, make_registry):
    # `gaussian` is a prior and an encoder; `location` is a prior of the tests' own plug-in.
    assert write_plugin("gaussian", "loss", tmp_path, REGISTRY).files
    assert write_plugin("vae", "prior", tmp_path, REGISTRY).files
    assert write_plugin("location", "prior", tmp_path, make_registry()).files


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_leaves_no_parts(tmp_path, monkeypatch, there, error):
    out = tmp_path / "not" / "there"
    if there:
        (out / "priorkit-x").mkdir(parents=True)
    before = contents(tmp_path)
    real, opened = Path.open, []

    def filling(self, mode="r", **options):
        if "x" in mode:
            opened.append(self)
            if len(opened) == 3:
                real(self, mode, **options).close()
                raise error
        return real(self, mode, **options)

    monkeypatch.setattr(Path, "open", filling)
    with pytest.raises((ConfigurationError, KeyboardInterrupt)) as caught:
        write_plugin("x", "prior", out, REGISTRY)
    assert contents(tmp_path) == before
    if isinstance(error, OSError):
        assert "cannot write" in str(caught.value)
        assert "No space left on device; nothing is left of it: " in str(caught.value)
