"""What a session trains on: batches of images, or of the codes that are kept of them."""

from priorkit.config import RunConfig
from priorkit.data.batches import Batches
from priorkit.data.kept_codes import KeptCodes
from priorkit.data.stream import default_workers
from priorkit.distributed import Processes
from priorkit.engine import Precision
from priorkit.interfaces import ImageSet
from priorkit.models.system import BuiltSystem

__all__ = ["make_batches"]


def make_batches(
    system: BuiltSystem, images: ImageSet, config: RunConfig, precision: Precision, processes: Processes
) -> Batches | KeptCodes:
    """The source of a session's batches.

    Args:
        system: The components.
        images: The training images.
        config: The run's settings.
        precision: Where and how to compute.
        processes: Those that train together.
    """
    condition, device = system.condition, precision.device
    entries = condition.entries(images) if condition is not None and condition.from_data else None
    if system.fits_codes:
        return KeptCodes(
            images,
            config.batch_size,
            seed=config.seed,
            precision=precision,
            channels_last=config.channels_last,
            entries=entries,
            binarise=config.binarise,
        )
    return Batches(
        images,
        config.batch_size,
        seed=config.seed,
        device=device,
        channels_last=config.channels_last,
        share=processes.share(config.batch_size),
        workers=default_workers(device, processes.local_count) if config.workers is None else config.workers,
        entries=entries,
        binarise=config.binarise,
    )
