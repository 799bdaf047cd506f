"""The model card of a run on the hub: metadata for the hub, and a description for people."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence

from priorkit.runs.sharing.description import RunDescription

__all__ = ["CARD_MARK", "model_card"]

CARD_MARK = "<!-- Written by priorkit push, which replaces this card; remove this line to keep a text of your own. -->"
"""A line of every card, by which `priorkit push` recognises its own cards."""

_SHOWN_CLASSES = 20
_NAME = re.compile("[A-Za-z0-9._:-]+")
_DISTRIBUTION = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile("[A-Za-z0-9._-]+")
"""Texts that are safe in a command that people copy."""
_PIPELINES = {True: "text-to-image", False: "unconditional-image-generation"}
"""The hub's name for the model's task: the key says whether the model reads texts."""


def model_card(run: RunDescription, repository: str, pictures: Sequence[str], license_name: str | None = None) -> str:
    """Returns the text of the model card, `README.md`.

    Args:
        run: The run's description.
        repository: The run's repository, `user/name`.
        pictures: The names of the pictures in the repository.
        license_name: The licence's name on the hub; None for no licence.
    """
    return "\n".join(
        [
            "---",
            *_metadata(run, license_name),
            "---",
            "",
            CARD_MARK,
            "",
            f"# {_plain(repository.rpartition('/')[2])}",
            "",
            _in_words(run),
            "",
            *_pictures(pictures),
            *_scores(run),
            *_loading(run, repository),
            *_details(run),
            "",
        ]
    )


def _metadata(run: RunDescription, license_name: str | None) -> Iterable[str]:
    """Returns the metadata as YAML, with texts quoted as in JSON."""
    tags = dict.fromkeys(["priorkit", "autoencoder", "image-generation", run.recipe, f"prior-{run.prior}"])
    yield "library_name: priorkit"
    yield f"pipeline_tag: {_PIPELINES[run.reads_text]}"
    if license_name is not None:
        yield f"license: {json.dumps(license_name)}"
    yield "tags:"
    yield from (f"- {json.dumps(tag)}" for tag in tags if tag)
    yield "datasets:"
    yield f"- {json.dumps(run.dataset)}"


def _in_words(run: RunDescription) -> str:
    channels, height, width = run.image_shape
    images = f"{'grey' if channels == 1 else 'colour'} images of {height}x{width} pixels"
    code = "x".join(map(str, run.code_shape))
    recipe = f", trained by the recipe {_code(run.recipe)}" if run.recipe else ""
    if run.encoder == "none":
        system = f"A generator of {images} from codes ({code}) of the prior {_code(run.prior)}{recipe}."
    else:
        system = (
            f"An autoencoder of {images} with a prior on its codes{recipe}. The encoder {_code(run.encoder)} turns an "
            f"image into a code ({code}); the regularizer {_code(run.regularizer)} makes the codes follow the prior "
            f"{_code(run.prior)}; the reconstruction loss is {_code(run.loss)}."
        )
    condition = f" Images are conditioned on {_code(run.condition)}." if run.condition != "none" else ""
    fitted = " The prior was fitted to the codes of a trained autoencoder." if run.fitted else ""
    return (
        f"{system} Networks are {_code(run.networks)}.{condition}{fitted} It was trained for {run.steps} steps on the "
        f"data set {_code(run.dataset)} ({run.train_images} images)."
    )


def _pictures(names: Sequence[str]) -> Iterable[str]:
    for name in names:
        what = "Samples of the prior" if "samples-" in name else "Held-out images, each above its reconstruction"
        yield from (f"![{what}]({name})", "")


def _scores(run: RunDescription) -> Iterable[str]:
    if run.scores:
        yield from ("## Scores", "", "| score | value |", "|---|---|")
        yield from (f"| {_plain(label)} | {value:.4g} |" for label, value in run.scores.items())
        yield ""


def _loading(run: RunDescription, repository: str) -> Iterable[str]:
    installed = all(_DISTRIBUTION.fullmatch(name) and _VERSION.fullmatch(of) for name, of in run.plugins.items())
    needed = " ".join(shlex.quote(f"{name}=={version}") for name, version in run.plugins.items() if installed)
    yield from ("## Use", "")
    yield from ("```sh", "pip install 'priorkit[hub]'", *([f"pip install {needed}"] if needed else []), "```", "")
    if run.plugins:
        listed = ", ".join(f"{_plain(name)} {_plain(version)}" for name, version in run.plugins.items())
        yield from (f"It needs third-party plug-ins, which are not part of priorkit: {listed}.", "")
    if run.given:
        listed = ", ".join(f"{_plain(name)} ({_plain(words)})" for name, words in run.given.items())
        yield from (f"It needs the Python objects that it was trained with: {listed}.", "")
    if run.registered:
        listed = ", ".join(map(_plain, run.registered))
        yield from (f"It needs components that the program that trained it had registered: {listed}.", "")
    yield from (
        "```python",
        "import priorkit",
        f'run = priorkit.load_run("hf://{repository}")',
        "images = run.sample(64)  # float32 (64, C, H, W) in [-1, 1]",
        "```",
        "",
    )


def _details(run: RunDescription) -> Iterable[str]:
    yield from ("## Details", "", f"- phases: {', '.join(map(_plain, run.phases))}")
    if run.classes:
        more = ", ..." if len(run.classes) > _SHOWN_CLASSES else ""
        yield f"- classes of the data: {', '.join(map(_plain, run.classes[:_SHOWN_CLASSES]))}{more}"
    yield f"- weights: {', '.join(f'{_plain(name)} {count}' for name, count in run.parameters.items())}"
    yield f"- trained with priorkit {_plain(run.priorkit)} and torch {_plain(run.torch)}"


def _code(name: str) -> str:
    """Marks a component's name as code; escapes any other text."""
    return f"`{name}`" if _NAME.fullmatch(name) else _plain(name)


def _plain(text: str) -> str:
    """Escapes a text, so that Markdown and HTML show it unchanged, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>()#|!&~$@])", r"\\\1", " ".join(text.split()))
