"""Scores of trained models: of their samples, reconstructions, codes and likelihoods."""

from priorkit.evaluation.catalogue import CATALOGUE, GROUPS, Listed, choose_scores
from priorkit.evaluation.clustering import adjusted_rand_index, clustering_accuracy, normalised_mutual_information
from priorkit.evaluation.codebook_scores import codebook_use
from priorkit.evaluation.colour_agreement import ColourAgreement, colour_agreement
from priorkit.evaluation.encodings import Encodings, encode_images
from priorkit.evaluation.extractors import DEFAULT_MATCHER, build_extractor, build_matcher, cache_folder
from priorkit.evaluation.frechet import frechet_distance
from priorkit.evaluation.grouped_distance import grouped_kernel_distance
from priorkit.evaluation.image_distances import peak_signal_to_noise, squared_error, structural_similarity
from priorkit.evaluation.inception_score import inception_score
from priorkit.evaluation.kernel_distance import code_discrepancy, kernel_distance
from priorkit.evaluation.likelihood import active_units, elbo, elbo_surgery, importance_weighted_bound
from priorkit.evaluation.manifolds import density_coverage, precision_recall
from priorkit.evaluation.model_scores import evaluate_model
from priorkit.evaluation.picture_colours import named_colours, shown_colours
from priorkit.evaluation.retrieval import r_precision
from priorkit.evaluation.score import Score
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.evaluation.two_sample_classifier import two_sample_accuracy

__all__ = [
    "CATALOGUE",
    "DEFAULT_MATCHER",
    "GROUPS",
    "ColourAgreement",
    "Encodings",
    "EvaluationSettings",
    "Listed",
    "Score",
    "active_units",
    "adjusted_rand_index",
    "build_extractor",
    "build_matcher",
    "cache_folder",
    "choose_scores",
    "clustering_accuracy",
    "code_discrepancy",
    "codebook_use",
    "colour_agreement",
    "density_coverage",
    "elbo",
    "elbo_surgery",
    "encode_images",
    "evaluate_model",
    "frechet_distance",
    "grouped_kernel_distance",
    "importance_weighted_bound",
    "inception_score",
    "kernel_distance",
    "named_colours",
    "normalised_mutual_information",
    "peak_signal_to_noise",
    "precision_recall",
    "r_precision",
    "shown_colours",
    "squared_error",
    "structural_similarity",
    "two_sample_accuracy",
]
