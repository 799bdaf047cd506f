import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS
from priorkit.scaffolding import TEMPLATES, PluginNames, template_for

every_template = pytest.mark.parametrize("template", TEMPLATES, ids=[template.kind for template in TEMPLATES])


def test_there_is_a_template_for_every_kind_and_for_recipes():
    words = [kind.title if kind.several else kind.flag.removeprefix("--") for kind in KINDS]
    assert [template.kind for template in TEMPLATES] == [*words, "recipe"]
    assert [template.slot for template in TEMPLATES] == [*(kind.slot for kind in KINDS), None]


@pytest.mark.parametrize(("kind", "hint"), [("piror", "did you mean 'prior'?"), ("", "Known: prior, code-generator")])
def test_an_unknown_kind(kind, hint):
    with pytest.raises(ConfigurationError) as raised:
        template_for(kind)
    assert hint in str(raised.value)
    assert str(raised.value).endswith("extractor, recipe.")


@every_template
def test_nothing_of_the_template_is_left(template):
    files = template.files(PluginNames("student-t"))
    for path, text in files.items():
        for token in ("plug-in-name", "plug_in_name", "PlugInName", "command-that-uses-it", "kind-of-component"):
            assert token not in f"{path}\n{text}"
    assert {"pyproject.toml", "README.md", ".gitignore", "priorkit_student_t/py.typed"} < {
        path.as_posix() for path in files
    }
    assert Path("tests/test_student_t.py") in files


@every_template
def test_the_entry_module_imports_no_torch(template):
    text = template.files(PluginNames("student-t"))[Path("priorkit_student_t/__init__.py")]
    imported = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imported}
    assert modules <= {"__future__", "pathlib", "pydantic", "priorkit.plugins", "tomllib", "typing"}


@every_template
def test_the_project_says_what_it_is(template):
    files = template.files(PluginNames("student-t"))
    project = tomllib.loads(files[Path("pyproject.toml")])["project"]
    assert project["name"] == "priorkit-student-t"
    assert project["entry-points"] == {"priorkit": {"student-t": "priorkit_student_t"}}
    assert project["dependencies"] == ["priorkit", "pydantic>=2.10", "torch>=2.10"]
    imported = {
        name.partition(".")[0]
        for path, text in files.items()
        if path.parts[0] == "priorkit_student_t" and path.suffix == ".py"
        for node in ast.walk(ast.parse(text))
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [item.name for item in getattr(node, "names", ())]
        )
    }
    declared = {re.split(r"\W", requirement)[0] for requirement in project["dependencies"]}
    assert imported - sys.stdlib_module_names <= {*declared, "priorkit_student_t"}
    assert template.title in project["description"]
    readme = files[Path("README.md")]
    assert readme.startswith(f"# priorkit-student-t\n\nThe {template.title} `student-t`")
    assert f"\n{template.use_of(PluginNames('student-t'))}\n" in readme
    assert "## Publish" in readme
    sample, replaced = readme.split("\n\n")[1:3]
    assert sample.startswith(f"The {template.title} ")
    assert replaced.endswith("replace this paragraph and the one above with a description of yours.")


def test_every_template_is_installed():
    """What setuptools takes along, by the globs in pyproject.toml, is all that there is."""
    root = Path(__file__).parents[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    globs = settings["tool"]["setuptools"]["package-data"]["priorkit.scaffolding"]
    package = root / "priorkit" / "scaffolding"
    taken = {path for glob in globs for path in package.glob(glob)}
    files = {path for path in (package / "templates").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert files - taken == set()
    assert len(files) > 40
