"""The model card of a run on the hub: metadata for the hub, and what people want to know."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence

from priorkit.runs.sharing.description import RunDescription

__all__ = ["CARD_MARK", "model_card"]

CARD_MARK = "<!-- Written by priorkit push, which replaces this card; remove this line to keep a text of your own. -->"
"""A line of every card, by which it is known again."""

_SHOWN_CLASSES = 20
_NAME = re.compile("[A-Za-z0-9._:-]+")
_DISTRIBUTION = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile("[A-Za-z0-9._-]+")
"""What may stand in a command that people copy."""
_PIPELINES = {True: "text-to-image", False: "unconditional-image-generation"}
"""The hub's word for what a model does, by whether it reads texts."""


def model_card(run: RunDescription, repository: str, pictures: Sequence[str], license_name: str | None = None) -> str:
    """The text of `README.md`.

    Args:
        run: The run.
        repository: `user/name`, where it is to be.
        pictures: The names of the pictures that lie beside the card.
        license_name: The licence, as the hub calls it; left out of the card if None.
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
    """YAML, whose texts are written as JSON writes them."""
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
            f"An autoencoder of {images} with a prior on its codes{recipe}. The encoder {_code(run.encoder)} makes a "
            f"code ({code}) of an image; codes follow the prior {_code(run.prior)}, to which the regularizer "
            f"{_code(run.regularizer)} brings them; the reconstruction loss is {_code(run.loss)}."
        )
    condition = f" Images are conditioned on {_code(run.condition)}." if run.condition != "none" else ""
    fitted = " The prior was fitted to the codes of an autoencoder that stood still." if run.fitted else ""
    return (
        f"{system} Networks are {_code(run.networks)}.{condition}{fitted} It has seen the data set "
        f"{_code(run.dataset)} ({run.train_images} images) for {run.steps} steps."
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
        yield from (f"It needs plug-ins of others, which are no part of priorkit: {listed}.", "")
    if run.given:
        listed = ", ".join(f"{_plain(name)} ({_plain(words)})" for name, words in run.given.items())
        yield from (f"It needs the Python objects that it was trained with: {listed}.", "")
    if run.registered:
        listed = ", ".join(map(_plain, run.registered))
        yield from (f"It needs components registered by the program that trained it: {listed}.", "")
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
    """A component's name as code; whatever is no such name as it is."""
    return f"`{name}`" if _NAME.fullmatch(name) else _plain(name)


def _plain(text: str) -> str:
    """Text that Markdown and HTML show as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>()#|!&~$@])", r"\\\1", " ".join(text.split()))
