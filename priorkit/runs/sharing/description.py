"""What a shared run says of itself, without being loaded."""

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
    """A run in a few values, as its files say; whether they are true, only its author knows.

    Attributes:
        source: Where it is: a folder, a packed file, or an address on the hub.
        recipe: The recipe that it was trained by; empty if none was named, or an earlier version trained it.
        prior: The prior's name. Those of the other components follow.
        phases: The names of the phases of a step.
        code_shape: Of a code: (D,) of vectors, (C, H, W) of maps.
        image_shape: (C, H, W) of its images, in pixels.
        train_images: How many images it was trained on.
        fitted: Whether only its prior was trained, to the codes of another run.
        reads_text: Whether its images are drawn for texts.
        classes: The names of the classes that its data has.
        steps: At which step its last checkpoint was taken.
        scores: Scores of that checkpoint by their labels.
        plugins: The distributions of others that it needs, with the versions that it was trained with.
        given: The Python objects that it was trained with and that it does not keep, by the argument that took each.
        registered: Its components that a program had registered, as `prior mine`.
        missing: Those of the distributions that are not installed here.
        parameters: How many weights each network has.
        priorkit: The version that trained it.
        torch: The version of torch that it was trained with.
        bytes: Of all its files that are shared.
        weight_bytes: Of its weights.
        resumable: Whether its training can go on.

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
    """Reads what a run says of itself; neither its weights nor any plug-in.

    Args:
        files: The run's.
        registry: What is installed here.

    Raises:
        RunFolderError: The files are no run, or damaged, or of a newer version.
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
            # Nobody has given the copy's name.
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
    """Scores of the last checkpoint by their labels: of evaluations, the newest; and the held-out ones of its step."""
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
