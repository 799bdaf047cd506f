"""A training session: everything that a run in progress consists of, in memory."""

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
        data: The images, of a size that the networks take.
        processes: Those that train together; None for this one alone.

    Raises:
        ConfigurationError: The configuration does not fit the data or the processes, or the components do not fit each
            other.
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
        """The model as it stands: averaged where the run averages, with batch-norm statistics of its own weights."""
        self._recompute_statistics()
        return Model(self.system, self.precision, self.evaluation_networks)

    def _recompute_statistics(self) -> None:
        """Finds the batch-norm statistics of the weights as they are, once a step at most; takes no randomness."""
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
        """Goes over to the stage that the next step belongs to."""
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
        """Reads the next batch, which the next step then finds ready.

        Raises:
            DataError: An image that is read as it is needed cannot be read.
        """
        self._enter_stage()
        if self.steps == self.stage.begins:
            # Scores of a stage in which the prior was not trained yet do not compare with those that follow.
            self.best = {}
        self.source.fetch(self.engine.images_seen, self._encoder_in_use)

    def step(self) -> None:
        """Trains on one batch.

        Raises:
            DataError: An image that is read as it is needed cannot be read; nothing has been trained on the batch.
            PluginError: A third party's phase fails, or its prior in a stage on codes.
            ConfigurationError: The prior refuses the codes.
        """
        self.fetch()
        images, conditions = self.source.take()
        whole = len(images) if self.stage.batch is Batch.ALL_CODES else self.stage.batch_size
        on_images = self.stage.batch is Batch.IMAGES
        try:
            # Where the prior refuses codes, or fails, priorkit's own phases that call it are not to blame.
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
        """Tells a prior that nothing has trained yet the scale of the codes of the stage that begins."""
        earlier = self.system.stages[: self.system.stages.index(self.stage)]
        moments = self.source.moments()
        if moments is not None and not any("prior" in stage.trains() for stage in earlier):
            self.system.prior.standardise(*moments)

    def close(self) -> None:
        """Ends the processes that read images, if there are any; the next step starts them again."""
        self.source.close()

    @cached_property
    def _held_out(self) -> Tensor:
        """The held-out images that reviews look at, uint8: read once, where they lie on disk."""
        return binarised(self.data.test.first(REVIEWED), self.config.binarise, self.config.seed, 0)

    @cached_property
    def _typical(self) -> Tensor:
        """The training images that batch-norm statistics are of, uint8: read once, where they lie on disk."""
        return typical_images(self.data.train, self.config)

    def total_steps(self) -> int | None:
        """At which step the run ends, by its steps or epochs; None if only time ends it."""
        return last_step(self.config, len(self.data.train))

    def at_stage_end(self) -> bool:
        """Whether a stage has just ended, and another one is to follow."""
        return any(stage.begins == self.steps for stage in self.system.stages[1:])

    def finished(self) -> bool:
        """Whether the run has reached one of its limits."""
        total = self.total_steps()
        out_of_time = self.config.max_time is not None and self.seconds >= self.config.max_time
        return out_of_time or (total is not None and self.steps >= total)

    def start_together(self) -> None:
        """Gives every process the main one's networks: machines may differ in how they draw the first weights.

        Raises:
            DataError: An image that batch-norm statistics are of cannot be read.
        """
        if self.evaluation_networks.statistics():
            _ = self._typical  # now, when nothing can be lost
        self.processes.copy_from_main(list(trained_tensors(self.system, self.averages).values()))
        self._recomputed = False

    def settle(self) -> None:
        """Makes the processes' networks one, before anybody looks at them.

        Their weights are equal, as their updates are. Running statistics of batch norm, which neither training nor use
        depends on, are not where each process has its own; then their means over the processes replace them.

        Raises:
            ProcessesError: The networks are not equal.
        """
        if not self.config.synchronise_batch_norm:
            average_statistics(list(self.engine.networks.values()), self.processes)
        require_equal_tensors(trained_tensors(self.system, self.averages), self.processes, self.steps)

    def review(self) -> Review:
        """Looks at samples from fixed noise and at held-out reconstructions; changes nothing."""
        return review_model(self.model, self._held_out, seed=self.config.seed)

    def check_finite(self) -> None:
        """Makes sure that the weights are fit to be kept.

        Raises:
            NonFiniteLossError: A loss, a weight or an image that the model makes is infinite or not a number.
        """
        self.engine.losses(reset=False)
        seed = self.config.seed
        require_finite(self.engine.networks, self.model, self._held_out, seed=seed, step=self.steps)

    def weights(self) -> dict[str, Tensor]:
        """Every tensor of the networks and their averages, and the statistics of their use, by name."""
        self._recompute_statistics()
        statistics = self.evaluation_networks.statistics()
        return {
            **trained_tensors(self.system, self.averages),
            **{f"use/{key}": value for key, value in statistics.items()},
        }

    def state(self) -> dict[str, Any]:
        """Everything else that the session must remember."""
        return {
            "engine": self.engine.state_dict(),
            "averages": self.averages.state_dict() if self.averages is not None else {},
            "seconds": self.seconds,
            "best": dict(self.best),
            **({"rate_reduction": self.rates.reduction} if self.rates.reduction != 1 else {}),
        }

    def load(self, weights: dict[str, Tensor], state: Mapping[str, Any]) -> None:
        """Restores what `weights` and `state` gave.

        Raises:
            AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError: It is none of this session's.
        """
        self.source.forget()
        self.load_weights(weights)
        self.engine.load_state_dict(state["engine"])
        self._enter_stage()
        # Rates may have been changed since, by who goes on with the run.
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
        """Takes the encoder and the decoder of another run, which then stand still.

        Args:
            weights: Tensors of the other run by `network/tensor`, its averages in the place of what they follow, and
                the statistics of its use by `use/network/tensor`.

        Raises:
            KeyError, RuntimeError: They are those of other networks.
        """
        load_autoencoder(self.system, weights)
        self.evaluation_networks.load_statistics(tensors_below("use", weights), self.evaluation_networks.kept)
        self._recomputed = False

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Restores the networks and their averages."""
        self.source.forget()
        load_trained_tensors(self.system, self.averages, weights)
        self.evaluation_networks.load_statistics(tensors_below("use", weights))
        # Found again when they are needed: what was loaded may be of any step.
        self._recomputed = False
