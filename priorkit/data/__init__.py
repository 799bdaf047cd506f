"""Reads images, brings them to one shape, and makes batches of images and codes."""

from priorkit.data.batches import Batches, to_float, to_uint8
from priorkit.data.binarisation import Binarise, binarised
from priorkit.data.data_summary import DataSummary, class_counts, summarise
from priorkit.data.fingerprints import condition_fingerprint, sample_fingerprint
from priorkit.data.fitting_images import Preparation, PreparedData, fit_alike
from priorkit.data.kept_codes import KeptCodes
from priorkit.data.loading import data_source, load_data
from priorkit.data.stream import default_workers
from priorkit.data.typical_images import typical_images

__all__ = [
    "Batches",
    "Binarise",
    "DataSummary",
    "KeptCodes",
    "Preparation",
    "PreparedData",
    "binarised",
    "class_counts",
    "condition_fingerprint",
    "data_source",
    "default_workers",
    "fit_alike",
    "load_data",
    "sample_fingerprint",
    "summarise",
    "to_float",
    "to_uint8",
    "typical_images",
]
