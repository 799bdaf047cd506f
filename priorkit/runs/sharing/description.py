"""Describes a shared run from its files, without loading it."""

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from priorkit.errors import PriorkitError, RunFolderError
from priorkit.registry import Registry
from priorkit.runs.folder import RunFolder
from priorkit.runs.metrics_file import each_measurement
from priorkit.runs.scores_file import read_evaluations
from priorkit.runs.sharing.shared_files import SMALL_FILES, SharedFiles, check_sizes, is_of_weights
from priorkit.runs.used_plugins import needed_distributions, registered_components

__all__ = ["RunDescription", "describe_files"]

_HELD_OUT = "held_out/"


@dataclass(frozen=True)
class RunDescription:
    """A description of a run, read from its files. The values are not verified: they are as true as the files.

    Attributes:
        source: The run's place: a folder, a packed file, or an address on the hub.
        recipe: The recipe of its training; empty if no recipe was named, or an earlier version trained the run.
        prior: The prior's name. The names of the other components follow.
        phases: The names of the phases of a step.
        code_shape: The shape of a code: (D,) for vectors, (C, H, W) for maps.
        image_shape: The shape of its images, (C, H, W), in pixels.
        train_images: Number of training images.
        fitted: Whether only its prior was trained, on the codes of another run.
        reads_text: Whether its images are conditioned on texts.
        classes: The names of the classes of its data.
        steps: The step of its last checkpoint.
        scores: Scores of that checkpoint by their labels.
        plugins: The third-party distributions that it needs, with the versions of its training.
        given: Python objects that it was trained with and does not store, by the name of the argument; in words.
        registered: Its components that a program had registered, as `prior mine`.
        missing: The distributions among `plugins` that are not installed here.
        parameters: Number of weights of each network.
        priorkit: The version of priorkit that trained it.
        torch: The version of torch that trained it.
        bytes: Size in bytes of all its shared files.
        weight_bytes: Size in bytes of its weights.
        resumable: Whether its training can be resumed.

    Examples:
        >>> from priorkit.runs import describe_run
        >>> description = describe_run("runs/first")
        >>> description.image_shape, description.code_shape, description.steps
        ((1, 16, 16), (64,), 2)
        >>> description.missing
        ()
    """

    source: str
    recipe: str
    prior: str
    encoder: str
    regularizer: str
    loss: str
    networks: str
    condition: str
    dataset: str
    phases: tuple[str, ...]
    code_shape: tuple[int, ...]
    image_shape: tuple[int, int, int]
    train_images: int
    fitted: bool
    reads_text: bool
    classes: tuple[str, ...]
    steps: int
    scores: dict[str, float]
    plugins: dict[str, str]
    given: dict[str, str]
    registered: tuple[str, ...]
    missing: tuple[str, ...]
    parameters: dict[str, int]
    priorkit: str
    torch: str
    bytes: int
    weight_bytes: int
    resumable: bool

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def describe_files(files: SharedFiles, registry: Registry) -> RunDescription:
    """Describes a run from its small files; loads neither its weights nor any plug-in.

    Args:
        files: The run's files.
        registry: The registry of the installed plug-ins.

    Raises:
        RunFolderError: The files are not a run, are damaged, or of a newer version.
    """
    names = [name for name in SMALL_FILES if name in files.sizes]
    with TemporaryDirectory() as parent:
        path = Path(parent) / "run"
        room = shutil.disk_usage(parent).free
        check_sizes(files.sizes, files.name, room, names, "set TMPDIR to a folder on another disk")
        for name in names:
            files.copy(name, path)
        try:
            return _description(RunFolder.open(path), files, registry)
        except PriorkitError as error:
            # The copy's path would mean nothing to the user.
            text = str(error).replace(f"{path}/", "").replace(str(path), files.name)
            raise RunFolderError(f"{files.name} cannot be described: {text}") from None


def _description(folder: RunFolder, files: SharedFiles, registry: Registry) -> RunDescription:
    config, environment = folder.read_config(), folder.read_environment()
    data, plugins = environment["data"], needed_distributions(environment)
    installed = {plugin.distribution for plugin in registry.plugins}
    sizes, recipe = files.sizes, environment.get("recipe", "")
    return RunDescription(
        source=files.name.strip("'"),
        recipe=recipe if isinstance(recipe, str) else "",
        **{
            slot: getattr(config, slot).name
            for slot in ("prior", "encoder", "regularizer", "loss", "networks", "condition", "dataset")
        },
        phases=tuple(choice.name for choice in config.phases),
        code_shape=config.code_shape,
        image_shape=(data["channels"], data["size"], data["size"]),
        train_images=data["train"],
        fitted=config.fitted_to is not None,
        reads_text=data.get("captions_fingerprint") is not None,
        classes=tuple(data.get("class_names", ())),
        steps=folder.checkpoints.step("last"),
        scores=_scores(folder),
        plugins=plugins,
        given=dict(environment.get("given", {})),
        registered=registered_components(environment),
        missing=tuple(name for name in plugins if name not in installed),
        parameters=dict(environment["parameters"]),
        priorkit=environment["priorkit"],
        torch=environment["torch"],
        bytes=sum(sizes.values()),
        weight_bytes=max((size for name, size in sizes.items() if is_of_weights(name)), default=0),
        resumable=any(name.endswith("/state.pt") for name in sizes),
    )


def _scores(folder: RunFolder) -> dict[str, float]:
    """Returns the last checkpoint's scores by label: those of evaluations, and the last held-out scores of training."""
    step, last = folder.checkpoints.step("last"), folder.checkpoints.path("last").name
    evaluated = {
        score["label"]: float(score["value"])
        for evaluation in read_evaluations(folder.scores)
        if evaluation.get("checkpoint") == last
        for score in evaluation["scores"]
        if score.get("value") is not None
    }
    newest: dict[str, float] = {}
    for row in each_measurement(folder):
        if row["step"] <= step and any(key.startswith(_HELD_OUT) for key in row):
            newest = row
    held_out = {
        f"held-out {key.removeprefix(_HELD_OUT).replace('_', ' ')}": value
        for key, value in newest.items()
        if key.startswith(_HELD_OUT)
    }
    return {**evaluated, **held_out}
