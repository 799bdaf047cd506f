"""Distributions of third parties, installed as pip does it, and commands that are run beside them."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from priorkit.cli import main
from priorkit.registry import installed_plugins

HEAD = "from priorkit.plugins import Component, Options, Recipe, hookimpl\n\n\n"
PRIORS = """@hookimpl
def priorkit_priors():
    return {records}
"""
RECORD = "Component({name!r}, {options}, print, 'a prior', 'a test')"


def priors(records: str, before: str = "") -> str:
    return HEAD + before + PRIORS.format(records=records)


def one_prior(name: str, before: str = "", options: str = "Options") -> str:
    return priors(f"[{RECORD.format(name=name, options=options)}]", before)


def options(fields: str) -> str:
    return f"class WrongOptions(Options):\n{fields}\n\n"


class Broken(NamedTuple):
    """A plug-in that cannot be loaded, what is said of it, and the line that is to blame."""

    source: str
    error: str
    line: int


BROKEN = {
    "raises": Broken("import os\n\nraise RuntimeError('no such\\n  luck')\n", "RuntimeError: no such luck", 3),
    "syntax": Broken("good = 1\ndef (:\n", "SyntaxError: invalid syntax", 2),
    "misspelt": Broken(
        f"{HEAD}@hookimpl\ndef priorkit_prior():\n    return []\n",
        "ValueError: unknown hook 'priorkit_prior'; did you mean 'priorkit_priors'?",
        4,
    ),
    "hook-raises": Broken(priors("1 / 0"), "ZeroDivisionError: division by zero", 6),
    "no-record": Broken(priors("['laplace']"), "TypeError: priorkit_priors() gave 'laplace', not a Component", 4),
    "bad-name": Broken(one_prior("My Prior"), "the component name 'My Prior' is not lower-case words", 4),
    "bad-build": Broken(priors("[Component('a', Options, None, 'b', 'c')]"), "the build of 'a' cannot be called", 4),
    "twice": Broken(priors(f"[{RECORD.format(name='a', options='Options')}] * 2"), "gave 2 records of the name 'a'", 4),
    "dependency": Broken("import no_such_module_anywhere\n", "ModuleNotFoundError: No module named 'no_such_mod", 1),
    "exits": Broken("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    "exits-well": Broken("import sys\nsys.exit()\n", "SystemExit", 2),
    "stops": Broken("class Stop(BaseException):\n    pass\n\nraise Stop('now')\n", "Stop: now", 4),
    "speechless": Broken(
        "class Wordless(Exception):\n    def __str__(self):\n        return 1 / 0\n\nraise Wordless\n",
        "Wordless: (it cannot say what)",
        5,
    ),
    "unspeakable": Broken(
        "class Final(Exception):\n    def __str__(self):\n        raise SystemExit(3)\n\nraise Final\n",
        "Final: (it cannot say what)",
        5,
    ),
    "no-hooks": Broken("def priorkit_priors():\n    return []\n", "it implements none of priorkit's hooks", 0),
    "required": Broken(
        one_prior("a", options("    scale: float"), "WrongOptions"),
        "the options of 'a' have a field 'scale' without a default: give it one, as in `scale: float = 1.0`",
        7,
    ),
    "bad-default": Broken(
        one_prior("a", options("    scale: int = 'wide'"), "WrongOptions"),
        "the options of 'a' refuse their own defaults: scale: Input should be a valid integer",
        7,
    ),
    "bad-factory": Broken(
        one_prior(
            "a", f"import pydantic\n{options('    s: int = pydantic.Field(default_factory=dict.pop)')}", "WrongOptions"
        ),
        "the options of 'a' cannot be made from their defaults, written and read back: TypeError",
        8,
    ),
    "unwritable": Broken(
        one_prior(
            "a",
            options("    model_config = {'arbitrary_types_allowed': True}\n    x: object = object()"),
            "WrongOptions",
        ),
        "the options of 'a' cannot be made from their defaults, written and read back: PydanticSerializationError",
        8,
    ),
}

SOUND = {
    **{
        path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "plugins").glob("*.py"))
    },
    "slow": one_prior("slow", "import time\ntime.sleep(0.6)\n"),
    "torch": one_prior("torch", "import torch\n"),
    "one": one_prior("shared"),
    "two": one_prior("shared"),
    # Its entry point is in a group of another name.
    "ungrouped": one_prior("ungrouped"),
}
"""Plug-ins that are loaded, and do no good in other ways."""


class Installed:
    """Environments with some of the distributions, as pip leaves them there, each made anew."""

    def __init__(self, environments: Path) -> None:
        self._environments = environments
        self._sources = {**{name: item.source for name, item in BROKEN.items()}, **SOUND}

    def environment(self, *names: str, version: str = "1.0", source: str | None = None) -> Path:
        """A folder for PYTHONPATH with these distributions, perhaps of another version, or of another source now."""
        made = self._environments / str(sum(1 for _ in self._environments.iterdir()))
        for name in names:
            _install(made, name, version, self._sources[name] if source is None else source)
        return made


def _install(environment: Path, name: str, version: str, source: str) -> None:
    """What pip does where nothing is to be compiled, in a thousandth of the time."""
    module = module_file(environment, name)
    about = environment / f"{module.stem}-{version}.dist-info"
    group = "priorkits" if name == "ungrouped" else "priorkit"
    written = {
        module: source,
        about / "METADATA": f"Metadata-Version: 2.4\nName: acme-{name}\nVersion: {version}\nRequires-Dist: priorkit\n",
        about / "entry_points.txt": f"[{group}]\nacme-{name} = {module.stem}\n",
        about / "INSTALLER": "pip\n",
    }
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    record = about / "RECORD"
    record.write_text("".join(f"{path.relative_to(environment)},,\n" for path in (*written, record)), "utf-8")


def module_file(environment: Path, name: str) -> Path:
    return environment / f"acme_{name.replace('-', '_')}.py"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Environments with some of the distributions."""
    return Installed(tmp_path_factory.mktemp("environments"))


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs a command in a process of its own, with an environment's distributions beside what is installed."""

    def run(environment: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        paths = [str(environment), *filter(None, [os.environ.get("PYTHONPATH")])]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables}
        command = [sys.executable, "-m", "priorkit", *map(str, arguments)]
        folder = tmp_path_factory.getbasetemp()
        return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Does the same in this process, which has imported torch already."""
    modules = set(sys.modules)

    def forget() -> None:
        installed_plugins.cache_clear()
        for module in set(sys.modules) - modules:
            if module.startswith("acme_"):
                del sys.modules[module]

    def run(environment: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        forget()
        importlib.invalidate_caches()
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", [str(environment), *sys.path])
            for name, value in variables.items():
                patch.setenv(name, value)
            status = main([str(argument) for argument in arguments])
        return subprocess.CompletedProcess(arguments, status, *capsys.readouterr())

    yield run
    forget()


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Flags of a run that takes no time."""
    flags = "--networks mlp --networks.hidden 8 --image-size 16 --batch-size 8 --code-dim 4"
    return [*flags.split(), "--device", "cpu", "--precision", "float32", "--steps", "1"]


@pytest.fixture(scope="session")
def rows() -> Callable[[str], list[dict[str, Any]]]:
    """Reads what a command with `--json` has printed: objects, one a line, and nothing else."""
    return lambda text: [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="session", params=list(BROKEN))
def broken(request: pytest.FixtureRequest) -> tuple[str, Broken]:
    """A broken plug-in's name, and what is to be said of it."""
    return request.param, BROKEN[request.param]


@pytest.fixture(scope="session")
def all_names() -> tuple[list[str], list[str]]:
    """The names of all broken plug-ins, and of all others."""
    return list(BROKEN), list(SOUND)
