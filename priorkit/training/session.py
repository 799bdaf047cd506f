"""A training session: the state of a run in progress, in memory."""

from collections.abc import Mapping
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data.batches import to_float
from priorkit.data.binarisation import binarised
from priorkit.data.data_summary import summarise
from priorkit.data.typical_images import typical_images
from priorkit.distributed import Processes, synchronise_batch_norm
from priorkit.distributed.agreement import average_statistics, require_equal_tensors
from priorkit.engine import AveragedNetworks, Engine, choose_device, choose_precision, seed_for
from priorkit.engine.kept_numbers import real_number
from priorkit.errors import ConfigurationError, PluginError
from priorkit.interfaces import Batch, Encoder, ImageData
from priorkit.models.assembly import build_system
from priorkit.models.batch_sharing import require_shareable_terms
from priorkit.models.evaluation_networks import EvaluationNetworks
from priorkit.models.model import Model
from priorkit.models.system import tensors_below
from priorkit.registry import Registry
from priorkit.registry.guard import refusing
from priorkit.training.acceleration import choose_recorder, compile_system
from priorkit.training.batch_sizes import require_batch_sizes
from priorkit.training.batch_source import BatchSource
from priorkit.training.divergence import require_finite
from priorkit.training.length import last_step, with_its_end
from priorkit.training.optimizers import make_optimizers
from priorkit.training.review import REVIEWED, Review, review_model
from priorkit.training.scheduled_rates import ScheduledRates
from priorkit.training.trained_tensors import load_autoencoder, load_trained_tensors, trained_tensors

__all__ = ["Session"]


class Session:
    """A system in training: its data, engine, averages and progress.

    Args:
        config: A resolved configuration.
        registry: Where components come from.
        data: The images, of a size that the networks support.
        processes: The processes that train together; None for this process alone.

    Raises:
        ConfigurationError: The configuration does not fit the data or the processes, or components are incompatible.
        DeviceError: The device is not available.
    """

    def __init__(
        self, config: RunConfig, registry: Registry, data: ImageData, processes: Processes | None = None
    ) -> None:
        self.processes = processes = processes or Processes()
        require_batch_sizes(config, len(data.train), processes)
        device = choose_device(config.device, processes)
        self.config = config
        self._prior = registry.get("prior", config.prior.name)
        self.data = data
        self.precision = choose_precision(config.precision, device)
        recorder = choose_recorder(config, device, processes)
        if config.on_divergence == "rollback" and processes.count > 1:
            raise ConfigurationError(
                "--on-divergence rollback: training in several processes cannot be rolled back yet; use stop or skip"
            )
        torch.manual_seed(seed_for(config.seed, "weights"))
        self.system = build_system(config, registry, summarise(data))
        self.config = config = with_its_end(config, self.system)
        require_shareable_terms(self.system, config, processes)
        self.system.to(device, channels_last=config.channels_last)
        networks = self.system.trained()
        if config.synchronise_batch_norm:
            for network in networks.values():
                synchronise_batch_norm(network, processes)
        self.stage = self.system.stages[0]
        self.engine = Engine(
            networks,
            make_optimizers(self.system, config, capturable=recorder is not None),
            self.stage.phases,
            precision=self.precision,
            seed=config.seed,
            clip_norm=config.clip_norm,
            simultaneous=config.simultaneous,
            processes=processes,
            recorder=recorder,
            skips_faults=config.on_divergence == "skip",
        )
        self.rates = ScheduledRates(self.engine.optimizers, self.system, config, len(data.train))
        self.averages = AveragedNetworks(self.system.averaged(), config.average) if config.average > 0 else None
        averaged = self.averages.networks if self.averages is not None else {}
        self.evaluation_networks = EvaluationNetworks(self.system, averaged)
        self._recomputed = False
        self.source = BatchSource(self.system, data, config, self.precision, processes)
        if config.compile:
            compile_system(self.system)
        self.seconds = 0.0
        self.best: dict[str, float] = {}

    @property
    def model(self) -> Model:
        """The current model: averaged weights, if the run averages, with batch-norm statistics of these weights."""
        self._recompute_statistics()
        return Model(self.system, self.precision, self.evaluation_networks)

    def _recompute_statistics(self) -> None:
        """Computes batch-norm statistics of the current weights, at most once a step; draws no random numbers."""
        if not self._recomputed and self.evaluation_networks.statistics():
            generator = torch.Generator().manual_seed(seed_for(self.config.seed, "statistics"))
            batches = (
                to_float(part.to(self.precision.device), channels_last=self.config.channels_last)
                for part in torch.split(self._typical, self.config.batch_size)
            )
            self.evaluation_networks.recompute(batches, generator, self.precision)
        self._recomputed = True

    @property
    def steps(self) -> int:
        """Steps done."""
        return self.engine.steps

    def _enter_stage(self) -> None:
        """Switches to the stage of the next step."""
        stage = next(item for item in reversed(self.system.stages) if item.begins <= self.steps)
        if stage is not self.stage:
            self.stage = stage
            self.source.enter(stage)
            self.engine.set_phases(stage.phases)
            self.rates.set(stage, self.steps)

    def _encoder_in_use(self) -> Encoder:
        self._recompute_statistics()
        encoder = self.evaluation_networks.encoder
        assert encoder is not None, "codes come from an encoder"
        return encoder

    def fetch(self) -> None:
        """Reads the next batch ahead of the next step.

        Raises:
            DataError: A streamed image cannot be read.
        """
        self._enter_stage()
        if self.steps == self.stage.begins:
            # Scores of a stage before the prior's training cannot be compared with later scores.
            self.best = {}
        self.source.fetch(self.engine.images_seen, self._encoder_in_use)

    def step(self) -> None:
        """Trains on one batch.

        Raises:
            DataError: A streamed image cannot be read; nothing has been trained on the batch.
            PluginError: A third party's phase fails, or its prior in a stage on codes.
            ConfigurationError: The prior refuses the codes.
        """
        self.fetch()
        images, conditions = self.source.take()
        whole = len(images) if self.stage.batch is Batch.ALL_CODES else self.stage.batch_size
        on_images = self.stage.batch is Batch.IMAGES
        try:
            # If the prior refuses codes or fails, the error should not blame priorkit's own phases that call it.
            with nullcontext() if on_images else refusing(self._prior, f"--prior {self.config.prior.name}"):
                if self.steps == self.stage.begins:
                    self._standardise()
                self.rates.change(self.stage, self.steps)
                self.engine.step(images, whole, conditions)
        except PluginError as error:
            raise PluginError(f"{error} (it failed in step {self.steps + 1})") from error
        self._recomputed = False
        if self.averages is not None:
            self.averages.update(self.stage.trains())

    def _standardise(self) -> None:
        """Tells an untrained prior the scale of the codes of the stage that begins."""
        earlier = self.system.stages[: self.system.stages.index(self.stage)]
        moments = self.source.moments()
        if moments is not None and not any("prior" in stage.trains() for stage in earlier):
            self.system.prior.standardise(*moments)

    def close(self) -> None:
        """Ends the processes that read images, if any; the next step starts them again."""
        self.source.close()

    @cached_property
    def _held_out(self) -> Tensor:
        """The held-out images of reviews, uint8; read only once if they are on disk."""
        return binarised(self.data.test.first(REVIEWED), self.config.binarise, self.config.seed, 0)

    @cached_property
    def _typical(self) -> Tensor:
        """The training images for batch-norm statistics, uint8; read only once if they are on disk."""
        return typical_images(self.data.train, self.config)

    def total_steps(self) -> int | None:
        """The step at which the run ends, by its steps or epochs; None if only time ends it."""
        return last_step(self.config, len(self.data.train))

    def at_stage_end(self) -> bool:
        """Whether a stage has just ended and another follows."""
        return any(stage.begins == self.steps for stage in self.system.stages[1:])

    def finished(self) -> bool:
        """Whether the run has reached one of its limits."""
        total = self.total_steps()
        out_of_time = self.config.max_time is not None and self.seconds >= self.config.max_time
        return out_of_time or (total is not None and self.steps >= total)

    def start_together(self) -> None:
        """Copies the main process's networks to all processes: initial weights may differ between machines.

        Raises:
            DataError: An image for batch-norm statistics cannot be read.
        """
        if self.evaluation_networks.statistics():
            _ = self._typical  # now, when nothing can be lost yet
        self.processes.copy_from_main(list(trained_tensors(self.system, self.averages).values()))
        self._recomputed = False

    def settle(self) -> None:
        """Makes the processes' networks equal, before they are evaluated or saved.

        Weights are equal already, because updates are. Running statistics of batch norm, on which neither training nor
        evaluation depends, may differ between processes; they are replaced by their means over the processes.

        Raises:
            ProcessesError: The networks are not equal.
        """
        if not self.config.synchronise_batch_norm:
            average_statistics(list(self.engine.networks.values()), self.processes)
        require_equal_tensors(trained_tensors(self.system, self.averages), self.processes, self.steps)

    def review(self) -> Review:
        """Reviews samples from fixed noise and held-out reconstructions; changes nothing."""
        return review_model(self.model, self._held_out, seed=self.config.seed)

    def check_finite(self) -> None:
        """Checks that the weights are worth saving.

        Raises:
            NonFiniteLossError: A loss, a weight or an image that the model makes is infinite or not a number.
        """
        self.engine.losses(reset=False)
        seed = self.config.seed
        require_finite(self.engine.networks, self.model, self._held_out, seed=seed, step=self.steps)

    def weights(self) -> dict[str, Tensor]:
        """Every tensor of the networks and their averages, and the batch-norm statistics for evaluation, by name."""
        self._recompute_statistics()
        statistics = self.evaluation_networks.statistics()
        return {
            **trained_tensors(self.system, self.averages),
            **{f"use/{key}": value for key, value in statistics.items()},
        }

    def state(self) -> dict[str, Any]:
        """Everything else of the session's state."""
        return {
            "engine": self.engine.state_dict(),
            "averages": self.averages.state_dict() if self.averages is not None else {},
            "seconds": self.seconds,
            "best": dict(self.best),
            **({"rate_reduction": self.rates.reduction} if self.rates.reduction != 1 else {}),
        }

    def load(self, weights: dict[str, Tensor], state: Mapping[str, Any]) -> None:
        """Restores the results of `weights` and `state`.

        Raises:
            AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError: They do not fit this session.
        """
        self.source.forget()
        self.load_weights(weights)
        self.engine.load_state_dict(state["engine"])
        self._enter_stage()
        # The user may have changed rates when resuming the run.
        self.rates.reduction = real_number(state.get("rate_reduction", 1.0), "reduction of the rates")
        self.rates.set(self.stage, self.steps)
        if self.averages is not None:
            self.averages.load_state_dict(state["averages"])
        self.seconds = real_number(state["seconds"], "time of training")
        self.best = dict(state["best"])
        if not all(isinstance(value, int | float) for value in self.best.values()):
            raise ValueError(f"the best score is {self.best!r:.60}")
        if "step" in self.best:
            # Earlier versions kept it as a floating-point number.
            self.best["step"] = int(self.best["step"])

    def take_autoencoder(self, weights: dict[str, Tensor]) -> None:
        """Loads the encoder and the decoder of another run, which are then frozen.

        Args:
            weights: Tensors of the other run by `network/tensor`, with averages instead of raw weights, and its
                batch-norm statistics for evaluation by `use/network/tensor`.

        Raises:
            KeyError, RuntimeError: They belong to other networks.
        """
        load_autoencoder(self.system, weights)
        self.evaluation_networks.load_statistics(tensors_below("use", weights), self.evaluation_networks.kept)
        self._recomputed = False

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Restores the networks and their averages."""
        self.source.forget()
        load_trained_tensors(self.system, self.averages, weights)
        self.evaluation_networks.load_statistics(tensors_below("use", weights))
        # Statistics are recomputed when needed: the loaded ones may be of any step.
        self._recomputed = False
