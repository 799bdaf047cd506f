"""The conformance kit: tests whether components keep their interfaces' contracts.

    from priorkit.testing import Case, check_prior, parametrize_with_checks

    check_prior("student-t", options={"degrees": 3}).raise_if_failed()

    @parametrize_with_checks([Case("prior", "student-t"), Case("prior", "student-t", {"degrees": 3})])
    def test_conforms(check):
        check()

The kit needs hypothesis and pytest: `pip install 'priorkit[testing]'`.
"""

from priorkit.errors import MissingExtraError

try:
    from priorkit.testing.case import Case, Situations
    from priorkit.testing.conformance import check_component
    from priorkit.testing.kind_checks import (
        check_adversarial_loss,
        check_code_generator,
        check_condition,
        check_data_source,
        check_encoder,
        check_feature_extractor,
        check_networks,
        check_phase,
        check_prior,
        check_reconstruction_loss,
        check_regularizer,
        check_text_encoder,
    )
    from priorkit.testing.parametrize import parametrize_with_checks
    from priorkit.testing.report import ConformanceError, Outcome, Report, Result
    from priorkit.testing.strategies import batch_sizes, code_dims, codes, image_shapes, images, options, seeds
except ModuleNotFoundError as _error:
    if _error.name not in ("hypothesis", "pytest"):
        raise
    raise MissingExtraError(f"priorkit.testing needs {_error.name}: pip install 'priorkit[testing]'") from _error

__all__ = [
    "Case",
    "ConformanceError",
    "Outcome",
    "Report",
    "Result",
    "Situations",
    "batch_sizes",
    "check_adversarial_loss",
    "check_code_generator",
    "check_component",
    "check_condition",
    "check_data_source",
    "check_encoder",
    "check_feature_extractor",
    "check_networks",
    "check_phase",
    "check_prior",
    "check_reconstruction_loss",
    "check_regularizer",
    "check_text_encoder",
    "code_dims",
    "codes",
    "image_shapes",
    "images",
    "options",
    "parametrize_with_checks",
    "seeds",
]
