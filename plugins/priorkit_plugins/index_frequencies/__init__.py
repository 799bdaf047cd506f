"""The prior `index-frequencies`: frequencies of a codebook's entries at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from priorkit.plugins import Component, Options, PriorContext, hookimpl

if TYPE_CHECKING:
    from priorkit.interfaces import Prior

__all__ = ["IndexFrequenciesOptions", "priorkit_priors"]


class IndexFrequenciesOptions(Options):
    """Options of the prior `index-frequencies`."""

    added: float = Field(0.1, gt=0, description="pseudo-count, added to the count of every entry")


def _build(options: IndexFrequenciesOptions, context: PriorContext) -> Prior:
    from priorkit_plugins.index_frequencies.prior import IndexFrequenciesPrior

    return IndexFrequenciesPrior(context.codes, classes=context.classes, added=options.added)


@hookimpl
def priorkit_priors() -> list[Component[Prior]]:
    """Supplies the prior `index-frequencies`."""
    return [
        Component(
            "index-frequencies",
            IndexFrequenciesOptions,
            _build,
            summary="independent indices with their frequencies at each place in all codes: a baseline",
            source="textbook",
        )
    ]
