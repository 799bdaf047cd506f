"""The batches of a session, stage by stage: of images, or of cached codes."""

from collections.abc import Callable

import torch
from torch import Tensor

from priorkit.config import RunConfig
from priorkit.data import Batches, KeptCodes, default_workers
from priorkit.data.batches import uploaded
from priorkit.distributed import Processes
from priorkit.engine import Precision, seed_for
from priorkit.interfaces import Batch, CodeKind, Encoder, ImageData
from priorkit.models.stages import PlannedStage
from priorkit.models.system import BuiltSystem

__all__ = ["BatchSource"]


class BatchSource:
    """Provides the batches of a session, in each stage of the kind that the stage's phases take.

    Args:
        system: The components.
        data: The training images and their augmentation.
        config: The run's settings.
        precision: The device and precision of computations.
        processes: The processes that train together.

    Attributes:
        batches: The source of the current stage's batches.
    """

    def __init__(
        self, system: BuiltSystem, data: ImageData, config: RunConfig, precision: Precision, processes: Processes
    ) -> None:
        self.condition = system.condition
        self.codes = system.codes
        self.leaves_out = system.prior.leaves_out
        self.images = data.train
        self.transform = data.transform
        self.config = config
        self.precision = precision
        self.processes = processes
        self.stage = system.stages[0]
        self._entries: Tensor | None = None
        self.batches = self._make()
        self._fetched: tuple[Tensor, dict[str, Tensor]] | None = None

    def enter(self, stage: PlannedStage) -> None:
        """Switches to another stage."""
        self.batches.close()
        self._fetched = None
        self.stage = stage
        self.batches = self._make()

    def fetch(self, images_seen: int, encoder: Callable[[], Encoder]) -> None:
        """Reads the next batch, unless it has been read already.

        Args:
            images_seen: Number of images seen before.
            encoder: Returns enc for evaluation, on the device; called if codes are not cached yet.

        Raises:
            DataError: A streamed image cannot be read.
        """
        if self._fetched is not None:
            return
        batches = self.batches
        if isinstance(batches, KeptCodes) and not batches.known:
            batches.encode_with(encoder())
        if self.stage.batch is Batch.ALL_CODES:
            assert isinstance(batches, KeptCodes), "stages on all codes have cached codes"
            self._fetched = batches.everything(), self._conditions(batches.all_entries(), None, images_seen)
            return
        others, condition = None, self.condition
        needs_others = condition is not None and (condition.mismatched or condition.interpolated > 0)
        if needs_others and self.stage.batch is Batch.IMAGES:
            others = batches.entries_at(images_seen + self.stage.batch_size)
        with_them = self._conditions(batches.entries_at(images_seen), others, images_seen)
        if self.leaves_out:
            with_them["indices"] = batches.indices_at(images_seen)
        self._fetched = batches.at(images_seen), with_them

    def moments(self) -> tuple[Tensor, Tensor] | None:
        """Mean and deviation of the codes of a stage on codes, each (code_dim,), after the first batch has been read.

        None if the stage takes images, or its codes are indices.
        """
        indices = self.codes.kind is CodeKind.INDICES
        return self.batches.moments() if isinstance(self.batches, KeptCodes) and not indices else None

    def take(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The batch that has been read, and its conditions; it is then discarded."""
        assert self._fetched is not None, "a batch is read first"
        fetched, self._fetched = self._fetched, None
        return fetched

    def forget(self) -> None:
        """Discards what has been read or computed ahead, before the networks or the position change."""
        self._fetched = None
        if isinstance(self.batches, KeptCodes):
            self.batches.forget()

    def close(self) -> None:
        """Ends the processes that read images, if any; the next batch starts them again."""
        self.batches.close()

    def _conditions(self, entries: Tensor | None, others: Tensor | None, images_seen: int) -> dict[str, Tensor]:
        """The conditions of a batch: `condition`; `mismatched`, of other images; `interpolated`; and `entries`."""
        condition = self.condition
        if condition is None or entries is None:
            return {}
        entries = self._one_of(entries, images_seen)
        conditions = {"condition": condition.vectors(entries)}
        if others is not None:
            others = self._one_of(others, images_seen + self.stage.batch_size)
            vectors = condition.vectors(others)
            if condition.mismatched:
                conditions["mismatched"] = vectors
            if condition.interpolated:
                mixed = self._chances(entries, "interpolated", images_seen) < condition.interpolated
                mixture = condition.mixture(conditions["condition"], vectors)
                conditions["interpolated"] = torch.where(mixed[:, None], mixture, conditions["condition"])
        if condition.shows_entries:
            conditions["entries"] = entries
        return conditions

    def _one_of(self, entries: Tensor, images_seen: int) -> Tensor:
        """Picks one of each image's entries for the batch after `images_seen` images."""
        if self.condition is None or not self.condition.several_entries:
            return entries
        return self.condition.one_of(entries, self._chances(entries, "entries", images_seen))

    def _chances(self, entries: Tensor, purpose: str, images_seen: int) -> Tensor:
        """A number from 0 to 1 for each image of the batch after `images_seen` images, on the device of its entries."""
        # Drawn for the whole batch, on the CPU, so that neither the device nor the number of processes matters.
        generator = torch.Generator().manual_seed(seed_for(self.config.seed, purpose, images_seen))
        if self.stage.batch is Batch.IMAGES:
            share = self.processes.share(self.stage.batch_size)
            chances = torch.rand(self.stage.batch_size, generator=generator)[share]
        else:
            chances = torch.rand(len(entries), generator=generator)
        return uploaded(chances, entries.device)

    def _make(self) -> Batches | KeptCodes:
        config, device, condition = self.config, self.precision.device, self.condition
        if self._entries is None and condition is not None and condition.from_data:
            # Kept for later stages, so that captions are tokenised only once.
            self._entries = condition.entries(self.images)
        entries = self._entries
        if self.stage.batch is not Batch.IMAGES:
            return KeptCodes(
                self.images,
                self.stage.batch_size,
                seed=config.seed,
                precision=self.precision,
                channels_last=config.channels_last,
                entries=entries,
                binarise=config.binarise,
            )
        return Batches(
            self.images,
            self.stage.batch_size,
            seed=config.seed,
            device=device,
            channels_last=config.channels_last,
            share=self.processes.share(self.stage.batch_size),
            workers=default_workers(device, self.processes.local_count) if config.workers is None else config.workers,
            entries=entries,
            binarise=config.binarise,
            transform=self.transform,
        )
