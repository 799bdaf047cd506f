"""Loads runs from their folders."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from priorkit.engine import choose_device, choose_precision, torch_defaults
from priorkit.errors import ConfigurationError, DataError, RunFolderError
from priorkit.given import GivenObjects
from priorkit.interfaces import ImageData, ImageSet
from priorkit.models import EvaluationNetworks, Model, build_system, tensors_below
from priorkit.registry import Registry, installed_plugins
from priorkit.runs.environment import recorded_data
from priorkit.runs.folder import RunFolder
from priorkit.runs.given_again import refuse_others
from priorkit.runs.recognised_data import read_run_data
from priorkit.runs.run import Run
from priorkit.runs.sharing import local_run
from priorkit.runs.used_plugins import require_plugins, with_used_plugins

__all__ = ["load_run", "weights_do_not_fit"]


def weights_do_not_fit(folder: RunFolder, checkpoint: Path, error: Exception) -> RunFolderError:
    """The error for a checkpoint whose tensors do not fit the networks of the configuration."""
    return RunFolderError(
        f"the weights in {str(checkpoint)!r} do not fit {str(folder.config)!r}: was it "
        f"edited, or the run trained by another version of priorkit? ({str(error).splitlines()[0]})"
    )


@torch_defaults()
def load_run(
    path: str | Path,
    *,
    checkpoint: str = "last",
    device: str = "auto",
    precision: str = "float32",
    data_dir: str | Path | None = None,
    modules: Mapping[str, Any] | None = None,
    data: Any = None,
    test_data: Any = None,
    registry: Registry | None = None,
) -> Run:
    """Loads a trained run.

    Args:
        path: The run folder; or `hf://user/name[@revision]` of a run on the Hugging Face hub, which is downloaded once,
            into priorkit's cache.
        checkpoint: `last`, or `best` for the checkpoint with the lowest sample distance, or Fréchet distance if the run
            was evaluated during training.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `float32` or `bfloat16`.
        data_dir: The current place of the run's data set, if it has moved; for a run whose prior reads it.
        modules: The modules that `priorkit.train` was given, by the names of its arguments: `{"encoder": ...}`. The
            run's weights are loaded into copies of them.
        data: The images that `priorkit.train` was given, for a run whose prior reads them.
        test_data: The held-out images, likewise.
        registry: Where components come from; the installed plug-ins if None.

    Raises:
        RunFolderError: The folder is not a run, has no such checkpoint, or its weights are not finite; or it is a
            packed run, which needs `priorkit.unpack`; or the hub has no such run, or does not answer.
        MissingExtraError: The run is on the hub, and huggingface_hub is not installed.
        UnknownComponentError: A plug-in that the run used is not installed.
        DeviceError: The device is not available.
        DataError: The run's prior reads the training images, which cannot be read or differ.
        ConfigurationError: The run was trained with modules that are not given here.

    Examples:
        >>> import priorkit
        >>> run = priorkit.load_run("runs/first", device="cpu")
        >>> images = run.sample(3)
        >>> images.shape, run.encode(images).shape
        (torch.Size([3, 1, 16, 16]), torch.Size([3, 64]))
    """
    given = GivenObjects(data, test_data, modules=modules or {})
    registry = given.within(installed_plugins() if registry is None else registry)
    folder = RunFolder.open(local_run(path))
    environment = folder.read_environment()
    refuse_others(folder.path, environment, given)
    require_plugins(folder.path, environment, registry)
    config = with_used_plugins(folder.read_config(), environment, registry, folder.config)
    found, weights = folder.find_weights(checkpoint)
    read: list[ImageData] = []

    def training_images() -> ImageSet:
        if not read:
            where = None if data_dir is None else Path(data_dir)
            try:
                read.append(read_run_data(folder.path, config, environment, where, registry))
            except (DataError, ConfigurationError) as error:
                raise DataError(f"--prior {config.prior.name} reads the run's training images: {error}") from error
        return read[0].train

    summary = dataclasses.replace(recorded_data(environment), training_images=training_images)
    with torch.random.fork_rng(devices=[]):
        system = build_system(config, registry, summary, trained=True)
    chosen = choose_device(device)
    system.to(chosen, channels_last=config.channels_last)
    networks = EvaluationNetworks(system)
    averaged = tensors_below("average", weights)
    try:
        # Averages replace the raw weights.
        system.load_state({**weights, **averaged})
        networks.load_statistics(tensors_below("use", weights))
    except (KeyError, RuntimeError) as error:
        if given.modules:
            raise ConfigurationError(
                f"the weights in {str(found)!r} do not fit the modules that are given: "
                f"{', '.join(environment['given'])} must be as they were when the run was trained "
                f"({str(error).splitlines()[0]})"
            ) from None
        raise weights_do_not_fit(folder, found, error) from None
    modules = {**system.modules(), **networks.modules()}
    _require_finite(modules, found)
    for module in modules.values():
        module.eval().requires_grad_(False)
    model = Model(system, choose_precision(precision, chosen), networks)
    return Run(folder, config, environment, model, found.name, read[0] if read else None, registry)


def _require_finite(modules: Mapping[str, nn.Module], checkpoint: Path) -> None:
    """Refuses weights that are not finite, which would give black pictures. Buffers, such as masks, may be infinite.

    Raises:
        RunFolderError: The modules have such weights.
    """
    for name, module in modules.items():
        broken = [
            *(key for key, value in module.named_parameters() if not bool(value.isfinite().all())),
            *(key for key, value in module.named_buffers() if value.is_floating_point() and bool(value.isnan().any())),
        ]
        if broken:
            raise RunFolderError(
                f"{broken[0]!r} of the {name.replace('_', ' ')} in {str(checkpoint)!r} is not finite"
                + (f", as are {len(broken) - 1} more tensors of it" if len(broken) > 1 else "")
                + "; try --checkpoint best, or train the run again"
            )
