"""The templates of plug-ins, one for each kind of component and one for recipes.

A template is a folder below `templates/` that holds a whole plug-in, in valid Python that can be checked. Its component
is called `plug-in-name`, its package `priorkit_plug_in_name`, its classes `PlugInName...`; these three are replaced, in
files and file names. Files common to all plug-ins are in `templates/common`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from priorkit.errors import ConfigurationError
from priorkit.plugins import KINDS, Kind, nearest
from priorkit.scaffolding.names import PluginNames

__all__ = ["TEMPLATES", "Template", "template_for"]

_FOLDER = Path(__file__).parent / "templates"
_README = Path("README.md")
_RENAMED = {Path("gitignore"): Path(".gitignore"), Path("project.toml"): Path("pyproject.toml")}
"""Files that have another name in the templates, because git and other tools would apply them there."""
_LONG_IMPORT = re.compile(r"^(?=.{121})( *)(from \S+ import) (.+)$", re.MULTILINE)
_LONG_BRACKET = re.compile(r"^(?=.{121})( *)((?:def|return) \w+\()(.+)(\).*)$", re.MULTILINE)
"""Lines that long names extend beyond 120 characters, which formatters would break."""


@dataclass(frozen=True)
class Template:
    """The template of a plug-in with one component of a kind, or a recipe.

    Attributes:
        kind: Its name for `--kind`.
        title: Its name in a sentence.
        use: The command that uses it after installation.
        slot: The slot of the kind of component; None for a recipe, which has no class.
        interface: The interface that its class implements.
        suffix: The suffix of its class's name.
    """

    kind: str
    title: str
    use: str
    slot: str | None = None
    interface: str = ""
    suffix: str = ""

    def files(self, names: PluginNames) -> dict[Path, str]:
        """The texts of the plug-in's files, by their paths below its folder."""
        texts: dict[Path, str] = {}
        for folder in (_FOLDER / self.kind, _FOLDER / "common"):
            for path in _files_below(folder):
                target = Path(self._fill(path.relative_to(folder).as_posix(), names))
                target = _RENAMED.get(target, target)
                text = self._fill(path.read_text(encoding="utf-8"), names)
                # The kind's README describes the plug-in and its use; the common README follows.
                texts[target] = f"{texts[target]}\n{text}" if target == _README and target in texts else text
        return dict(sorted(texts.items()))

    def use_of(self, names: PluginNames) -> str:
        """The command that uses it by its name."""
        return self.use.replace("plug-in-name", names.component)

    def _fill(self, text: str, names: PluginNames) -> str:
        for token, value in (
            ("command-that-uses-it", self.use_of(names)),
            ("kind-of-component", self.title),
            ("plug-in-name", names.component),
            ("plug_in_name", names.module),
            *([(f"PlugInName{self.suffix}", names.class_named(self.suffix, self.interface))] if self.suffix else []),
            ("PlugInName", names.class_prefix),
        ):
            text = text.replace(token, value)
        return _broken_lines(text)


def _broken_lines(text: str) -> str:
    """Breaks lines that a long name has made too long."""
    return _LONG_IMPORT.sub(_one_name_a_line, _LONG_BRACKET.sub(r"\1\2\n\1    \3\n\1\4", text))


def _one_name_a_line(found: re.Match[str]) -> str:
    indent, imported_from, names = found.groups()
    names = names.replace(", ", f",\n{indent}    ")
    return f"{indent}{imported_from} (\n{indent}    {names},\n{indent})"


def _files_below(folder: Path) -> Iterator[Path]:
    # Installers compile Python files, templates included.
    return (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


# For each slot: the command that uses the component, the interface of its class, and the suffix of the class's name.
_KINDS = {
    "prior": ("train vae --prior plug-in-name", "Prior", "Prior"),
    "code_generator": ("train learned --code-generator plug-in-name", "CodeGenerator", "CodeGenerator"),
    "condition": ("train learned-unsupervised --condition plug-in-name", "Condition", "Condition"),
    "text_encoder": ("train learned-supervised --text-encoder plug-in-name", "TextEncoder", "TextEncoder"),
    "encoder": ("train vae --encoder plug-in-name", "Encoder", "Encoder"),
    "regularizer": ("train aae --regularizer plug-in-name", "Regularizer", "Regularizer"),
    "loss": ("train aae --loss plug-in-name", "ReconstructionLoss", "Loss"),
    "adversarial_loss": ("train learned --adversarial-loss plug-in-name", "AdversarialLoss", "Loss"),
    "phases": ("train aae --phases autoencoder,plug-in-name", "Phase", "Phase"),
    "networks": ("train learned --networks plug-in-name", "Networks", "Networks"),
    "dataset": ("train learned --dataset plug-in-name", "DataSource", "Source"),
    "extractor": (
        "train learned --extractor plug-in-name --evaluate-every 500",
        "FeatureExtractor",
        "Extractor",
    ),
}


def _template(kind: Kind) -> Template:
    use, interface, suffix = _KINDS[kind.slot]
    word = kind.title if kind.several else kind.flag.removeprefix("--")
    return Template(word, kind.title, f"priorkit {use}", kind.slot, interface, suffix)


TEMPLATES = (*map(_template, KINDS), Template("recipe", "recipe", "priorkit train plug-in-name"))
"""A template for every kind of component, in the order of `priorkit.plugins.KINDS`, and one for recipes."""


def template_for(kind: str) -> Template:
    """The template of a kind, by its name for `--kind`: `code-generator`.

    Raises:
        ConfigurationError: There is no such kind; the message suggests the nearest one.
    """
    known = {template.kind: template for template in TEMPLATES}
    if kind not in known:
        raise ConfigurationError(f"--kind {kind}: unknown{nearest(kind, known)} Known: {', '.join(known)}.")
    return known[kind]
