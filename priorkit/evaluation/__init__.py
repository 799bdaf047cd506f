"""Scores of trained models: of their samples, reconstructions, codes and likelihoods."""

from priorkit.evaluation.catalogue import CATALOGUE, GROUPS, Listed, choose_scores
from priorkit.evaluation.clustering import adjusted_rand_index, clustering_accuracy, normalised_mutual_information
from priorkit.evaluation.codebook_scores import codebook_use
from priorkit.evaluation.encodings import Encodings, encode_images
from priorkit.evaluation.extractors import build_extractor, cache_folder
from priorkit.evaluation.frechet import frechet_distance
from priorkit.evaluation.image_distances import peak_signal_to_noise, squared_error, structural_similarity
from priorkit.evaluation.inception_score import inception_score
from priorkit.evaluation.kernel_distance import code_discrepancy, kernel_distance
from priorkit.evaluation.likelihood import active_units, elbo, elbo_surgery, importance_weighted_bound
from priorkit.evaluation.manifolds import density_coverage, precision_recall
from priorkit.evaluation.model_scores import evaluate_model
from priorkit.evaluation.score import Score
from priorkit.evaluation.settings import EvaluationSettings
from priorkit.evaluation.two_sample_classifier import two_sample_accuracy

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Encodings",
    "EvaluationSettings",
    "Listed",
    "Score",
    "active_units",
    "adjusted_rand_index",
    "build_extractor",
    "cache_folder",
    "choose_scores",
    "clustering_accuracy",
    "code_discrepancy",
    "codebook_use",
    "density_coverage",
    "elbo",
    "elbo_surgery",
    "encode_images",
    "evaluate_model",
    "frechet_distance",
    "importance_weighted_bound",
    "inception_score",
    "kernel_distance",
    "normalised_mutual_information",
    "peak_signal_to_noise",
    "precision_recall",
    "squared_error",
    "structural_similarity",
    "two_sample_accuracy",
]
