"""The interfaces that components implement: small abstract classes with their contracts, and no logic."""

from priorkit.interfaces.adversarial_loss import AdversarialLoss, Comparison
from priorkit.interfaces.batch_norm import TrackingLayer, frozen_statistics
from priorkit.interfaces.captions import Captions
from priorkit.interfaces.code_generator import CodeGenerator
from priorkit.interfaces.code_space import CodeKind, CodeSpace
from priorkit.interfaces.condition import Condition, Recovery
from priorkit.interfaces.data import DataSource, ImageData, ImageSet
from priorkit.interfaces.encoder import Encoder, Posterior
from priorkit.interfaces.feature_extractor import FeatureExtractor, Features
from priorkit.interfaces.networks import ImageCritic, ImageShape, Networks
from priorkit.interfaces.phase import Batch, Move, Noise, OptimizerSettings, Phase, Place
from priorkit.interfaces.prior import Learning, Prior
from priorkit.interfaces.reconstruction_loss import ReconstructionLoss
from priorkit.interfaces.regularizer import Regularizer
from priorkit.interfaces.standardisation import Standardisation
from priorkit.interfaces.stored_images import StoredImages
from priorkit.interfaces.support import Space, Support
from priorkit.interfaces.system import System
from priorkit.interfaces.text_encoder import TextEncoder

__all__ = [
    "AdversarialLoss",
    "Batch",
    "Captions",
    "CodeGenerator",
    "CodeKind",
    "CodeSpace",
    "Comparison",
    "Condition",
    "DataSource",
    "Encoder",
    "FeatureExtractor",
    "Features",
    "ImageCritic",
    "ImageData",
    "ImageSet",
    "ImageShape",
    "Learning",
    "Move",
    "Networks",
    "Noise",
    "OptimizerSettings",
    "Phase",
    "Place",
    "Posterior",
    "Prior",
    "ReconstructionLoss",
    "Recovery",
    "Regularizer",
    "Space",
    "Standardisation",
    "StoredImages",
    "Support",
    "System",
    "TextEncoder",
    "TrackingLayer",
    "frozen_statistics",
]
