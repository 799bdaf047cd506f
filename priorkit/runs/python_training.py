"""Trains runs from Python: `priorkit.train`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from priorkit.config import RunConfig, resolve_config, toml_values
from priorkit.engine import torch_defaults
from priorkit.errors import ConfigurationError
from priorkit.given import GivenObjects
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.folder import RunFolder
from priorkit.runs.listeners import Listener, listening
from priorkit.runs.resumption import RESUMABLE, prepare_resumed
from priorkit.runs.run import Run
from priorkit.runs.training_run import TrainingRun, prepare, run_or_raise
from priorkit.tracking import tracker_names

__all__ = ["train"]


@torch_defaults()
def train(
    config: RunConfig | None = None,
    out: str | Path | None = None,
    *,
    data: Any = None,
    test_data: Any = None,
    transform: Callable[[Tensor], Tensor] | None = None,
    networks: Any = None,
    encoder: Any = None,
    decoder: Any = None,
    image_critic: Any = None,
    code_critic: Any = None,
    prior: Any = None,
    resume: str | Path | None = None,
    observers: Sequence[Listener] = (),
    progress: bool | None = None,
    track: str | Sequence[str] | None = None,
    registry: Registry | None = None,
) -> Run:
    """Trains a new run, or resumes one, and loads it.

    Ctrl-C and SIGTERM save a checkpoint, and then have their usual effect on the program. If torchrun has started
    several processes, all must call this, and all get the run, so machines need a shared disk.

    Objects given here replace components that the configuration names. Runs store weights and descriptions, never code:
    `priorkit.load_run(path, modules={"encoder": ...})` needs the same modules again, `train(resume=path)` also the same
    images.

    Args:
        config: The configuration; the default one trains a learned prior on scikit-learn's digits. With `resume`, its
            explicitly set fields change the run's settings, if they may.
        out: The run folder; by default the next free one under `runs/`.
        data: Images, and perhaps labels or captions: an array or a tensor, (N, H, W), (N, H, W, C) or (N, C, H, W), of
            bytes or of numbers from 0 to 1 or from -1 to 1; a pair of images and labels; a dict with `images`, and
            perhaps `labels`, `captions`, `embeddings`, `class_names` and `test_...` of each; a torch data set; a
            Hugging Face data set. All images have one shape.
        test_data: Held-out images, in the same forms; by default, the share `config.holdout` of `data` is held out.
        transform: Random augmentation of training images, such as one of torchvision's v2 transforms: called with uint8
            (C, H, W), returns the same shape and dtype.
        networks: A `priorkit.interfaces.Networks`, or a function from the images' shape to such an object.
        encoder: A module from images (N, C, H, W) to (N, code_dim), twice as many for a Gaussian encoder; or a
            `priorkit.interfaces.Encoder`. Here and below, also a function that makes the module, whose initial weights
            then depend on the run's seed. A module is copied with its current weights, and is not changed itself.
        decoder: A module from codes (N, code_dim) to images in [-1, 1].
        image_critic: A module from images to logits (N,), or a `priorkit.interfaces.ImageCritic`. A perceptual loss
            needs the latter, or an `nn.Sequential`.
        code_critic: A module from codes to logits (N,).
        prior: A `priorkit.interfaces.Prior`.
        resume: The run to resume.
        observers: `priorkit.Observer`s, or functions of the session and its losses.
        progress: Whether to show progress: a bar on a terminal; in a notebook, samples, too. None shows progress in
            both, and nothing elsewhere.
        track: Trackers that follow the training: wandb, mlflow, comet, tensorboard, or several of them. With `resume`,
            None continues with the run's trackers.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        PriorkitError: Something in the configuration, the data, the modules or the folder must be mended first.
        NonFiniteLossError: Training diverged.
        KeyboardInterrupt: Training was stopped by Ctrl-C; the run can be resumed.

    Examples:
        >>> import priorkit
        >>> config = priorkit.RunConfig(prior="gaussian", networks={"name": "mlp", "hidden": 8}, steps=1, device="cpu")
        >>> run = priorkit.train(config, "runs/second")
        >>> run.sample(3).shape
        torch.Size([3, 1, 16, 16])
        >>> priorkit.train(priorkit.RunConfig(steps=2), resume="runs/second").metrics[-1]["step"]
        2
    """
    modules = {
        "networks": networks,
        "encoder": encoder,
        "decoder": decoder,
        "image_critic": image_critic,
        "code_critic": code_critic,
        "prior": prior,
    }
    given = GivenObjects(data, test_data, transform, modules)
    names = None if track is None else tracker_names(track)
    if resume is None:
        prepared = prepare(config or RunConfig(), out, given=given, registry=registry)
    else:
        prepared = _resumed(resume, config, out, given, registry)
    shown = progress if prepared.processes.is_main else False
    with listening(observers, shown) as told:
        return run_or_raise(prepared, told, names)


def _resumed(
    path: str | Path,
    config: RunConfig | None,
    out: str | Path | None,
    given: GivenObjects,
    registry: Registry | None,
) -> TrainingRun:
    if out is not None:
        raise ConfigurationError(f"out={str(out)!r}: a run is resumed in its own folder, {str(path)!r}; leave it out")
    changes = {} if config is None else _changed(path, config, given, registry)
    refused = sorted(set(changes) - set(RESUMABLE))
    if refused:
        raise ConfigurationError(
            f"resume={str(path)!r} resumes the run with its configuration, but {refused[0]} would change it; leave "
            f"it out (what may change: {', '.join(RESUMABLE)})"
        )
    return prepare_resumed(path, changes, given=given, registry=registry)


def _changed(path: str | Path, config: RunConfig, given: GivenObjects, registry: Registry | None) -> dict[str, Any]:
    """The explicitly set fields of a configuration that differ from a run's."""
    registry = given.within(installed_plugins() if registry is None else registry)
    kept = RunFolder.open(Path(path)).read_config().model_dump(mode="json")
    asked = resolve_config(given.chosen(config), registry).model_dump(mode="json")
    return {
        name: getattr(config, name)
        for name in config.model_fields_set
        if toml_values({"value": asked[name]}) != toml_values({"value": kept[name]})
    }
