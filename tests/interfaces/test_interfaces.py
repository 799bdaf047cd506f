"""Properties of all interfaces."""

import inspect

import pytest

from priorkit.interfaces import (
    AdversarialLoss,
    CodeGenerator,
    DataSource,
    Encoder,
    ImageCritic,
    Networks,
    Prior,
    ReconstructionLoss,
    Regularizer,
    TextEncoder,
)


@pytest.mark.parametrize(
    ("interface", "methods"),
    [
        (AdversarialLoss, {"real", "fake", "generator"}),
        (CodeGenerator, {"forward"}),
        (DataSource, {"load"}),
        (Encoder, {"forward"}),
        (ImageCritic, {"features", "score"}),
        (Networks, {"encoder", "decoder", "image_critic", "code_critic"}),
        (Prior, {"noise", "forward"}),
        (ReconstructionLoss, {"forward"}),
        (Regularizer, {"encoder_terms"}),
        (TextEncoder, {"token_ids", "forward"}),
    ],
)
def test_what_has_to_be_implemented(interface: type, methods: set[str]) -> None:
    assert interface.__abstractmethods__ == methods
    with pytest.raises(TypeError, match=interface.__name__):
        interface()
    for method in methods:
        assert inspect.getdoc(getattr(interface, method))
    # A class can be instantiated only if it implements all abstract methods.
    for missing in methods:
        incomplete = type("Incomplete", (interface,), dict.fromkeys(methods - {missing}, lambda self: None))
        with pytest.raises(TypeError, match=missing):
            incomplete()
    complete = type("Complete", (interface,), dict.fromkeys(methods, lambda self: None))
    assert isinstance(complete(*[(1, 16)] * (interface is Networks)), interface)
